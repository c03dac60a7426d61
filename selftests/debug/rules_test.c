// SPDX-License-Identifier: GPL-2.0
/*
 * P4's rules, each turned off in turn: then the tests of P4 must fail. So a test
 * here passes if it sees the miss within its time; and with all rules on and an
 * operation that takes its time there is none.
 */
#include "common/beats.h"
#include "common/bombs.h"
#include "common/debug.h"
#include "common/held.h"

#define MISS_MS		(25000 * how_slow())	/* a miss is to be seen by then */

static const int two_signals[] = { SIGUSR1, SIGUSR2, 0 };
static const int no_signals[] = { 0 };

FIXTURE(rules)
{
	int job;
	pid_t keeper;
	struct met met;
};

FIXTURE_SETUP(rules)
{
	REQUIRE_MODULE();
	ASSERT_TRUE(reset_rules());
	kill_user(OWNER);
	ASSERT_TRUE(clear_user(OWNER));
	self->keeper = 0;
	self->job = jt_create(0, 0, NULL, NULL);
	ASSERT_LE(0, self->job);
	ASSERT_TRUE(met_begin(&self->met));
}

FIXTURE_TEARDOWN(rules)
{
	EXPECT_TRUE(reset_rules());
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_TRUE(jt_wait_empty(self->job));
	dismiss(self->keeper);
	EXPECT_TRUE(met_end(&self->met, "rules"));
	EXPECT_EQ(0, MET(&self->met, lost) + MET(&self->met, unseen));
	close(self->job);
	kill_user(OWNER);
	EXPECT_TRUE(clear_user(OWNER));
}

/* A crowd that forks, and a caller with time: rounds until the oracle says no. */
static bool oracle_denies(int job, pid_t *keeper, const struct oracle_crowd *crowd,
			  const int *signals, unsigned int ms)
{
	struct rounds round = rounds(1, ms);
	struct jobtrack_signal sum = { 0 };

	oracle_prepare(signals);
	*keeper = oracle_gather(job, OWNER, crowd);
	if (*keeper < 0 || !oracle_forks_on())
		return false;
	while (next_round(&round) && oracle_round(job, ~0, &sum))
		;
	fprintf(stderr, "# %u rounds\n", round.n);
	/* in silence: a process that does not answer is a failure of the test */
	return look_at(&oracle->violations);
}

static const struct oracle_crowd crowd = { .breeders = 4, .runners = 5, .expect = ~0 };
static const struct oracle_crowd runners = { .runners = 12, .expect = ~0 };

/* ------------------------------------------------------------- each rule turned off */

TEST_F(rules, no_mark_and_held_forks)
{
	struct jobtrack_signal counts;

	ASSERT_TRUE(set_rules(NO_MARK, DEFAULT_BATCH, 0));
	ASSERT_TRUE(held_start(self->job, 3, two_signals));
	ASSERT_EQ(0, jt_signal(self->job, SIGUSR1, &counts));
	EXPECT_EQ(1, counts.signalled);
	EXPECT_EQ(0, counts.newborns);
	ASSERT_TRUE(held_born());
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, held->child[i].signalled[SIGUSR1])
			TH_LOG("not missed: the rule was not off");
}

TEST_F_TIMEOUT(rules, no_mark, CROWD_TIMEOUT)
{
	ASSERT_TRUE(set_rules(NO_MARK, DEFAULT_BATCH, 0));
	EXPECT_TRUE(oracle_denies(self->job, &self->keeper, &crowd, two_signals, MISS_MS));
	EXPECT_FALSE(oracle_verdict("no marks"));
}

/* The log is for what happens in a window in which one processor does not switch. */
#define NEED_TWO_PROCESSORS() do {					\
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)				\
		SKIP(return, "this takes two processors");		\
} while (0)

TEST_F_TIMEOUT(rules, no_log, CROWD_TIMEOUT)
{
	NEED_TWO_PROCESSORS();
	ASSERT_TRUE(set_rules(NO_LOG, DEFAULT_BATCH, 0));
	ASSERT_TRUE(linger_at_birth());
	EXPECT_TRUE(oracle_denies(self->job, &self->keeper, &runners, two_signals, MISS_MS));
	EXPECT_FALSE(oracle_verdict("no log"));
}

TEST_F_TIMEOUT(rules, no_order, CROWD_TIMEOUT)
{
	ASSERT_TRUE(set_rules(NO_ORDER, 1, 300));
	EXPECT_TRUE(oracle_denies(self->job, &self->keeper, &crowd, two_signals, MISS_MS));
	EXPECT_FALSE(oracle_verdict("no order"));
}

/* Does anybody of the bomb survive the signal, and multiply? */
static bool survives(int job, int sig)
{
	uint32_t lives;

	if (jt_signal(job, sig, NULL))
		return false;
	lives = bomb_lives();
	return WAIT_UNTIL(fd_ready(job, 0) || bomb_lives() >= lives + 50) && !fd_ready(job, 0);
}

/* Light a bomb again and again until one survives. */
static bool bomb_survives(int *job, pid_t *keeper, const struct bomb *bomb, int sig)
{
	struct rounds round = rounds(1, MISS_MS);
	bool survivors = false;

	bombs_prepare();
	while (next_round(&round)) {
		*keeper = bomb_light(*job, bomb);
		if (*keeper < 0 || !bomb_rages(*job, bomb))
			break;
		survivors = survives(*job, sig);
		if (survivors)
			break;
		dismiss(*keeper);
		*keeper = 0;
		close(*job);
		*job = jt_create(0, 0, NULL, NULL);
		if (*job < 0)
			break;
	}
	fprintf(stderr, "# %u rounds\n", round.n);
	return survivors;
}

TEST_F_TIMEOUT(rules, no_log_and_sigterm, CROWD_TIMEOUT)
{
	NEED_TWO_PROCESSORS();
	ASSERT_TRUE(set_rules(NO_LOG, DEFAULT_BATCH, 0));
	ASSERT_TRUE(linger_at_birth());
	EXPECT_TRUE(bomb_survives(&self->job, &self->keeper, &bomb_runners, SIGTERM));
	/* with the rule on it does not */
	ASSERT_TRUE(reset_rules());
	EXPECT_EQ(0, jt_signal(self->job, SIGTERM, NULL));
	EXPECT_TRUE(jt_wait_empty(self->job));
}

TEST_F_TIMEOUT(rules, no_condemn, CROWD_TIMEOUT)
{
	struct jobtrack_job state;

	NEED_TWO_PROCESSORS();
	ASSERT_TRUE(set_rules(NO_CONDEMN, DEFAULT_BATCH, 0));
	ASSERT_TRUE(linger_at_birth());
	EXPECT_TRUE(bomb_survives(&self->job, &self->keeper, &bomb_runners, SIGKILL));
	ASSERT_EQ(0, jt_state(self->job, &state));
	EXPECT_EQ(JOBTRACK_KILLING, state.state);
	/* with the rule on, whatever they bear next is the last of them */
	ASSERT_TRUE(reset_rules());
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_TRUE(jt_wait_empty(self->job));
}

TEST_F_TIMEOUT(rules, no_cont, CROWD_TIMEOUT)
{
	struct rounds round = rounds(1, MISS_MS);
	bool left = false;

	NEED_TWO_PROCESSORS();
	ASSERT_TRUE(set_rules(NO_CONT, DEFAULT_BATCH, 0));
	ASSERT_TRUE(linger_at_birth());
	oracle_prepare(no_signals);
	self->keeper = oracle_gather(self->job, OWNER, &runners);
	ASSERT_LT(0, self->keeper);
	while (!left && next_round(&round)) {
		ASSERT_EQ(0, jt_signal(self->job, SIGSTOP, NULL));
		ASSERT_EQ(0, kill(-oracle->group, SIGCONT));
		left = !everybody_moves(self->job);
	}
	EXPECT_LT(0, members_stopped(self->job, true));
	fprintf(stderr, "# %u rounds\n", round.n);
}

/* ----------------------------------------------------- all rules on, and a slow walk */

FIXTURE(slow)
{
	int job;
	pid_t keeper;
	struct met met;
};

FIXTURE_VARIANT(slow)
{
	unsigned int batch, pause_us;
	bool linger;
};

FIXTURE_VARIANT_ADD(slow, one_by_one) { .batch = 1, .pause_us = 300 };
FIXTURE_VARIANT_ADD(slow, forks_linger) { .batch = 2, .pause_us = 50, .linger = true };

FIXTURE_SETUP(slow)
{
	REQUIRE_MODULE();
	kill_user(OWNER);
	ASSERT_TRUE(clear_user(OWNER));
	ASSERT_TRUE(set_rules(0, variant->batch, variant->pause_us));
	ASSERT_TRUE(!variant->linger || linger_at_birth());
	self->keeper = 0;
	self->job = jt_create(0, 0, NULL, NULL);
	ASSERT_LE(0, self->job);
	ASSERT_TRUE(met_begin(&self->met));
}

FIXTURE_TEARDOWN(slow)
{
	EXPECT_TRUE(met_end(&self->met, "slow"));
	EXPECT_EQ(0, MET(&self->met, inexact));
	EXPECT_EQ(0, MET(&self->met, lost) + MET(&self->met, unseen));
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_TRUE(jt_wait_empty(self->job));
	dismiss(self->keeper);
	close(self->job);
	EXPECT_TRUE(reset_rules());
	EXPECT_TRUE(clear_user(OWNER));
}

TEST_F_TIMEOUT(slow, oracle, CROWD_TIMEOUT)
{
	EXPECT_FALSE(oracle_denies(self->job, &self->keeper, &crowd, two_signals, 3000));
	EXPECT_TRUE(oracle_verdict("slow"));
	ASSERT_TRUE(met_end(&self->met, "slow"));
	EXPECT_LT(0, MET(&self->met, by_order)) TH_LOG("no child met the operation under way");
}

TEST_F_TIMEOUT(slow, stop, CROWD_TIMEOUT)
{
	struct rounds round = rounds(4, 3000);

	oracle_prepare(no_signals);
	self->keeper = oracle_gather(self->job, OWNER, &runners);
	ASSERT_LT(0, self->keeper);
	while (next_round(&round)) {
		ASSERT_TRUE(oracle_forks_on());
		ASSERT_EQ(0, jt_signal(self->job, SIGSTOP, NULL));
		ASSERT_EQ(0, round.n % 2 ? jt_signal(self->job, SIGCONT, NULL) :
			     kill(-oracle->group, SIGCONT));
		ASSERT_TRUE(everybody_moves(self->job))
			TH_LOG("round %u: %d left stopped", round.n,
			       members_stopped(self->job, true));
	}
}

TEST_F_TIMEOUT(slow, bombs, CROWD_TIMEOUT)
{
	static const int sig[] = { SIGTERM, SIGKILL };
	struct rounds round = rounds(4, 3000);

	bombs_prepare();
	while (next_round(&round)) {
		self->keeper = bomb_light(self->job, &bomb_runners);
		ASSERT_TRUE(bomb_rages(self->job, &bomb_runners));
		ASSERT_EQ(0, jt_signal(self->job, sig[round.n % 2], NULL));
		ASSERT_TRUE(jt_wait_empty(self->job));
		EXPECT_EQ(0, user_processes(OWNER, NULL, 0));
		dismiss(self->keeper);
		self->keeper = 0;
		close(self->job);
		self->job = jt_create(0, 0, NULL, NULL);
		ASSERT_LE(0, self->job);
	}
}

TEST_HARNESS_MAIN
