// SPDX-License-Identifier: GPL-2.0
/*
 * P5, P8: memory that fails. Each allocation of each call fails in its turn, and the
 * call does nothing by halves. Newborns that there is no memory for take from the
 * reserve, and those beyond it do not run.
 */
#include "common/debug.h"
#include "common/faults.h"
#include "common/module.h"

#define RESERVE		256	/* members; JT_RESERVE */
#define LABEL		"faults.test"
#define TIMEOUT		CROWD_TIMEOUT

/* The job that calls are about: its fd, and one below it */
static int job, below;
static uint64_t job_id, below_id;

/* ------------------------------------------------------------------ each call */

/**
 * struct call - a call that shall fail well
 * @name: as it is told
 * @run: makes it; returns a result >= 0 or -errno
 * @prepare: comes before it, with memory
 * @check: comes after it, and is told what it returned
 * @uid: by whom
 * @fd: it returns one
 * @failures: how often it fails at least before it succeeds
 */
struct call {
	const char *name;
	int (*run)(void);
	void (*prepare)(void);
	void (*check)(int ret);
	uid_t uid;
	bool fd;
	unsigned int failures;
};

static int create(void)
{
	return jt_create(0, 0, LABEL, NULL);
}

/* Whether it failed or was closed: the label is free. */
static void is_free(int ret)
{
	int fd = create();

	(void)ret;
	CHECK(fd >= 0);
	close(fd);
}

static int create_below(void)
{
	return jt_create(0, below_id, NULL, NULL);
}

static void is_childless(int ret)
{
	struct jobtrack_job state;

	(void)ret;
	CHECK_EQ(0, jt_state(below, &state));
	CHECK_EQ(0, state.subjobs);
}

static int create_and_enter(void)
{
	return jt_create(JOBTRACK_CREATE_ENTER, 0, NULL, NULL);
}

static int enter(void)
{
	return jt_enter(job);
}

static void is_in_if_it_entered(int ret)
{
	CHECK_EQ(ret >= 0, jt_job_of(0) > 0);
}

static int open_by_id(void)
{
	return jt_open(job_id, JOBTRACK_OPEN_MANAGE);
}

static int open_by_label(void)
{
	return jt_open_label("faults.job");
}

static int which(void)
{
	return jt_job_of(0) < 0 ? -ENOMEM : 0;
}

static int list(void)
{
	struct jobtrack_list arg = { .flags = 0 };

	return jt_device(JOBTRACK_IOC_LIST, &arg);
}

static int audit(void)
{
	struct jobtrack_audit arg = { .flags = 0 };

	return jt_device(JOBTRACK_IOC_AUDIT, &arg);
}

static int snapshot(void)
{
	struct jobtrack_snapshot arg = { .flags = 0 };

	return jt_ioctl(job, JOBTRACK_IOC_SNAPSHOT, &arg);
}

static int account(void)
{
	struct jobtrack_account arg = { .flags = JOBTRACK_ACCOUNT_TREE };

	return jt_ioctl(job, JOBTRACK_IOC_ACCOUNT, &arg);
}

/* Without memory for its siginfo a signal is generated all the same. */
static int signal_job(void)
{
	struct jobtrack_signal counts;
	int ret = jt_signal(job, SIGRTMIN, &counts);

	CHECK_EQ(!ret, counts.signalled);
	CHECK_EQ(0, counts.denied);
	return ret;
}

static int read_proc(void)
{
	char buf[4096];

	return read_file(PROC_FILE, buf, sizeof(buf));
}

static int state_of_job(void)
{
	struct jobtrack_job state;

	return jt_state(job, &state);
}

/* Tagged are a process and its child. */
static struct {
	pid_t parent, child;
	uint64_t start_time;
} *family;

static int parent(void *arg)
{
	family->child = spawn(-1, 0, lone_sleeper, arg);
	CHECK(family->child > 0);
	return lone_sleeper(arg);
}

static void found_family(void)
{
	struct jobtrack_which it;

	family->child = 0;
	family->parent = spawn(-1, 0, parent, NULL);
	CHECK(family->parent > 0);
	CHECK(WAIT_UNTIL(*(volatile pid_t *)&family->child));
	CHECK_EQ(0, jt_which(family->parent, &it));
	family->start_time = it.start_time;
}

static int tag_one(void)
{
	return jt_tag_exact(job, family->parent, family->start_time, 0, NULL);
}

static int tag_tree(void)
{
	return jt_tag_exact(job, family->parent, family->start_time, JOBTRACK_TAG_TREE, NULL);
}

/* What was said to have failed is not done in part: the root of a tree comes first. */
static void end_family(int ret)
{
	bool in = jt_job_of(family->parent) > 0, child_in = jt_job_of(family->child) > 0;

	kill(family->parent, SIGKILL);
	kill(family->child, SIGKILL);
	CHECK(waitpid(family->parent, NULL, 0) == family->parent);
	CHECK(ret < 0 || in);
	CHECK(!child_in || in);
}

static void end_single(int ret)
{
	bool in = jt_job_of(family->parent) > 0;

	end_family(ret);
	CHECK_EQ(ret >= 0, in);
}

static void enter_first(void)
{
	CHECK_EQ(0, jt_enter(job));
}

/* One birth without memory: the reserve has some. */
static int fork_in_job(void)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(jt_job_of(0) == (int64_t)job_id ? 42 : 1);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
	return 0;
}

static const struct call calls[] = {
	{ .name = "create", .run = create, .check = is_free, .fd = true, .failures = 5 },
	{ .name = "create as a user", .run = create, .check = is_free, .uid = OWNER, .fd = true,
	  .failures = 6 },
	{ .name = "create below", .run = create_below, .check = is_childless, .fd = true,
	  .failures = 5 },
	{ .name = "create and enter", .run = create_and_enter, .check = is_in_if_it_entered,
	  .fd = true, .failures = 6 },
	{ .name = "enter", .run = enter, .check = is_in_if_it_entered, .failures = 1 },
	{ .name = "tag", .run = tag_one, .prepare = found_family, .check = end_single,
	  .failures = 1 },
	{ .name = "tag a tree", .run = tag_tree, .prepare = found_family, .check = end_family,
	  .failures = 3 },
	{ .name = "open by ID", .run = open_by_id, .fd = true, .failures = 3 },
	{ .name = "open by label", .run = open_by_label, .fd = true, .failures = 3 },
	{ .name = "which", .run = which, .failures = 1 },
	{ .name = "list", .run = list, .fd = true, .failures = 2 },
	{ .name = "list as a user", .run = list, .uid = OWNER, .fd = true, .failures = 3 },
	{ .name = "audit", .run = audit, .fd = true, .failures = 1 },
	{ .name = "snapshot", .run = snapshot, .fd = true, .failures = 2 },
	{ .name = "account", .run = account, .failures = 1 },
	{ .name = "signal", .run = signal_job, .failures = 1 },
	{ .name = "state", .run = state_of_job },
	{ .name = "/proc/jobtrack", .run = read_proc, .failures = 1 },
	{ .name = "fork", .run = fork_in_job, .prepare = enter_first, .failures = 1 },
};

/* Each signal is queued, with or without its siginfo. */
static int deaf_sleeper(void *arg)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	return lone_sleeper(arg);
}

/* One call, whose @n-th allocation fails */
static struct attempt {
	const struct call *call;
	unsigned int n, left;
	int ret;
} *attempt;

static int lowest_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

static int try(void *arg)
{
	const struct call *call = attempt->call;
	int fail = fail_open(), lowest;

	(void)arg;
	CHECK(fail >= 0);
	if (call->prepare)
		call->prepare();
	lowest = lowest_fd();
	CHECK(fail_next(fail, attempt->n));
	attempt->ret = call->run();
	attempt->left = fail_left(fail);
	CHECK(fail_next(fail, 0));
	if (call->fd && attempt->ret >= 0)
		close(attempt->ret);
	CHECK_EQ(lowest, lowest_fd());
	if (call->check)
		call->check(attempt->ret);
	return 0;
}

/* Nobody is there who was not before. */
static bool as_before(const struct jobtrack_info *before)
{
	struct jobtrack_info now;

	return WAIT_UNTIL(jt_info(&now) == 0 && now.jobs == before->jobs &&
			  now.members == before->members);
}

FIXTURE(faults)
{
	pid_t member;
};

FIXTURE_SETUP(faults)
{
	if (access("/proc/self/fail-nth", F_OK) && !getenv("JOBTRACK_REQUIRED"))
		SKIP(_exit(255), "a kernel without fault injection");
	ASSERT_TRUE(faults_begin());
	ASSERT_TRUE(clear_user(OWNER));
	ASSERT_TRUE(WAIT_UNTIL(unload() == -ENOENT));
	ASSERT_EQ(0, load());
	attempt = shared(sizeof(*attempt));
	family = shared(sizeof(*family));
	job = jt_create(0, 0, "faults.job", &job_id);
	ASSERT_LE(0, job);
	below = jt_create(0, job_id, NULL, &below_id);
	ASSERT_LE(0, below);
	self->member = spawn(job, 0, deaf_sleeper, NULL);
	ASSERT_LT(0, self->member);
	ASSERT_TRUE(WAIT_UNTIL(jt_in_snapshot(job, self->member)));
}

FIXTURE_TEARDOWN(faults)
{
	EXPECT_TRUE(fail_births(false));
	jt_signal(job, SIGKILL, NULL);
	EXPECT_EQ(128 + SIGKILL, reap(self->member));
	EXPECT_TRUE(jt_wait_empty(job));
	close(below);
	close(job);
	/* nothing pins the module any more */
	EXPECT_TRUE(unload_in_time());
}

TEST_F_TIMEOUT(faults, each_call, TIMEOUT)
{
	struct jobtrack_info before, after;
	unsigned int faults = 0;

	ASSERT_EQ(0, jt_info(&before));
	for (const struct call *call = calls; call < calls + ARRAY_SIZE(calls); call++) {
		unsigned int failed = 0, n = 0;

		attempt->call = call;
		do {
			attempt->n = ++n;
			attempt->ret = -EPROTO;
			ASSERT_EQ(0, run_as(call->uid, try, NULL))
				TH_LOG("%s, %uth allocation: %d", call->name, n, attempt->ret);
			ASSERT_TRUE(as_before(&before)) TH_LOG("%s, %u", call->name, n);
			if (attempt->ret < 0) {
				ASSERT_TRUE(attempt->ret == -ENOMEM ||
					    (call->run == fork_in_job && attempt->ret == -EAGAIN))
					TH_LOG("%s, %u: %d", call->name, n, attempt->ret);
				failed++;
			}
		} while (!attempt->left);
		EXPECT_LE(0, attempt->ret) TH_LOG("%s without a fault", call->name);
		EXPECT_LE(call->failures, failed) TH_LOG("%s", call->name);
		TH_LOG("%s: %u faults, %u failures", call->name, n - 1, failed);
		faults += n - 1;
	}
	ASSERT_EQ(0, jt_info(&after));
	EXPECT_EQ(before.lost, after.lost);
	EXPECT_EQ(before.unseen, after.unseen);
	TH_LOG("%u faults", faults);
}

/* ------------------------------------------------------------------- births */

/* What the creators have seen, in shared memory */
static struct {
	uint32_t made;		/* forks that returned a child */
	uint32_t ran;		/* children that ran; each raises it first of all */
	uint32_t killed;	/* children whose status says SIGKILL */
	uint32_t stop;
	struct gate crowd;
} *births;

static void count_death(int status)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		add_to(&births->killed, 1);
	else
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Until it is known what became of each: who is not to run is soon gone. */
static void settle(void)
{
	int status;

	CHECK(WAIT_FOR_CROWD(({
		while (waitpid(-1, &status, WNOHANG) > 0)
			count_death(status);
		look_at(&births->ran) + look_at(&births->killed) == look_at(&births->made);
	})));
}

static void one_more(void)
{
	pid_t pid = fork();

	if (!pid) {
		add_to(&births->ran, 1);
		sleeper(NULL);
	}
	CHECK(pid > 0);
	add_to(&births->made, 1);
	settle();
}

/* How many shall run, and how many shall be tried beyond; all who run stay. */
struct size {
	uint32_t n, beyond;
};

static int crowd(const struct size *size)
{
	uint64_t end = now_ns() + CROWD_PATIENCE_MS * NSEC_PER_MSEC;

	/* What a crowd before had comes back after a while. */
	while (look_at(&births->ran) < size->n && now_ns() < end)
		one_more();
	for (uint32_t i = 0; i < size->beyond; i++)
		one_more();
	gate_add(&births->crowd, 1);
	return sleeper(NULL);
}

static int crowd_without_memory(void *size)
{
	CHECK(fail_births_here());
	CHECK_EQ(0, become_user(OWNER));
	return crowd(size);
}

/* The reserve has what it promises, and has it again once they are gone. */
TEST_F_TIMEOUT(faults, reserve, TIMEOUT)
{
	const struct size size = { .n = RESERVE, .beyond = 50 };
	unsigned long long all_lost = 0;

	births = shared(sizeof(*births));
	for (uint32_t round = 1; round <= 3; round++) {
		struct jobtrack_job state;
		struct jobtrack_row *rows;
		int fd = jt_create_for(OWNER, NULL, NULL), log = log_open();
		pid_t pid;

		memset(births, 0, sizeof(*births));
		ASSERT_LE(0, fd);
		ASSERT_TRUE(fail_births(true));
		pid = spawn(fd, 0, crowd_without_memory, (void *)&size);
		ASSERT_TRUE(WAIT_FOR_CROWD(look_at(&births->crowd.value) == 1));
		ASSERT_TRUE(fail_births(false));

		EXPECT_EQ(RESERVE, births->ran);
		EXPECT_LE(size.beyond, births->killed);
		if (round == 1)
			EXPECT_EQ(size.beyond, births->killed);
		EXPECT_EQ(births->made, births->ran + births->killed);
		ASSERT_EQ(0, jt_state(fd, &state));
		EXPECT_EQ(births->ran, state.births);
		EXPECT_EQ(births->killed, state.lost);
		EXPECT_EQ(1 + RESERVE, state.procs);
		EXPECT_EQ(1 + RESERVE, user_processes(OWNER, NULL, 0));
		EXPECT_EQ(1 + RESERVE, jt_snapshot(fd, &rows, NULL));
		free(rows);
		EXPECT_TRUE(log_tells(log, "could not be recorded, killed before it ran"));
		close(log);
		all_lost += state.lost;

		EXPECT_EQ(0, jt_signal(fd, SIGKILL, NULL));
		EXPECT_EQ(128 + SIGKILL, reap(pid));
		EXPECT_TRUE(jt_wait_empty(fd));
		close(fd);
	}
	TH_LOG("%llu newborns lost", all_lost);
}

/* A child that ends at once, or first has one of its own */
static void storm_once(unsigned int *seed, unsigned int depth)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		add_to(&births->ran, 1);
		if (depth && rand_r(seed) % 2)
			storm_once(seed, depth - 1);
		if (rand_r(seed) % 4 == 0)
			nap_us(rand_r(seed) % 3000);
		_exit(0);
	}
	if (pid < 0)
		return;
	add_to(&births->made, 1);
	CHECK(waitpid(pid, &status, 0) == pid);
	count_death(status);
}

static int storm_without_memory(void *arg)
{
	unsigned int seed = getpid();

	(void)arg;
	CHECK(fail_births_here());
	CHECK_EQ(0, become_user(OWNER));
	while (!look_at(&births->stop))
		storm_once(&seed, 2);
	return 0;
}

/* Where the reserve is all but used up: each is recorded, or killed before it ran. */
TEST_F_TIMEOUT(faults, storm, TIMEOUT)
{
	struct jobtrack_info before, after;
	const struct size size = { .n = RESERVE - 3 };
	uint32_t lost, ran;
	pid_t pid, stormers[4];
	struct jobtrack_job state;
	struct jobtrack_row *rows;
	int fd, rows_n;

	births = shared(sizeof(*births));
	fd = jt_create_for(OWNER, NULL, NULL);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, jt_info(&before));
	ASSERT_TRUE(fail_births(true));
	pid = spawn(fd, 0, crowd_without_memory, (void *)&size);
	ASSERT_TRUE(WAIT_FOR_CROWD(look_at(&births->crowd.value) == 1));
	ASSERT_EQ(size.n, births->ran);
	for (int i = 0; i < ARRAY_SIZE(stormers); i++)
		stormers[i] = spawn(fd, 0, storm_without_memory, NULL);

	for (struct rounds r = rounds(5, 10000); next_round(&r);) {
		pid_t living[1024];
		int found;

		ran = look_at(&births->ran);
		lost = look_at(&births->killed);
		ASSERT_TRUE(WAIT_FOR_CROWD(look_at(&births->ran) > ran + 10 &&
					   look_at(&births->killed) > lost + 10));
		/* all are in the job, but those that are not to run and are soon gone */
		found = user_processes(OWNER, living, ARRAY_SIZE(living));
		ASSERT_LT(size.n, found);
		for (int i = 0; i < found; i++) {
			ASSERT_TRUE(WAIT_FOR_CROWD(jt_job_of(living[i]) > 0 ||
						   !live_threads(living[i])))
				TH_LOG("%d runs and is in no job", living[i]);
		}
	}
	__atomic_store_n(&births->stop, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < ARRAY_SIZE(stormers); i++)
		EXPECT_EQ(0, reap(stormers[i]));
	ASSERT_TRUE(fail_births(false));

	EXPECT_EQ(births->made, births->ran + births->killed);
	ASSERT_EQ(0, jt_state(fd, &state));
	EXPECT_EQ(births->ran, state.births);
	EXPECT_EQ(births->killed, state.lost);
	EXPECT_TRUE(WAIT_UNTIL(jt_state(fd, &state) == 0 &&
			       state.procs + state.leaving == 1 + size.n));
	rows_n = jt_snapshot(fd, &rows, NULL);
	EXPECT_EQ(1 + size.n, rows_n);
	free(rows);
	ASSERT_EQ(0, jt_info(&after));
	EXPECT_EQ(before.births + births->ran, after.births);
	EXPECT_EQ(before.lost + births->killed, after.lost);
	EXPECT_EQ(before.unseen, after.unseen);
	TH_LOG("%u born, %u lost", births->ran, births->killed);

	EXPECT_EQ(0, jt_signal(fd, SIGKILL, NULL));
	EXPECT_EQ(128 + SIGKILL, reap(pid));
	EXPECT_TRUE(jt_wait_empty(fd));
	close(fd);
}

TEST_HARNESS_MAIN
