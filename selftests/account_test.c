// SPDX-License-Identifier: GPL-2.0
/*
 * The account of a job: who counts, how they ended, what the living add, and what
 * becomes of it in a tree. That what each has used is exact: see rusage_test.c.
 */
#include "common/account.h"
#include "common/listeners.h"

FIXTURE(account)
{
	int job, below;
	uint64_t id, below_id;
	struct jobtrack_account account;
};

FIXTURE_SETUP(account)
{
	REQUIRE_MODULE();
	ASSERT_TRUE(clear_user(OWNER));
	self->job = jt_create_for(OWNER, NULL, &self->id);
	ASSERT_LE(0, self->job);
	self->below = jt_create(0, self->id, NULL, &self->below_id);
	ASSERT_LE(0, self->below);
}

FIXTURE_TEARDOWN(account)
{
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_TRUE(jt_wait_empty(self->job));
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	EXPECT_TRUE(clear_user(OWNER));
}

#define OWN	0
#define TREE	JOBTRACK_ACCOUNT_TREE

/* Whom the account counts: all that are not named are 0. */
#define EXPECT_COUNTS(job, flags, ...) do {					\
	struct jobtrack_account want_ = { __VA_ARGS__ }, got_;			\
										\
	ASSERT_EQ(0, jt_account(job, flags, &got_));				\
	EXPECT_EQ(want_.births, got_.births);					\
	EXPECT_EQ(want_.joined, got_.joined);					\
	EXPECT_EQ(want_.living, got_.living);					\
	EXPECT_EQ(want_.leaving, got_.leaving);					\
	EXPECT_EQ(want_.gone, got_.gone);					\
	EXPECT_EQ(0, got_.lost);						\
} while (0)

/* ------------------------------------------------------------------- how they ended */

static int return_arg(void *arg)
{
	return (uintptr_t)arg;
}

TEST_F(account, every_exit_status)
{
	for (uintptr_t i = 0; i < 256; i++)
		ASSERT_LT(0, spawn(self->job, OWNER, return_arg, (void *)i));
	ASSERT_TRUE(wait_gone(self->job, 256));
	ASSERT_EQ(0, jt_account(self->job, OWN, &self->account));
	EXPECT_EQ(256, self->account.gone);
	for (int i = 0; i < 256; i++)
		EXPECT_EQ(1, self->account.exited[i]);
	for (int i = 0; i < 64; i++)
		EXPECT_EQ(0, self->account.signaled[i]);
	EXPECT_EQ(0, self->account.dumped);
}

static bool ends_a_process(int sig)
{
	switch (sig) {
	case SIGCHLD: case SIGCONT: case SIGURG: case SIGWINCH:
	case SIGSTOP: case SIGTSTP: case SIGTTIN: case SIGTTOU:
		return false;
	}
	return true;
}

static int raise_arg(void *arg)
{
	CHECK(chdir("/tmp") == 0);
	kill(getpid(), (uintptr_t)arg);
	return 0;
}

/* By each signal; some dump core, as wait(2) says. */
TEST_F(account, every_signal)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	unsigned int ended = 0, dumped = 0;
	int status;

	ASSERT_EQ(0, setrlimit(RLIMIT_CORE, &unlimited));
	for (uintptr_t sig = 1; sig <= NSIG_KERNEL; sig++) {
		if (!ends_a_process(sig))
			continue;
		ASSERT_LT(0, spawn(self->job, 0, raise_arg, (void *)sig));
		ended++;
	}
	ASSERT_TRUE(wait_gone(self->job, ended));
	ASSERT_EQ(0, jt_account(self->job, OWN, &self->account));
	while (waitpid(-1, &status, WNOHANG) > 0) {
		ASSERT_TRUE(WIFSIGNALED(status));
		EXPECT_EQ(1, self->account.signaled[WTERMSIG(status) - 1])
			TH_LOG("signal %d", WTERMSIG(status));
		self->account.signaled[WTERMSIG(status) - 1] = 0;
		dumped += !!WCOREDUMP(status);
	}
	EXPECT_EQ(ended, self->account.gone);
	EXPECT_EQ(dumped, self->account.dumped);
	EXPECT_LT(0, dumped);
	for (int i = 0; i < 64; i++)
		EXPECT_EQ(0, self->account.signaled[i]);
	for (int i = 0; i < 256; i++)
		EXPECT_EQ(0, self->account.exited[i]);
	unlink("/tmp/core");
}

/* ----------------------------------------------------------------------- the living */

static int spin(void *ready)
{
	gate_add(ready, 1);
	for (;;)
		;
	return 0;
}

static uint64_t cpu_time(const struct jobtrack_account *account)
{
	return account->utime + account->stime;
}

/* Who lives is in it with what was used so far, and what was told once stays true. */
TEST_F(account, living)
{
	struct gate *ready = shared(sizeof(*ready));
	struct jobtrack_account before, after;
	uint64_t began = now_ns();

	ASSERT_LT(0, spawn(self->job, OWNER, spin, ready));
	ASSERT_TRUE(gate_wait(ready, 1));
	ASSERT_EQ(0, jt_account(self->job, OWN, &before));
	EXPECT_EQ(1, before.living);
	EXPECT_LT(0, before.maxrss);
	EXPECT_LT(0, before.minflt);
	for (int i = 0; i < 20; i++) {
		EXPECT_TRUE(WAIT_UNTIL(({
			ASSERT_EQ(0, jt_account(self->job, OWN, &after));
			cpu_time(&after) > cpu_time(&before);
		})));
		EXPECT_LT(before.time, after.time);
		EXPECT_LE(before.utime, after.utime);
		EXPECT_LE(before.stime, after.stime);
		EXPECT_LE(before.minflt, after.minflt);
		EXPECT_LE(before.nivcsw, after.nivcsw);
		EXPECT_LE(before.maxrss, after.maxrss);
		before = after;
	}
	EXPECT_GE(now_ns() - began, cpu_time(&after));
	ASSERT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	ASSERT_TRUE(jt_wait_empty(self->job));
	ASSERT_EQ(0, jt_account(self->job, OWN, &after));
	EXPECT_LE(before.utime, after.utime);
	EXPECT_LE(before.stime, after.stime);
	EXPECT_EQ(1, after.gone);
	EXPECT_EQ(1, after.signaled[SIGKILL - 1]);
}

static uint32_t *stop;

static int fork_on(void *arg)
{
	while (!look_at(stop)) {
		pid_t pid = fork();

		if (!pid)
			_exit(fork() < 0);
		waitpid(pid, NULL, 0);
	}
	return (uintptr_t)arg;
}

/* At each instant everybody is in one place, and nothing becomes less. */
TEST_F(account, adds_up_at_any_time)
{
	struct rounds round = rounds(200, 3000);
	struct jobtrack_account last = { .births = 0 }, now;

	stop = shared(sizeof(*stop));
	for (int i = 0; i < 8; i++)
		ASSERT_LT(0, spawn(i % 2 ? self->below : self->job, OWNER, fork_on, NULL));
	ASSERT_TRUE(WAIT_UNTIL(!jt_account(self->job, TREE, &now) && now.joined == 8));
	while (next_round(&round)) {
		ASSERT_EQ(0, jt_account(self->job, TREE, &now));
		ASSERT_EQ(now.births + now.joined, now.living + now.leaving + now.gone);
		ASSERT_LE(last.births, now.births);
		ASSERT_LE(last.gone, now.gone);
		ASSERT_LE(last.utime, now.utime);
		ASSERT_LE(last.stime, now.stime);
		ASSERT_LE(last.minflt, now.minflt);
		ASSERT_LE(last.nvcsw, now.nvcsw);
		ASSERT_LE(last.nivcsw, now.nivcsw);
		ASSERT_LE(last.rchar, now.rchar);
		last = now;
	}
	add_to(stop, 1);
	ASSERT_TRUE(jt_wait_empty(self->job));
	ASSERT_EQ(0, jt_account(self->job, TREE, &now));
	EXPECT_EQ(now.births + 8, now.gone);
	EXPECT_EQ(now.gone, now.exited[0]);
	EXPECT_LT(100, now.births);
}

/* ------------------------------------------------------------------------- the tree */

TEST_F(account, tree)
{
	struct jobtrack_account before, after;
	uint64_t deeper_id;
	int deeper = jt_create(0, self->below_id, NULL, &deeper_id);

	ASSERT_LE(0, deeper);
	/* it holds none of the jobs below open */
	ASSERT_LT(0, spawn(self->job, OWNER, lone_sleeper, NULL));
	ASSERT_TRUE(WAIT_UNTIL(!jt_account(self->job, OWN, &before) && before.living == 1));
	ASSERT_TRUE(listeners_join(self->below, OWNER, 2));
	ASSERT_TRUE(listeners_join(deeper, OWNER, 4));
	EXPECT_COUNTS(self->job, OWN, .joined = 1, .living = 1);
	EXPECT_COUNTS(self->job, TREE, .joined = 7, .living = 7);
	EXPECT_COUNTS(self->below, OWN, .joined = 2, .living = 2);
	EXPECT_COUNTS(self->below, TREE, .joined = 6, .living = 6);
	EXPECT_COUNTS(deeper, OWN, .joined = 4, .living = 4);
	EXPECT_COUNTS(deeper, TREE, .joined = 4, .living = 4);

	/* what a job used stays in the accounts above when it has ended */
	ASSERT_EQ(0, jt_signal(deeper, SIGKILL, NULL));
	ASSERT_TRUE(jt_wait_empty(deeper));
	EXPECT_COUNTS(self->below, OWN, .joined = 2, .living = 2);
	EXPECT_COUNTS(self->below, TREE, .joined = 6, .living = 2, .gone = 4);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	ASSERT_EQ(0, jt_signal(self->below, SIGKILL, NULL));
	ASSERT_TRUE(jt_wait_empty(self->below));
	ASSERT_EQ(0, jt_account(self->job, TREE, &before));
	close(deeper);
	close(self->below);
	while (waitpid(-1, NULL, WNOHANG) > 0)	/* they had the jobs open, too */
		;
	EXPECT_TRUE(WAIT_UNTIL(jt_open(deeper_id, 0) == -ENOENT &&
			       jt_open(self->below_id, 0) == -ENOENT));
	EXPECT_COUNTS(self->job, TREE, .joined = 7, .living = 1, .gone = 6);
	ASSERT_EQ(0, jt_account(self->job, TREE, &after));
	EXPECT_EQ(6, after.signaled[SIGKILL - 1]);
	EXPECT_LE(before.minflt, after.minflt);
	EXPECT_COUNTS(self->job, OWN, .joined = 1, .living = 1);
}

/* A process counts whole in the job that it is in last. */
TEST_F(account, moves)
{
	struct jobtrack_account before, after;
	struct rusage usage;
	int status;
	pid_t pid;

	ASSERT_TRUE(listeners_join(self->job, OWNER, 2));
	pid = listeners->listener[0].pid;
	ASSERT_EQ(0, jt_tag(self->below, pid));
	EXPECT_COUNTS(self->job, OWN, .joined = 2, .living = 1);
	EXPECT_COUNTS(self->job, TREE, .joined = 2, .living = 2);
	EXPECT_COUNTS(self->below, OWN, .joined = 1, .living = 1);
	kill(listeners->listener[1].pid, SIGKILL);
	ASSERT_TRUE(WAIT_UNTIL(!jt_account(self->job, OWN, &before) && before.gone == 1));
	kill(pid, SIGKILL);
	ASSERT_TRUE(jt_wait_empty(self->job));
	EXPECT_COUNTS(self->job, OWN, .joined = 2, .gone = 1);
	EXPECT_COUNTS(self->job, TREE, .joined = 2, .gone = 2);
	EXPECT_COUNTS(self->below, TREE, .joined = 1, .gone = 1);
	ASSERT_EQ(0, jt_account(self->below, OWN, &after));
	ASSERT_EQ(pid, wait4(pid, &status, 0, &usage));
	EXPECT_TRUE(account_is(&after, &usage));
	/* and no more in that it was in */
	ASSERT_EQ(0, jt_account(self->job, OWN, &after));
	EXPECT_EQ(before.minflt, after.minflt);
	EXPECT_EQ(before.utime + before.stime, after.utime + after.stime);
}

/* It is final when all are gone, and can be read as long as somebody has the job open. */
TEST_F(account, final)
{
	struct jobtrack_account again;

	for (int i = 0; i < 5; i++)
		ASSERT_LT(0, spawn(self->job, OWNER, return_arg, NULL));
	ASSERT_TRUE(wait_gone(self->job, 5));
	ASSERT_EQ(0, jt_account(self->job, TREE, &self->account));
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	ASSERT_EQ(0, jt_signal(self->job, SIGKILL, NULL));	/* nobody may enter any more */
	ASSERT_EQ(0, jt_account(self->job, TREE, &again));
	EXPECT_EQ(5, again.gone);
	EXPECT_LT(self->account.time, again.time);
	again.time = self->account.time;
	EXPECT_EQ(0, memcmp(&self->account, &again, sizeof(again)));
}

/* ----------------------------------------------------------------------------- bytes */

struct bytes {
	char text[512];		/* of /proc/PID/io ... */
	ssize_t size;		/* ... and how long: bytes that were read after it */
};

/* The last that it reads is what it has read before, by its own account. */
static int read_and_write(void *arg)
{
	struct bytes *bytes = arg;
	char buf[5000] = { 0 };
	int zero = open("/dev/zero", O_RDONLY), file = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	int io;

	for (int i = 1; i < 10; i++) {
		CHECK(read(zero, buf, 100 * i) == 100 * i);
		CHECK(write(file, buf, 300 * i) == 300 * i);
	}
	io = open("/proc/self/io", O_RDONLY);
	bytes->size = read(io, bytes->text, sizeof(bytes->text) - 1);
	return 0;
}

TEST_F(account, bytes)
{
	struct bytes *bytes = shared(sizeof(*bytes));
	unsigned long long rchar, wchar, read_bytes, write_bytes, cancelled;
	int found;

	ASSERT_LT(0, spawn(self->job, 0, read_and_write, bytes));
	ASSERT_TRUE(wait_gone(self->job, 1));
	ASSERT_EQ(0, jt_account(self->job, OWN, &self->account));
	found = sscanf(bytes->text,
		       "rchar: %llu wchar: %llu %*s %*u %*s %*u %*s %llu %*s %llu %*s %llu",
		       &rchar, &wchar, &read_bytes, &write_bytes, &cancelled);
	ASSERT_EQ(5, found);
	EXPECT_LE(4500, rchar);
	EXPECT_LE(13500, wchar);
	EXPECT_EQ(rchar + bytes->size, self->account.rchar);
	EXPECT_EQ(wchar, self->account.wchar);
	EXPECT_EQ(read_bytes, self->account.read_bytes);
	EXPECT_EQ(write_bytes, self->account.write_bytes);
	EXPECT_EQ(cancelled, self->account.cancelled_write_bytes);
}

/* ------------------------------------------------------------------------------- rights */

struct looker {
	uint64_t id;
	int fd;			/* somebody else's */
	int want_open;
};

static int try_to_look(void *arg)
{
	struct looker *looker = arg;
	struct jobtrack_account account;
	int job = jt_open(looker->id, 0);

	CHECK_EQ(looker->want_open, job < 0 ? job : 0);
	if (job >= 0)
		CHECK_EQ(0, jt_account(job, TREE, &account));
	/* whoever is given the descriptor is lent the look */
	CHECK_EQ(0, jt_account(looker->fd, OWN, &account));
	return 0;
}

TEST_F(account, who_may)
{
	struct looker looker = { .id = self->id, .fd = self->job };

	EXPECT_EQ(0, run_as(0, try_to_look, &looker));
	EXPECT_EQ(0, run_as(OWNER, try_to_look, &looker));
	EXPECT_EQ(0, reap(spawn(self->job, STRANGER, try_to_look, &looker)));
	looker.want_open = -ENOENT;
	EXPECT_EQ(0, run_as(STRANGER, try_to_look, &looker));
}

/* Writes one byte, three times, as root with the job's owner for its real user ID. */
static int acts_for_others(void *unused)
{
	int null = open("/dev/null", O_WRONLY);

	CHECK_EQ(0, setresuid(OWNER, -1, -1));
	for (int i = 0; i < 3; i++)
		CHECK_EQ(1, write(null, "", 1));
	return 0;
}

static int owns_and_writes(void *unused)
{
	int null = open("/dev/null", O_WRONLY);

	CHECK_EQ(5, write(null, "owner", 5));
	return 0;
}

struct reader {
	uint64_t id, flags;
	int job;
	uint64_t wchar;
};

static int reads_the_account(void *arg)
{
	struct reader *reader = arg;
	struct jobtrack_account account;
	int job = reader->id ? jt_open(reader->id, 0) : reader->job;

	CHECK_EQ(0, jt_account(job, reader->flags, &account));
	reader->wchar = account.wchar;
	return 0;
}

/* What setuid programs read and write is not for who runs them, gone or living. */
TEST_F(account, bytes_are_private)
{
	struct reader *owner = shared(2 * sizeof(*owner)), *member = owner + 1;
	struct jobtrack_create create = {
		.flags = JOBTRACK_CREATE_OWNER, .parent = self->id, .uid = OWNER,
	};
	int below;

	*member = (struct reader) { .job = self->job, .flags = TREE };
	owner->id = self->id;
	owner->flags = TREE;
	below = jt_device(JOBTRACK_IOC_CREATE, &create);
	ASSERT_LE(0, below);
	for (int i = 0; i < 2; i++) {
		/* the second round's are of a job that has a job below */
		int job = i ? below : self->job;

		ASSERT_LT(0, spawn(job, OWNER, owns_and_writes, NULL));
		ASSERT_LT(0, spawn(job, 0, acts_for_others, NULL));
		ASSERT_TRUE(WAIT_UNTIL(!jt_account(self->job, TREE, &self->account) &&
				       self->account.gone == 2 * (i + 1)));
	}
	EXPECT_EQ(2 * (5 + 3), self->account.wchar);
	EXPECT_EQ(0, run_as(OWNER, reads_the_account, owner));
	EXPECT_EQ(2 * 5, owner->wchar);
	EXPECT_EQ(0, reap(spawn(self->job, STRANGER, reads_the_account, member)));
	EXPECT_EQ(0, member->wchar);
}

TEST_HARNESS_MAIN
