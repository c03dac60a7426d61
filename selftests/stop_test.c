// SPDX-License-Identifier: GPL-2.0
/*
 * P4: stopping and continuing a job that forks. After a stop no newborn beats on;
 * after a SIGCONT nobody is left stopped, whoever sent it.
 */
#include "common/beats.h"

FIXTURE(stop)
{
	int job;
	pid_t keeper;
	struct met met;
};

FIXTURE_VARIANT(stop)
{
	int sig;
	bool linger;
};

FIXTURE_VARIANT_ADD(stop, stop) { .sig = SIGSTOP, .linger = true };
FIXTURE_VARIANT_ADD(stop, tstp) { .sig = SIGTSTP };

FIXTURE_SETUP(stop)
{
	/* who waits for a vforked child that is stopped shows no stop itself */
	static const struct oracle_crowd crowd = { .breeders = 4, .runners = 5, .no_vfork = true };
	static const int no_signals[] = { 0 };

	REQUIRE_MODULE();
	ASSERT_TRUE(clear_user(OWNER));
	oracle_prepare(no_signals);
	self->job = jt_create(0, 0, NULL, NULL);
	ASSERT_LE(0, self->job);
	ASSERT_TRUE(met_begin(&self->met));
	self->keeper = oracle_gather(self->job, OWNER, &crowd);
	ASSERT_LT(0, self->keeper);
	ASSERT_TRUE(!variant->linger || linger_at_birth());
	ASSERT_TRUE(oracle_forks_on());
}

FIXTURE_TEARDOWN(stop)
{
	EXPECT_TRUE(met_end(&self->met, "stop"));
	EXPECT_EQ(0, MET(&self->met, lost) + MET(&self->met, unseen));
	EXPECT_EQ(0, MET(&self->met, inexact));
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_TRUE(jt_wait_empty(self->job));
	dismiss(self->keeper);
	close(self->job);
	EXPECT_TRUE(clear_user(OWNER));
}

#define STOP_JOB(sig_) do {							\
	ASSERT_TRUE(oracle_forks_on());						\
	STOP_JOB_NOW(sig_);							\
} while (0)

#define STOP_JOB_NOW(sig_) do {							\
	struct jobtrack_signal counts_;						\
										\
	ASSERT_EQ(0, jt_signal(self->job, sig_, &counts_));			\
	EXPECT_LE(6, counts_.signalled) TH_LOG("too few to prove anything");	\
} while (0)

TEST_F_TIMEOUT(stop, no_newborn_beats_on, CROWD_TIMEOUT)
{
	struct rounds round = rounds(3, 1000);
	struct jobtrack_job state;

	while (next_round(&round)) {
		STOP_JOB(variant->sig);
		ASSERT_TRUE(nobody_moves(self->job))
			TH_LOG("round %u: %d are not stopped", round.n,
			       members_stopped(self->job, false));
		ASSERT_EQ(0, jt_state(self->job, &state));
		EXPECT_LE(6, state.procs);

		ASSERT_EQ(0, jt_signal(self->job, SIGCONT, NULL));
		ASSERT_TRUE(everybody_moves(self->job)) TH_LOG("round %u", round.n);
	}
	ASSERT_EQ(0, jt_info(&self->met.after));
	EXPECT_LT(0, met_in_flight(&self->met)) TH_LOG("no fork in flight was met");
}

/* The stop may be on its way to newborns when SIGCONT comes. */
TEST_F_TIMEOUT(stop, then_continue, CROWD_TIMEOUT)
{
	struct rounds round = rounds(4, 1000);

	while (next_round(&round)) {
		STOP_JOB(variant->sig);
		nap_us(round.n % 4 * 1000);
		ASSERT_EQ(0, jt_signal(self->job, SIGCONT, NULL));
		ASSERT_TRUE(everybody_moves(self->job))
			TH_LOG("round %u: %d left stopped", round.n,
			       members_stopped(self->job, true));
	}
	ASSERT_EQ(0, jt_info(&self->met.after));
	EXPECT_LT(0, met_in_flight(&self->met)) TH_LOG("no fork in flight was met");
}

/* Both may meet the same fork: what came last counts. */
TEST_F_TIMEOUT(stop, right_after_continue, CROWD_TIMEOUT)
{
	struct rounds round = rounds(4, 1000);

	while (next_round(&round)) {
		ASSERT_TRUE(oracle_forks_on());
		ASSERT_EQ(0, jt_signal(self->job, SIGCONT, NULL));
		STOP_JOB_NOW(variant->sig);
		ASSERT_TRUE(nobody_moves(self->job))
			TH_LOG("round %u: %d are not stopped", round.n,
			       members_stopped(self->job, false));
		ASSERT_EQ(0, jt_signal(self->job, SIGCONT, NULL));
		ASSERT_TRUE(everybody_moves(self->job)) TH_LOG("round %u", round.n);
	}
	ASSERT_EQ(0, jt_info(&self->met.after));
	EXPECT_LT(0, met_in_flight(&self->met)) TH_LOG("no fork in flight was met");
}

/* A shell's fg: kill(2) to the process group, by somebody outside of the job */
TEST_F_TIMEOUT(stop, then_outsider_continues, CROWD_TIMEOUT)
{
	struct rounds round = rounds(4, 1000);

	while (next_round(&round)) {
		STOP_JOB(variant->sig);
		nap_us(round.n % 4 * 500);
		ASSERT_EQ(0, kill(-oracle->group, SIGCONT));
		ASSERT_TRUE(everybody_moves(self->job))
			TH_LOG("round %u: %d left stopped", round.n,
			       members_stopped(self->job, true));
	}
}

/* ... who begins before the job's stop is over, and is the last one to speak. */
struct outsider {
	struct gate go, gone;
	bool done;
};

static int continue_group(void *arg)
{
	struct outsider *outsider = arg;

	for (int round = 1; gate_wait(&outsider->go, round) && !outsider->done; round++) {
		for (int i = 0; i < 3; i++)
			CHECK(kill(-oracle->group, SIGCONT) == 0);
		gate_add(&outsider->gone, 1);
	}
	return !outsider->done;
}

TEST_F_TIMEOUT(stop, while_outsider_continues, CROWD_TIMEOUT)
{
	struct outsider *outsider = shared(sizeof(*outsider));
	struct rounds round = rounds(4, 1000);
	pid_t pid = spawn(-1, 0, continue_group, outsider);

	while (next_round(&round)) {
		ASSERT_TRUE(oracle_forks_on());
		gate_add(&outsider->go, 1);
		ASSERT_EQ(0, jt_signal(self->job, variant->sig, NULL));
		ASSERT_TRUE(gate_wait(&outsider->gone, round.n));
		ASSERT_EQ(0, kill(-oracle->group, SIGCONT));
		ASSERT_TRUE(everybody_moves(self->job))
			TH_LOG("round %u: %d left stopped", round.n,
			       members_stopped(self->job, true));
	}
	outsider->done = true;
	gate_add(&outsider->go, 1);
	EXPECT_EQ(0, reap(pid));
}

TEST_HARNESS_MAIN
