// SPDX-License-Identifier: GPL-2.0
/*
 * P4: bombs, and the one signal that ends them, many times over. The bombs are
 * an ordinary user's; that nothing survives is seen in /proc, by user ID, where
 * zombie leaders with living threads are looked into.
 */
#include "common/bombs.h"

FIXTURE(bomb)
{
	int job;
	pid_t keeper;
	struct met met;
};

FIXTURE_VARIANT(bomb)
{
	const struct bomb *bomb;
	int sig;
};

#define KILLED(name)						\
	FIXTURE_VARIANT_ADD(bomb, name##_by_kill) {		\
		.bomb = &bomb_##name, .sig = SIGKILL,		\
	}

#define TERMINATED(name)					\
	FIXTURE_VARIANT_ADD(bomb, name##_by_term) {		\
		.bomb = &bomb_##name, .sig = SIGTERM,		\
	}

KILLED(daemons);
KILLED(runners);
KILLED(vfork_exec);
KILLED(headless);
KILLED(thread_exec);
KILLED(deaf);
KILLED(namespaces);
TERMINATED(daemons);
TERMINATED(runners);
TERMINATED(vfork_exec);
TERMINATED(headless);
TERMINATED(thread_exec);

FIXTURE_SETUP(bomb)
{
	REQUIRE_MODULE();
	self->job = -1;
	self->keeper = 0;
	ASSERT_TRUE(clear_user(OWNER));
	bombs_prepare();
	ASSERT_TRUE(met_begin(&self->met));
}

FIXTURE_TEARDOWN(bomb)
{
	char what[64];

	if (self->job >= 0)
		jt_signal(self->job, SIGKILL, NULL);
	dismiss(self->keeper);
	snprintf(what, sizeof(what), "%s by signal %d", variant->bomb->name, variant->sig);
	EXPECT_TRUE(met_end(&self->met, what));
	EXPECT_EQ(0, MET(&self->met, lost));
	EXPECT_EQ(0, MET(&self->met, unseen));
	EXPECT_TRUE(clear_user(OWNER));
}

/* Nothing of the user runs, and nothing of it moves. */
static bool all_quiet(struct __test_metadata *_metadata, uint32_t lives)
{
	pid_t pid[4] = { 0 };
	int n;

	for (int look = 0; look < 3; look++) {
		n = user_processes(OWNER, pid, 4);
		EXPECT_EQ(0, n)
			TH_LOG("%d survivors, PIDs %d %d %d %d", n, pid[0], pid[1], pid[2], pid[3]);
		EXPECT_EQ(lives, bomb_lives());
	}
	return _metadata->passed;
}

/* Once killed, a job is closed for ever. */
static void expect_condemned(struct __test_metadata *_metadata, int job)
{
	struct jobtrack_job before, after;
	pid_t outsider = spawn(-1, 0, sleeper, NULL);

	ASSERT_EQ(0, jt_state(job, &before));
	EXPECT_EQ(JOBTRACK_KILLED, before.state);
	EXPECT_EQ(-ECANCELED, jt_enter(job));
	EXPECT_EQ(-ECANCELED, jt_tag(job, outsider));
	EXPECT_EQ(0, jt_job_of(0));
	EXPECT_EQ(0, jt_job_of(outsider));
	kill(outsider, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, reap(outsider));

	ASSERT_EQ(0, jt_state(job, &after));
	EXPECT_EQ(JOBTRACK_KILLED, after.state);
	EXPECT_EQ(before.births, after.births);
	EXPECT_EQ(before.joined, after.joined);
	EXPECT_EQ(0, after.tree_procs + after.tree_leaving);
}

TEST_F(bomb, leaves_no_survivor)
{
	const struct bomb *bomb = variant->bomb;
	struct jobtrack_job before, state;
	struct jobtrack_signal counts;
	unsigned int least = -1, most = 0;
	struct rounds round = rounds(3, 1200);
	uint64_t signalled = 0;

	while (next_round(&round)) {
		self->job = jt_create(0, 0, NULL, NULL);
		ASSERT_LE(0, self->job);
		self->keeper = bomb_light(self->job, bomb);
		ASSERT_LT(0, self->keeper);
		ASSERT_TRUE(bomb_rages(self->job, bomb))
			TH_LOG("round %u: only %u lives", round.n, bomb_lives());

		ASSERT_EQ(0, jt_state(self->job, &before));
		ASSERT_EQ(0, jt_signal(self->job, variant->sig, &counts));
		EXPECT_LE(bomb->quorum / 2, counts.signalled);
		EXPECT_EQ(0, counts.denied);

		ASSERT_TRUE(jt_wait_empty(self->job))
			TH_LOG("round %u: not empty in time", round.n);
		/* empty is gone: nobody may need a moment more */
		if (!all_quiet(_metadata, bomb_lives()))
			break;
		ASSERT_EQ(0, jt_state(self->job, &state));
		EXPECT_EQ(variant->sig == SIGKILL ? JOBTRACK_KILLED : JOBTRACK_EMPTY, state.state);
		EXPECT_LT(bomb->quorum, state.births);
		if (variant->sig == SIGKILL)
			expect_condemned(_metadata, self->job);

		signalled += counts.signalled;
		least = before.procs < least ? before.procs : least;
		most = before.procs > most ? before.procs : most;
		dismiss(self->keeper);
		self->keeper = 0;
		close(self->job);
		self->job = -1;
	}
	TH_LOG("%s: %u rounds, %u to %u processes when it was sent, %llu signalled",
	       bomb->name, round.n - 1, least, most, (unsigned long long)signalled);
}

TEST_HARNESS_MAIN
