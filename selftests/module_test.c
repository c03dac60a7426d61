// SPDX-License-Identifier: GPL-2.0
/*
 * P8: the module is loaded and unloaded, under forking too; unloading is refused
 * while somebody needs it; and a forced unload, which skips the refusal, is
 * survived by members, by open fds of every kind, and by whoever uses them just then.
 */
#include "common/proc.h"
#include <sys/epoll.h>
#include <sys/utsname.h>

#define MODULE		"jobtrack"
#define MODULE_FILE	"/lib/jobtrack/jobtrack.ko"
#define PROC_FILE	"/proc/jobtrack"
#define FORKERS		6
#define ROUNDS		8
#define ENOUGH_NS	(5 * NSEC_PER_SEC)	/* on a slow machine fewer rounds do */

static int load(void)
{
	const char *file = getenv("JOBTRACK_MODULE") ?: MODULE_FILE;
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return ret ?: chmod(JOBTRACK_DEVICE, 0666) ? -errno : 0;
}

static int unload(void)
{
	return syscall(SYS_delete_module, MODULE, O_NONBLOCK) ? -errno : 0;
}

static int force_unload(void)
{
	return syscall(SYS_delete_module, MODULE, O_NONBLOCK | O_TRUNC) ? -errno : 0;
}

static bool is_there(void)
{
	return !access("/sys/module/" MODULE, F_OK);
}

/* Taken apart by a work of the kernel's, a moment after the unload */
static bool is_all_gone(void)
{
	return !is_there() && access(JOBTRACK_DEVICE, F_OK) && access(PROC_FILE, F_OK);
}

FIXTURE(module) {
	bool *stop;		/* for the forkers */
};

FIXTURE_SETUP(module)
{
	if (!is_there() && load())
		SKIP(_exit(255), "no module to load");
	REQUIRE_MODULE();
	ASSERT_TRUE(clear_user(OWNER));
	self->stop = shared(sizeof(*self->stop));
}

FIXTURE_TEARDOWN(module)
{
	*self->stop = true;
	clear_user(OWNER);
	if (!is_there())
		EXPECT_EQ(0, load());
}

/* ------------------------------------------------------------------- unloading */

TEST_F(module, unload_and_load_again)
{
	uint64_t id, last = 0;

	for (int i = 0; i < 5; i++) {
		int job = jt_create(0, 0, NULL, &id);

		ASSERT_GE(job, 0);
		EXPECT_LT(last, id);	/* never used again, reloads included */
		last = id;
		close(job);
		ASSERT_TRUE(WAIT_UNTIL(unload() == 0));
		EXPECT_TRUE(WAIT_UNTIL(is_all_gone()));
		ASSERT_EQ(0, load());
		EXPECT_EQ(0, access(JOBTRACK_DEVICE, F_OK));
		EXPECT_EQ(0, access(PROC_FILE, F_OK));
		EXPECT_EQ(-EEXIST, load());
	}
}

static int list_fd(void)
{
	struct jobtrack_list arg = { .flags = 0 };

	return jt_device(JOBTRACK_IOC_LIST, &arg);
}

static int snapshot_fd(int job)
{
	struct jobtrack_snapshot arg = { .flags = 0 };

	return jt_ioctl(job, JOBTRACK_IOC_SNAPSHOT, &arg);
}

static void expect_held(struct __test_metadata *_metadata, int fd, const char *what)
{
	ASSERT_GE(fd, 0) TH_LOG("%s", what);
	EXPECT_EQ(-EWOULDBLOCK, unload()) TH_LOG("%s", what);
	close(fd);
}

TEST_F(module, refused_while_used)
{
	int job = jt_create(0, 0, NULL, NULL), snapshot;
	pid_t pid = spawn(job, OWNER, lone_sleeper, NULL);

	ASSERT_TRUE(WAIT_UNTIL(belongs_to(pid, OWNER)));
	snapshot = snapshot_fd(job);
	close(job);
	close(snapshot);
	/* a member alone, with no fd anywhere */
	EXPECT_EQ(-EWOULDBLOCK, unload());
	ASSERT_TRUE(is_there());
	EXPECT_LT(0, jt_job_of(pid));
	kill(pid, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, reap(pid));
	ASSERT_TRUE(WAIT_UNTIL(unload() == 0));
	ASSERT_EQ(0, load());

	/* each kind of fd alone */
	expect_held(_metadata, open(JOBTRACK_DEVICE, O_RDWR), "device");
	expect_held(_metadata, jt_create(0, 0, NULL, NULL), "job");
	expect_held(_metadata, list_fd(), "list");
	job = jt_create(0, 0, NULL, NULL);
	snapshot = snapshot_fd(job);
	close(job);
	expect_held(_metadata, snapshot, "snapshot");
	ASSERT_TRUE(WAIT_UNTIL(unload() == 0));
	ASSERT_EQ(0, load());
}

/* An open /proc/jobtrack does not keep the module; its reader gets an error. */
TEST_F(module, proc_file_outlives_it)
{
	char text[4096];
	int fd = open(PROC_FILE, O_RDONLY);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(10, read(fd, text, 10));
	ASSERT_TRUE(WAIT_UNTIL(unload() == 0));
	EXPECT_EQ(-1, read(fd, text, sizeof(text)));
	ASSERT_EQ(0, load());
	EXPECT_EQ(-1, read(fd, text, sizeof(text)));
	close(fd);
}

/* ------------------------------------------------------------- under forking */

/* Forks and waits until told to stop, but lets others get to it. */
static int forker(void *stop)
{
	CHECK(nice(19) == 19);
	while (!__atomic_load_n((bool *)stop, __ATOMIC_RELAXED)) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		if (pid > 0)
			waitpid(pid, NULL, 0);
	}
	return 0;
}

static int start_forkers(int job, bool *stop)
{
	for (int i = 0; i < FORKERS; i++)
		if (spawn(job, OWNER, forker, stop) < 0)
			return -errno;
	return WAIT_UNTIL(user_processes(OWNER, NULL, 0) >= FORKERS) ? 0 : -ETIMEDOUT;
}

/* Probes come and go while they fire; jobs end just before the unload. */
TEST_F(module, reload_under_forking)
{
	uint64_t end = now_ns() + ENOUGH_NS;

	ASSERT_EQ(0, start_forkers(-1, self->stop));
	for (int round = 0; round < ROUNDS && now_ns() < end; round++) {
		bool *stop = shared(sizeof(*stop));
		int job = jt_create(0, 0, NULL, NULL);
		struct jobtrack_job state;

		ASSERT_GE(job, 0);
		for (int i = 0; i < 2; i++)
			spawn(job, OWNER, forker, stop);
		EXPECT_TRUE(WAIT_UNTIL(!jt_state(job, &state) && state.births > 20));
		ASSERT_EQ(0, jt_signal(job, SIGKILL, NULL));
		ASSERT_TRUE(jt_wait_empty(job));
		close(job);
		ASSERT_TRUE(WAIT_UNTIL(unload() == 0));
		ASSERT_EQ(0, load());
	}
}

/* ------------------------------------------------------------------- by force */

TEST_F(module, forced_with_members)
{
	uint64_t id, again;
	int job = jt_create(0, 0, NULL, &id);
	pid_t pid = spawn(job, OWNER, lone_sleeper, NULL);
	struct jobtrack_job state;

	ASSERT_EQ(0, start_forkers(job, self->stop));
	close(job);
	ASSERT_EQ(id, jt_job_of(pid));
	ASSERT_EQ(0, force_unload());
	EXPECT_TRUE(WAIT_UNTIL(is_all_gone()));
	/* nobody was harmed */
	EXPECT_EQ(1, live_threads(pid));
	EXPECT_LE(FORKERS + 1, user_processes(OWNER, NULL, 0));

	ASSERT_EQ(0, load());
	EXPECT_EQ(0, jt_job_of(pid));
	EXPECT_EQ(-ENOENT, jt_open(id, 0));
	/* who was a member can be one again, of another job */
	job = jt_create(0, 0, NULL, &again);
	ASSERT_GE(job, 0);
	EXPECT_LT(id, again);
	EXPECT_EQ(0, jt_tag(job, pid));
	EXPECT_EQ(again, jt_job_of(pid));
	EXPECT_EQ(0, jt_signal(job, SIGKILL, NULL));
	EXPECT_EQ(128 + SIGKILL, reap(pid));
	EXPECT_TRUE(jt_wait_empty(job));
	ASSERT_EQ(0, jt_state(job, &state));
	EXPECT_EQ(0, state.births);
	close(job);
}

/* One fd of each kind */
struct all_fds {
	int device, job, kill_on_close, look, snapshot, list, proc, epoll;
	pid_t member;
};

static int open_all(struct all_fds *fds)
{
	struct epoll_event event = { .events = EPOLLIN };
	uint64_t id;

	fds->device = open(JOBTRACK_DEVICE, O_RDWR | O_CLOEXEC);
	fds->job = jt_create(0, 0, NULL, &id);
	fds->kill_on_close = jt_create(JOBTRACK_CREATE_KILL_ON_CLOSE, id, NULL, NULL);
	fds->look = jt_open(id, 0);
	fds->member = spawn(fds->kill_on_close, OWNER, lone_sleeper, NULL);
	if (!WAIT_UNTIL(belongs_to(fds->member, OWNER)))
		return -ETIMEDOUT;
	fds->snapshot = snapshot_fd(fds->job);
	fds->list = list_fd();
	fds->proc = open(PROC_FILE, O_RDONLY | O_CLOEXEC);
	fds->epoll = epoll_create1(EPOLL_CLOEXEC);
	return epoll_ctl(fds->epoll, EPOLL_CTL_ADD, fds->job, &event) ? -errno : 0;
}

static void close_all(struct all_fds *fds)
{
	close(fds->device);
	close(fds->job);
	close(fds->kill_on_close);
	close(fds->look);
	close(fds->snapshot);
	close(fds->list);
	close(fds->proc);
	close(fds->epoll);
}

/* Everything that can be asked of an fd: errors, but nothing worse */
static void expect_dead(struct __test_metadata *_metadata, int fd, const char *what)
{
	static const unsigned long commands[] = {
		JOBTRACK_IOC_INFO, JOBTRACK_IOC_CREATE, JOBTRACK_IOC_OPEN, JOBTRACK_IOC_WHICH,
		JOBTRACK_IOC_LIST, JOBTRACK_IOC_STATE, JOBTRACK_IOC_ENTER, JOBTRACK_IOC_TAG,
		JOBTRACK_IOC_SIGNAL, JOBTRACK_IOC_SNAPSHOT,
	};
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char buf[256] = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		memset(buf, 0, sizeof(buf));
		EXPECT_GT(0, ioctl(fd, commands[i], buf)) TH_LOG("%s", what);
	}
	EXPECT_GT(0, read(fd, buf, sizeof(buf))) TH_LOG("%s", what);
	EXPECT_GT(0, write(fd, buf, 1)) TH_LOG("%s", what);
	lseek(fd, 0, SEEK_SET);
	EXPECT_LE(0, poll(&p, 1, 0)) TH_LOG("%s", what);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0)) TH_LOG("%s", what);
	close(dup(fd));
}

static void expect_all_dead(struct __test_metadata *_metadata, struct all_fds *fds)
{
	struct epoll_event event;

	expect_dead(_metadata, fds->device, "device");
	expect_dead(_metadata, fds->job, "job");
	expect_dead(_metadata, fds->kill_on_close, "kill-on-close job");
	expect_dead(_metadata, fds->look, "job, looking");
	expect_dead(_metadata, fds->snapshot, "snapshot");
	expect_dead(_metadata, fds->list, "list");
	expect_dead(_metadata, fds->proc, "/proc");
	EXPECT_LE(0, epoll_wait(fds->epoll, &event, 1, 0));
}

static int poll_forever(void *fds)
{
	struct pollfd p = { .fd = ((struct all_fds *)fds)->job, .events = POLLIN };

	poll(&p, 1, -1);
	return 0;
}

static int epoll_forever(void *fds)
{
	struct epoll_event event;

	epoll_wait(((struct all_fds *)fds)->epoll, &event, 1, -1);
	return 0;
}

TEST_F(module, forced_with_open_fds)
{
	struct all_fds fds, later;
	pid_t waiters[2];
	int job;

	ASSERT_EQ(0, open_all(&fds));
	waiters[0] = spawn(-1, OWNER, poll_forever, &fds);
	waiters[1] = spawn(-1, OWNER, epoll_forever, &fds);
	for (int i = 0; i < 2; i++) {
		ASSERT_TRUE(WAIT_UNTIL(belongs_to(waiters[i], OWNER) &&
				       proc_state(waiters[i]) == 'S'));
	}
	ASSERT_EQ(0, force_unload());
	EXPECT_TRUE(WAIT_UNTIL(is_all_gone()));
	/* Whoever waits learns of it, or can be killed: nobody hangs. */
	for (int i = 0; i < 2; i++) {
		kill(waiters[i], SIGKILL);
		EXPECT_LE(0, reap(waiters[i]));
	}
	expect_all_dead(_metadata, &fds);

	/* beside a module that was loaded again, and closed while it is there */
	ASSERT_EQ(0, load());
	ASSERT_EQ(0, open_all(&later));
	expect_all_dead(_metadata, &fds);
	close_all(&fds);
	EXPECT_EQ(1, live_threads(fds.member));		/* kill-on-close went with the module */
	EXPECT_EQ(0, jt_signal(later.job, SIGCONT, NULL));
	EXPECT_EQ(1, live_threads(later.member));

	/* closed while there is none */
	ASSERT_EQ(0, force_unload());
	EXPECT_TRUE(WAIT_UNTIL(is_all_gone()));
	close_all(&later);
	ASSERT_EQ(0, load());
	job = jt_create(0, 0, NULL, NULL);
	EXPECT_GE(job, 0);
	close(job);
}

/* ----------------------------------------------------- by force, in mid-operation */

struct user {
	int device, job;
	bool *stop;
	struct gate *ready;
};

static int use_all(void *arg)
{
	struct user *user = arg;
	struct jobtrack_row *rows;
	struct jobtrack_job state;
	struct jobtrack_which which;
	char buf[8192];

	gate_add(user->ready, 1);
	while (!__atomic_load_n(user->stop, __ATOMIC_RELAXED)) {
		int snapshot = snapshot_fd(user->job);
		int proc = open(PROC_FILE, O_RDONLY);

		memset(&which, 0, sizeof(which));
		ioctl(user->device, JOBTRACK_IOC_WHICH, &which);
		jt_state(user->job, &state);
		jt_signal(user->job, SIGCONT, NULL);
		fd_ready(user->job, 0);
		if (snapshot >= 0)
			rows = jt_read_all(snapshot, &(size_t) { 0 });
		else
			rows = NULL;
		free(rows);
		if (proc >= 0) {
			while (read(proc, buf, sizeof(buf)) > 0)
				;
			close(proc);
		}
		close(jt_create(JOBTRACK_CREATE_KILL_ON_CLOSE, 0, NULL, NULL));
	}
	return 0;
}

TEST_F(module, forced_in_mid_operation)
{
	uint64_t end = now_ns() + ENOUGH_NS;

	for (int round = 0; round < ROUNDS && now_ns() < end; round++) {
		struct user user = {
			.device = open(JOBTRACK_DEVICE, O_RDWR | O_CLOEXEC),
			.job = jt_create(0, 0, NULL, NULL),
			.stop = shared(sizeof(bool)),
			.ready = shared(sizeof(struct gate)),
		};
		pid_t pids[3];

		ASSERT_GE(user.device, 0);
		ASSERT_GE(user.job, 0);
		ASSERT_EQ(0, start_forkers(user.job, user.stop));
		for (int i = 0; i < 3; i++)
			pids[i] = spawn(-1, 0, use_all, &user);
		ASSERT_TRUE(gate_wait(user.ready, 3));
		ASSERT_EQ(0, force_unload());
		*user.stop = true;
		for (int i = 0; i < 3; i++) {
			EXPECT_EQ(0, reap(pids[i]));
		}
		close(user.job);
		close(user.device);
		EXPECT_TRUE(WAIT_UNTIL(is_all_gone()));
		EXPECT_TRUE(clear_user(OWNER));
		ASSERT_EQ(0, load());
	}
}

TEST_HARNESS_MAIN
