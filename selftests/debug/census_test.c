// SPDX-License-Identifier: GPL-2.0
/*
 * A list or an account that takes long, as that of a caller who hardly gets to run:
 * what it costs others, and that it tells of its instant all the same.
 */
#include "../common/account.h"
#include "../common/debug.h"
#include "../common/listeners.h"

#define LISTENERS	10
#define BATCH		600	/* processes that come and go meanwhile */

FIXTURE(census)
{
	int job;
};

FIXTURE_SETUP(census)
{
	REQUIRE_MODULE();
	ASSERT_TRUE(reset_rules());
	self->job = jt_create(0, 0, NULL, NULL);
	ASSERT_LE(0, self->job);
	ASSERT_TRUE(listeners_join(self->job, OWNER, LISTENERS));
}

FIXTURE_TEARDOWN(census)
{
	EXPECT_TRUE(reset_rules());
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_TRUE(jt_wait_empty(self->job));
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

/* Processes, living or kept, as the kernel's allocator counts them */
static long tasks(void)
{
	char line[512];
	long n = -1;
	FILE *file = fopen("/proc/slabinfo", "r");

	while (file && n < 0 && fgets(line, sizeof(line), file))
		sscanf(line, "task_struct %ld", &n);
	if (file)
		fclose(file);
	return n;
}

static struct {
	struct gate go, done;
	struct jobtrack_account account;
	int rows;
	bool taken;
} *course;

/* A member; who is not cannot become one meanwhile. */
static int come_and_go(void *unused)
{
	CHECK(gate_wait(&course->go, 1));
	for (int i = 0; i < BATCH; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(3);
		CHECK(pid > 0 && waitpid(pid, NULL, 0) == pid);
	}
	gate_add(&course->done, 1);
	return sleeper(NULL);
}

static int take_account(void *job)
{
	CHECK_EQ(0, jt_account(*(int *)job, 0, &course->account));
	course->taken = true;
	return 0;
}

static int take_list(void *job)
{
	struct jobtrack_row *rows;

	course->rows = jt_snapshot(*(int *)job, &rows, NULL);
	course->taken = true;
	return 0;
}

static bool has_members(int job, uint32_t n)
{
	struct jobtrack_job state;

	return jt_state(job, &state) == 0 && state.procs == n;
}

/* It lasts while many come and go, who are not kept for it. */
static void lasts(struct __test_metadata *_metadata, int job, int (*take)(void *))
{
	struct jobtrack_account account;
	long before, kept;
	pid_t taker;

	course = shared(sizeof(*course));
	ASSERT_LT(0, spawn(job, OWNER, come_and_go, NULL));
	ASSERT_TRUE(WAIT_UNTIL(has_members(job, LISTENERS + 1)));
	ASSERT_TRUE(set_rules(PAUSE_CENSUS, DEFAULT_BATCH, UNTIL_TOLD));
	taker = spawn(-1, 0, take, &job);
	ASSERT_TRUE(WAIT_UNTIL(proc_state(taker) == 'D'));

	before = tasks();
	ASSERT_LT(0, before);
	gate_add(&course->go, 1);
	ASSERT_TRUE(WAIT_FOR_CROWD(look_at(&course->done.value)));
	kept = tasks() - before;
	EXPECT_GT(BATCH / 2, kept) TH_LOG("%ld of %d are kept", kept, BATCH);
	EXPECT_FALSE(course->taken);

	ASSERT_TRUE(reset_rules());
	EXPECT_EQ(0, reap(taker));
	EXPECT_TRUE(course->taken);
	EXPECT_TRUE(WAIT_UNTIL(!jt_account(job, 0, &account) && account.gone == BATCH));
	EXPECT_EQ(BATCH, account.births);
	EXPECT_EQ(BATCH, account.exited[3]);
	EXPECT_EQ(LISTENERS + 1, account.living);
}

TEST_F_TIMEOUT(census, account_keeps_no_newcomer, CROWD_TIMEOUT)
{
	lasts(_metadata, self->job, take_account);
	EXPECT_EQ(0, course->account.births + course->account.gone);
	EXPECT_EQ(LISTENERS + 1, course->account.living);
}

TEST_F_TIMEOUT(census, list_keeps_no_newcomer, CROWD_TIMEOUT)
{
	lasts(_metadata, self->job, take_list);
	EXPECT_EQ(LISTENERS + 1, course->rows);
}

/* Those who were there and go while it lasts are in it, whoever reaps them. */
TEST_F(census, meets_who_has_gone)
{
	pid_t taker;

	course = shared(sizeof(*course));
	ASSERT_TRUE(set_rules(PAUSE_CENSUS, DEFAULT_BATCH, UNTIL_TOLD));
	taker = spawn(-1, 0, take_list, &self->job);
	ASSERT_TRUE(WAIT_UNTIL(proc_state(taker) == 'D'));
	ASSERT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	for (int i = 0; i < LISTENERS; i++)
		EXPECT_EQ(128 + SIGKILL, reap(listeners->listener[i].pid));
	EXPECT_TRUE(jt_wait_empty(self->job));	/* who waits does not wait for it */
	EXPECT_FALSE(course->taken);
	ASSERT_TRUE(reset_rules());
	EXPECT_EQ(0, reap(taker));
	EXPECT_EQ(LISTENERS, course->rows);
}

TEST_HARNESS_MAIN
