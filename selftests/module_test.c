// SPDX-License-Identifier: GPL-2.0
/*
 * P8: the module comes and goes under load and leaves nothing; unloading is refused
 * while somebody needs it; and a forced unload, which skips the refusal, is survived
 * by members, by open fds of every kind, and by whoever uses them just then.
 */
#include "common/users.h"
#include <linux/userfaultfd.h>

#define LOADS_LEAST	30
#define LOADS_MS	8000

/* ------------------------------------------------------------------ fixture */

FIXTURE(module) {
	pid_t in_job, in_below;		/* a storm in each */
	uint64_t id, below_id;
	int job, below;
};

FIXTURE_SETUP(module)
{
	/*
	 * Loading patches code that the others run. QEMU 7.2, emulating more than
	 * one busy CPU, can be left with the breakpoint that was there meanwhile,
	 * and hangs; switching tracepoints on and off in tracefs does it, too.
	 */
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(one), &one));
	if (access(MODULE_FILE, R_OK) && !getenv("JOBTRACK_REQUIRED"))
		SKIP(_exit(255), "no " MODULE_FILE);
	ASSERT_TRUE(clear_user(OWNER));
	ASSERT_TRUE(WAIT_UNTIL(unload() == -ENOENT));
	ASSERT_TRUE(is_gone());
	ASSERT_EQ(0, load());
	storm = shared(sizeof(*storm));
}

FIXTURE_TEARDOWN(module)
{
	clear_user(OWNER);
	syscall(SYS_close_range, 3, ~0U, 0);
	EXPECT_TRUE(WAIT_UNTIL(unload() == -ENOENT));
	EXPECT_EQ(0, look_at(&storm->harmed));
}

/* A job and one below it, with a storm in each */
static bool start_jobs(void *data)
{
	FIXTURE_DATA(module) *self = data;

	self->job = jt_create(0, 0, NULL, &self->id);
	self->below = jt_create(0, self->id, NULL, &self->below_id);
	if (self->job < 0 || self->below < 0)
		return false;
	self->in_job = spawn(self->job, OWNER, fork_storm, NULL);
	self->in_below = spawn(self->below, OWNER, fork_storm, NULL);
	return WAIT_UNTIL(belongs_to(self->in_job, OWNER) &&
			  belongs_to(self->in_below, OWNER)) && blows();
}

/* ---------------------------------------------------------------- load, unload */

TEST_F(module, load)
{
	struct jobtrack_info info, again;
	struct stat st;
	char buf[16];

	ASSERT_EQ(0, jt_info(&info));
	EXPECT_EQ(-EEXIST, load_with(""));
	EXPECT_EQ(0, jt_info(&again));
	EXPECT_EQ(info.loaded, again.loaded);

	EXPECT_EQ(2, read_file(SYS_DIR "/parameters/visible", buf, sizeof(buf)));
	EXPECT_STREQ("N\n", buf);
	EXPECT_EQ(0, stat(SYS_DIR "/parameters/visible", &st));
	EXPECT_EQ(0644, st.st_mode & 07777);
	EXPECT_NE(0, access(SYS_DIR "/parameters/debug", F_OK));

	EXPECT_EQ(0, unload());
	EXPECT_TRUE(is_gone());
	EXPECT_EQ(-ENOENT, unload());

	EXPECT_EQ(0, load_with("visible=1"));
	EXPECT_EQ(2, read_file(SYS_DIR "/parameters/visible", buf, sizeof(buf)));
	EXPECT_STREQ("Y\n", buf);
	EXPECT_EQ(0, stat(JOBTRACK_DEVICE, &st));
	EXPECT_EQ(S_IFCHR | 0600, st.st_mode);
	EXPECT_EQ(0, st.st_uid);
	EXPECT_EQ(0, stat(PROC_FILE, &st));
	EXPECT_EQ(S_IFREG | 0444, st.st_mode);
	EXPECT_EQ(0, jt_info(&again));
	EXPECT_GT(again.loaded, info.loaded);
	EXPECT_EQ(0, unload());

	EXPECT_EQ(-EINVAL, load_with("visible=perhaps"));
	EXPECT_TRUE(is_gone());
}

/* Counters begin anew, IDs go on. */
TEST_F(module, reload)
{
	struct jobtrack_info info;
	uint64_t last = 0, id;

	for (int i = 0; i < 20; i++) {
		close(jt_create(0, 0, NULL, &id));
		EXPECT_LT(last, id);
		last = id;
		if (i % 4)
			continue;
		ASSERT_TRUE(unload_in_time());
		ASSERT_EQ(0, load());
		ASSERT_EQ(0, jt_info(&info));
		EXPECT_EQ(0, info.jobs_created);
	}
}

TEST_F(module, refused_while_a_file_is_open)
{
	for (enum kind kind = 0; kind < NR_KINDS; kind++) {
		int job = jt_create(0, 0, NULL, NULL), fd = open_kind(kind, job), sock[2], other;

		ASSERT_GE(fd, 0);
		close(job);
		EXPECT_EQ(-EWOULDBLOCK, unload());
		EXPECT_TRUE(works(kind, fd)) TH_LOG("kind %d", kind);
		other = dup(fd);
		close(fd);
		EXPECT_EQ(-EWOULDBLOCK, unload());
		EXPECT_TRUE(works(kind, other)) TH_LOG("kind %d", kind);
		/* on its way through a socket */
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, sock));
		ASSERT_EQ(0, send_fd(sock[0], other));
		close(other);
		EXPECT_EQ(-EWOULDBLOCK, unload());
		fd = recv_fd(sock[1]);
		EXPECT_TRUE(works(kind, fd)) TH_LOG("kind %d", kind);
		ASSERT_EQ(0, send_fd(sock[0], fd));
		close(fd);
		close(sock[0]);
		EXPECT_EQ(-EWOULDBLOCK, unload());
		close(sock[1]);
		EXPECT_TRUE(unload_in_time()) TH_LOG("kind %d", kind);
		ASSERT_EQ(0, load());
	}
}

TEST_F(module, refused_while_a_job_has_a_member)
{
	ASSERT_TRUE(start_jobs(self));
	close(self->job);
	close(self->below);
	EXPECT_EQ(-EWOULDBLOCK, unload());
	/* one of the two, and then none but a zombie */
	EXPECT_EQ(0, kill(self->in_job, SIGTERM));
	EXPECT_EQ(128 + SIGTERM, reap(self->in_job));
	EXPECT_EQ(-EWOULDBLOCK, unload());
	EXPECT_TRUE(blows());
	EXPECT_EQ(self->below_id, jt_job_of(self->in_below));
	EXPECT_EQ(-EWOULDBLOCK, unload());
	EXPECT_EQ(0, kill(self->in_below, SIGTERM));
	EXPECT_TRUE(unload_in_time());
	EXPECT_EQ(128 + SIGTERM, reap(self->in_below));
}

/* As any file of /proc: it does not keep the module, and is dead without. */
TEST_F(module, proc_file_outlives_it)
{
	int fd = open(PROC_FILE, O_RDONLY | O_CLOEXEC), unread = open(PROC_FILE, O_RDONLY);
	char buf[8];

	EXPECT_EQ(sizeof(buf), read(fd, buf, sizeof(buf)));
	EXPECT_EQ(0, unload());
	EXPECT_EQ(0, use_dead_file(fd));
	EXPECT_EQ(0, use_dead_file(unread));
	ASSERT_EQ(0, load());
	EXPECT_EQ(-1, read(fd, buf, sizeof(buf)));
	EXPECT_EQ(0, close(fd));
	EXPECT_EQ(0, close(unread));
}

/* ------------------------------------------------------------------- under load */

static int read_for_ever(void *arg)
{
	struct jobtrack_info info;
	char buf[4096];

	(void)arg;
	for (;;) {
		int ret = read_file(PROC_FILE, buf, sizeof(buf));

		CHECK(ret > 0 || ret == -ENOENT || ret == -EIO);
		ret = jt_info(&info);
		CHECK(ret == 0 || ret == -ENOENT || ret == -ENODEV || ret == -ENXIO);
		nap_us(1000);
	}
	return 0;
}

/* A grace period takes long, and an unload many: hurry them. */
static void hurry(bool yes)
{
	write_file("/sys/kernel/rcu_expedited", yes ? "1" : "0");
}

/* Of these none is in a job: probes come and go while they fire. */
TEST_F_TIMEOUT(module, comes_and_goes_in_a_storm, 3600)
{
	int (*const storms[])(void *) = { fork_storm, fork_storm, signal_storm, read_for_ever };
	const unsigned int times = times_as_much();
	struct rounds loads = rounds(times * LOADS_LEAST, times * LOADS_MS);
	struct jobtrack_info info;
	pid_t pid[4];
	int i, err = 0;

	for (i = 0; i < 4; i++) {
		pid[i] = spawn(-1, storms[i] == read_for_ever ? 0 : OWNER, storms[i], NULL);
		ASSERT_GT(pid[i], 0);
	}
	ASSERT_TRUE(blows());
	while (!err && next_round(&loads)) {
		hurry(loads.n % 30);
		/* The reader keeps it for a moment. */
		ASSERT_TRUE(WAIT_UNTIL(unload() == 0));
		err = load_with("");
	}
	hurry(false);
	EXPECT_EQ(0, err) TH_LOG("load %u: %s", loads.n, strerror(-err));
	fprintf(stderr, "# %u loads, %u forks, %u signals\n", loads.n, storm->births,
		storm->signals);
	EXPECT_TRUE(blows());
	ASSERT_EQ(0, jt_info(&info));
	EXPECT_EQ(0, info.births + info.members + info.unseen + info.lost);
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(1, live_threads(pid[i]));
		EXPECT_EQ(0, kill(pid[i], SIGKILL));
		EXPECT_EQ(128 + SIGKILL, reap(pid[i]));
	}
}

/* Jobs end just before the unload. */
TEST_F_TIMEOUT(module, comes_and_goes_with_jobs, 100)
{
	for (int i = 0; i < 8; i++) {
		ASSERT_TRUE(start_jobs(self));
		EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
		close(self->job);
		close(self->below);
		ASSERT_TRUE(WAIT_UNTIL(unload() == 0));
		EXPECT_EQ(128 + SIGKILL, reap(self->in_job));
		EXPECT_EQ(128 + SIGKILL, reap(self->in_below));
		ASSERT_EQ(0, load());
	}
}

/* ----------------------------------------------------------------------- by force */

/* Members run on unharmed, in no job, and what a job's end would do is not done. */
TEST_F_TIMEOUT(module, forced_while_members_fork, 100)
{
	uint64_t doomed_id, id;
	int doomed, job;
	pid_t pid;

	for (int round = 0; round < 2; round++) {
		ASSERT_TRUE(start_jobs(self));
		doomed = jt_create(JOBTRACK_CREATE_KILL_ON_CLOSE, 0, NULL, &doomed_id);
		ASSERT_GE(doomed, 0);
		pid = spawn(doomed, OWNER, lone_sleeper, NULL);
		ASSERT_TRUE(WAIT_UNTIL(jt_job_of(pid) == (int64_t)doomed_id &&
				       belongs_to(pid, OWNER)));

		ASSERT_EQ(0, force_unload());
		ASSERT_TRUE(is_gone());
		EXPECT_TRUE(blows());
		EXPECT_EQ(0, look_at(&storm->harmed));
		close(doomed);
		close(self->below);
		close(self->job);
		EXPECT_EQ(1, live_threads(pid));
		EXPECT_EQ(1, live_threads(self->in_job));
		EXPECT_EQ(1, live_threads(self->in_below));

		/* loaded again, it does not know them, but can take them in */
		ASSERT_EQ(0, load());
		EXPECT_EQ(0, jt_job_of(self->in_job));
		EXPECT_EQ(-ENOENT, jt_open(self->id, 0));
		job = jt_create(0, 0, NULL, &id);
		EXPECT_GT(id, doomed_id);
		EXPECT_EQ(0, jt_tag(job, self->in_below));
		EXPECT_EQ(id, jt_job_of(self->in_below));
		EXPECT_TRUE(blows());
		EXPECT_EQ(0, look_at(&storm->harmed));
		EXPECT_EQ(0, jt_signal(job, SIGKILL, NULL));
		EXPECT_EQ(128 + SIGKILL, reap(self->in_below));
		EXPECT_TRUE(jt_wait_empty(job));
		close(job);
		EXPECT_EQ(0, kill(pid, SIGTERM));
		EXPECT_EQ(128 + SIGTERM, reap(pid));
		EXPECT_EQ(0, kill(self->in_job, SIGTERM));
		EXPECT_EQ(128 + SIGTERM, reap(self->in_job));
	}
	EXPECT_TRUE(unload_in_time());
}

/* Their files outlive two modules, beside those that the second one opens. */
TEST_F_TIMEOUT(module, forced_while_files_are_used, 100)
{
	struct user users[ARRAY_SIZE(all_users)];
	struct files files[2];
	int device;

	for (int round = 0; round < 2; round++) {
		ASSERT_TRUE(start_jobs(self));
		ASSERT_TRUE(open_files(&files[round], self->job));
		device = open(JOBTRACK_DEVICE, O_RDWR | O_CLOEXEC);
		ASSERT_TRUE(start_users(users, device, self->job, self->id));

		ASSERT_EQ(0, force_unload());
		ASSERT_TRUE(is_gone());
		ASSERT_TRUE(gate_wait(&users_gone, ARRAY_SIZE(users)));
		for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
			EXPECT_EQ(0, pthread_join(users[i].thread, NULL));
			EXPECT_TRUE(ended_well(&users[i]));
		}
		EXPECT_TRUE(blows());
		EXPECT_EQ(0, look_at(&storm->harmed));
		for (int i = 0; i <= round; i++)
			EXPECT_TRUE(files_are_dead(&files[i]));
		EXPECT_EQ(0, close(device));
		EXPECT_EQ(0, close(self->job));
		EXPECT_TRUE(clear_user(OWNER));
		ASSERT_EQ(0, load());
		EXPECT_TRUE(files_are_dead(&files[0]));
		EXPECT_EQ(0, close(self->below));
	}
	/* closed beside a living module, and without any */
	EXPECT_TRUE(close_files(&files[0]));
	EXPECT_TRUE(unload_in_time());
	EXPECT_TRUE(close_files(&files[1]));
}

/* ------------------------------------------------------ by force, in a call */

/* Calls that wait for a page of their caller's */
static struct stuck {
	char *page;		/* the first call's; the others' follow */
	int userfault, job, snapshot, proc;
	long result[3];
} stuck;

static void *stuck_state(void *arg)
{
	stuck.result[0] = ioctl(stuck.job, JOBTRACK_IOC_STATE, stuck.page);
	return arg;
}

static void *stuck_read(void *arg)
{
	stuck.result[1] = read(stuck.snapshot, stuck.page + getpagesize(), getpagesize());
	return arg;
}

static void *stuck_proc(void *arg)
{
	stuck.result[2] = read(stuck.proc, stuck.page + 2 * getpagesize(), getpagesize());
	return arg;
}

static void *unload_thread(void *arg)
{
	*(int *)arg = force_unload();
	gate_add(&users_gone, 1);
	return arg;
}

static bool make_stuck_pages(void)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };

	stuck.page = mmap(NULL, 3 * getpagesize(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stuck.userfault = syscall(SYS_userfaultfd, O_CLOEXEC);
	reg.range.start = (uintptr_t)stuck.page;
	reg.range.len = 3 * getpagesize();
	return stuck.page != MAP_FAILED && stuck.userfault >= 0 &&
		!ioctl(stuck.userfault, UFFDIO_API, &api) &&
		!ioctl(stuck.userfault, UFFDIO_REGISTER, &reg);
}

static int provide_page(int i)
{
	struct uffdio_zeropage zero = {
		.range = { (uintptr_t)stuck.page + i * getpagesize(), getpagesize() },
	};

	return ioctl(stuck.userfault, UFFDIO_ZEROPAGE, &zero);
}

/* The unload waits for them, and they end as if nothing were. */
TEST_F_TIMEOUT(module, forced_while_calls_wait, 60)
{
	void *(*const calls[])(void *) = { stuck_state, stuck_read, stuck_proc };
	pthread_t thread[3], unloader;
	struct jobtrack_job *state;
	struct uffd_msg msg;
	int ret = 1;

	ASSERT_TRUE(start_jobs(self));
	stuck.job = self->job;
	stuck.snapshot = open_kind(SNAPSHOT, self->job);
	stuck.proc = open(PROC_FILE, O_RDONLY | O_CLOEXEC);
	ASSERT_TRUE(make_stuck_pages());
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, calls[i], NULL));
		ASSERT_EQ(sizeof(msg), read(stuck.userfault, &msg, sizeof(msg)));
		ASSERT_EQ(UFFD_EVENT_PAGEFAULT, msg.event);
	}

	users_gone.value = 0;
	ASSERT_EQ(0, pthread_create(&unloader, NULL, unload_thread, &ret));
	EXPECT_TRUE(WAIT_UNTIL(ret != 1 || (access(JOBTRACK_DEVICE, F_OK) &&
					    access(PROC_FILE, F_OK))));
	EXPECT_TRUE(blows());
	EXPECT_EQ(0, look_at(&users_gone.value));
	for (int i = 2; i >= 0; i--) {
		EXPECT_EQ(0, look_at(&users_gone.value));
		EXPECT_EQ(0, provide_page(i));
		EXPECT_EQ(0, pthread_join(thread[i], NULL));
	}
	EXPECT_TRUE(gate_wait(&users_gone, 1));
	EXPECT_EQ(0, pthread_join(unloader, NULL));
	EXPECT_EQ(0, ret);
	EXPECT_TRUE(is_gone());

	state = (struct jobtrack_job *)stuck.page;
	EXPECT_EQ(0, stuck.result[0]);
	EXPECT_EQ(self->id, state->id);
	EXPECT_LE(2 * sizeof(struct jobtrack_row), stuck.result[1]);
	EXPECT_LT(0, stuck.result[2]);
	EXPECT_EQ(0, use_dead_file(stuck.snapshot));
	EXPECT_EQ(0, use_dead_file(stuck.proc));
	EXPECT_TRUE(blows());
}

TEST_HARNESS_MAIN
