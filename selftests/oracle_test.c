// SPDX-License-Identifier: GPL-2.0
/*
 * P4: every member, and every child of a fork in flight, is signalled once by an
 * operation. The members say so themselves: see oracle.h.
 */
#include "common/oracle.h"

#define ENOUGH	40	/* forks in flight that are to be met, if there is time */

/* How the signals are sent. */
struct caller {
	uid_t uid;
	bool inside;		/* a member of the job itself */
	bool slow;		/* see struct oracle */
};

/* What a caller's process is told, and tells. */
struct orders {
	const struct caller *caller;
	int job;
	uint64_t id;
	unsigned int which, enough;
	struct jobtrack_signal sum;
};

static int carry_out(void *arg)
{
	struct orders *orders = arg;
	struct sigaction act = { .sa_handler = oracle_handler, .sa_flags = SA_RESTART };
	int job = orders->job;

	oracle->slow = orders->caller->slow;
	if (orders->caller->inside)
		for (int i = 0; i < oracle->signals; i++)
			CHECK(sigaction(oracle->sig[i], &act, NULL) == 0);
	if (orders->caller->uid) {
		job = jt_open(orders->id, 0);
		CHECK(job >= 0);
	}
	if (!oracle_fire(job, orders->which, orders->enough, &orders->sum))
		return 2;
	if (orders->caller->inside)
		for (int i = 0; i < oracle->signals; i++)
			CHECK_EQ(oracle->done[i], me.count[i]);
	return 0;
}

/* Have somebody fire at the job; the sums of what the calls returned. */
static bool fire(const struct caller *caller, int job, uint64_t id, unsigned int which,
		 unsigned int enough, struct jobtrack_signal *sum)
{
	struct orders *orders = shared(sizeof(*orders));
	pid_t pid;
	int ret;

	*orders = (struct orders) {
		.caller = caller, .job = job, .id = id, .which = which, .enough = enough,
	};
	pid = spawn(caller->inside ? job : -1, caller->uid, carry_out, orders);
	WAIT_FOR_CROWD(proc_state(pid) == 'Z');
	ret = reap(pid);
	*sum = orders->sum;
	munmap(orders, sizeof(*orders));
	if (ret)
		fprintf(stderr, "# the caller's status is %d\n", ret);
	return !ret;
}

FIXTURE(oracle)
{
	int job;
	uint64_t id;
	pid_t keeper;
	struct met met;
};

FIXTURE_VARIANT(oracle)
{
	int signals[ORACLE_SIGNALS + 1];
	struct oracle_crowd crowd;
	struct caller caller;
	bool linger;		/* until the log has been met */
};

#define CROWD(...)	.crowd = { .expect = ~0, __VA_ARGS__ }
#define RT(n)		(34 + (n))	/* SIGRTMIN is no constant */

FIXTURE_VARIANT_ADD(oracle, one_signal) {
	.signals = { SIGUSR1 }, CROWD(.breeders = 5, .runners = 5),
};
FIXTURE_VARIANT_ADD(oracle, two_signals) {
	.signals = { SIGUSR1, SIGUSR2 }, CROWD(.breeders = 5, .runners = 5),
};
FIXTURE_VARIANT_ADD(oracle, three_signals) {
	.signals = { SIGUSR1, SIGCONT, SIGUSR2 }, CROWD(.breeders = 5, .runners = 5),
};
FIXTURE_VARIANT_ADD(oracle, real_time) {
	.signals = { RT(0), RT(1), RT(2) }, CROWD(.breeders = 5, .runners = 5),
};
FIXTURE_VARIANT_ADD(oracle, runners) {
	.signals = { SIGHUP, SIGTERM }, CROWD(.runners = 16),
};
FIXTURE_VARIANT_ADD(oracle, lingering) {
	.signals = { SIGUSR1, SIGCONT, RT(9) }, CROWD(.runners = 16), .linger = true,
};
FIXTURE_VARIANT_ADD(oracle, swarms) {
	.signals = { SIGUSR1, RT(5) }, CROWD(.swarms = 3),
};
FIXTURE_VARIANT_ADD(oracle, blocked) {
	.signals = { SIGUSR1, RT(30) }, CROWD(.deaf = 6, .runners = 2),
};
FIXTURE_VARIANT_ADD(oracle, slow_caller) {
	.signals = { SIGUSR1, SIGUSR2 }, CROWD(.breeders = 12, .runners = 12, .room = 48),
	.caller = { .slow = true },
};
FIXTURE_VARIANT_ADD(oracle, owner_calls) {
	.signals = { SIGUSR1, SIGALRM }, CROWD(.breeders = 5, .runners = 5),
	.caller = { .uid = OWNER },
};
FIXTURE_VARIANT_ADD(oracle, member_calls) {
	.signals = { SIGINT, SIGQUIT }, CROWD(.breeders = 5, .runners = 5),
	.caller = { .uid = OWNER, .inside = true },
};

FIXTURE_SETUP(oracle)
{
	REQUIRE_MODULE();
	ASSERT_TRUE(clear_user(OWNER));
	oracle_prepare(variant->signals);
	self->job = jt_create_for(OWNER, NULL, &self->id);
	ASSERT_LE(0, self->job);
	ASSERT_TRUE(met_begin(&self->met));
	self->keeper = oracle_gather(self->job, OWNER, &variant->crowd);
	ASSERT_LT(0, self->keeper);
	ASSERT_TRUE(!variant->linger || linger_at_birth());
	ASSERT_TRUE(oracle_forks_on());
}

FIXTURE_TEARDOWN(oracle)
{
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_TRUE(jt_wait_empty(self->job));
	dismiss(self->keeper);
	close(self->job);
	EXPECT_TRUE(clear_user(OWNER));
}

TEST_F_TIMEOUT(oracle, signals_each_once, CROWD_TIMEOUT)
{
	const bool want_log = variant->linger && sysconf(_SC_NPROCESSORS_ONLN) > 1;
	struct rounds turn = rounds(1, 15000);
	struct jobtrack_signal sum;

	/* the window in which the log decides is narrow, and may take several turns */
	while (next_round(&turn)) {
		EXPECT_TRUE(fire(&variant->caller, self->job, self->id, ~0, ENOUGH, &sum));
		ASSERT_EQ(0, jt_info(&self->met.after));
		if (!_metadata->passed || !want_log || MET(&self->met, by_log))
			break;
	}
	EXPECT_TRUE(oracle_verdict("oracle"));
	EXPECT_TRUE(met_end(&self->met, "oracle"));

	EXPECT_EQ(0, sum.denied);
	EXPECT_EQ(0, sum.info_lost);
	/* a child can be met by the log after the call has returned */
	EXPECT_LE(sum.newborns, met_in_flight(&self->met));
	EXPECT_LE(4 * oracle->signals * 5, sum.signalled);
	EXPECT_LT(0, met_in_flight(&self->met))
		TH_LOG("no fork in flight was met: nothing is proved");
	if (want_log)
		EXPECT_LT(0, MET(&self->met, by_log));
	EXPECT_EQ(0, MET(&self->met, lost));
	EXPECT_EQ(0, MET(&self->met, unseen));
	EXPECT_EQ(0, MET(&self->met, inexact));
}

FIXTURE(scope)
{
	int job, below;
	uint64_t id, below_id;
	pid_t keeper[2];
	struct met met;
};

FIXTURE_SETUP(scope)
{
	static const int signals[] = { SIGUSR1, SIGUSR2, 0 };

	REQUIRE_MODULE();
	ASSERT_TRUE(clear_user(OWNER) && clear_user(STRANGER));
	oracle_prepare(signals);
	self->job = jt_create_for(OWNER, NULL, &self->id);
	ASSERT_LE(0, self->job);
	self->below = jt_create(0, self->id, NULL, &self->below_id);
	ASSERT_LE(0, self->below);
	ASSERT_TRUE(met_begin(&self->met));
}

FIXTURE_TEARDOWN(scope)
{
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_TRUE(jt_wait_empty(self->job));
	for (int i = 0; i < 2; i++)
		dismiss(self->keeper[i]);
	close(self->below);
	close(self->job);
	EXPECT_TRUE(clear_user(OWNER) && clear_user(STRANGER));
}

/* To the job: everybody. To the job below: those below, and nobody else. */
TEST_F_TIMEOUT(scope, sub_jobs, CROWD_TIMEOUT)
{
	const struct oracle_crowd above = { .breeders = 3, .runners = 3, .expect = 1 };
	const struct oracle_crowd below = { .breeders = 3, .runners = 3, .expect = 3, .room = 40 };
	struct jobtrack_signal all, sub;

	self->keeper[0] = oracle_gather(self->job, OWNER, &above);
	self->keeper[1] = oracle_gather(self->below, OWNER, &below);
	ASSERT_TRUE(self->keeper[0] > 0 && self->keeper[1] > 0);
	ASSERT_TRUE(oracle_forks_on());
	for (int turn = 0; turn < 3; turn++) {
		if (!oracle_fire(self->below, 2, ENOUGH / 6, &sub) ||
		    !oracle_fire(self->job, 1, ENOUGH / 6, &all))
			break;
		EXPECT_EQ(0, all.denied + sub.denied);
		EXPECT_LE(4 * 6, sub.signalled);
		EXPECT_LE(4 * 12, all.signalled);
	}
	EXPECT_TRUE(oracle_verdict("sub-jobs"));
	EXPECT_TRUE(met_end(&self->met, "sub-jobs"));
	EXPECT_LT(0, met_in_flight(&self->met));
	EXPECT_EQ(0, MET(&self->met, inexact));
}

/* Whom the caller may not signal is left alone with all its children. */
TEST_F_TIMEOUT(scope, not_the_callers, CROWD_TIMEOUT)
{
	const struct oracle_crowd own = { .breeders = 3, .runners = 3, .expect = 3, .room = 40 };
	const struct oracle_crowd others = { .breeders = 3, .runners = 3, .expect = 0, .room = 40 };
	const struct caller owner = { .uid = OWNER };
	struct rounds turn = rounds(1, 15000);
	struct jobtrack_signal sum;

	self->keeper[0] = oracle_gather(self->job, OWNER, &own);
	self->keeper[1] = oracle_gather(self->job, STRANGER, &others);
	ASSERT_TRUE(self->keeper[0] > 0 && self->keeper[1] > 0);
	ASSERT_TRUE(oracle_forks_on());
	/* few are the caller's, and fewer fork just then: until one was met */
	while (next_round(&turn)) {
		EXPECT_TRUE(fire(&owner, self->job, self->id, 3, ENOUGH, &sum));
		ASSERT_EQ(0, jt_info(&self->met.after));
		if (!_metadata->passed || met_in_flight(&self->met))
			break;
	}
	EXPECT_TRUE(oracle_verdict("some are not the caller's"));
	EXPECT_TRUE(met_end(&self->met, "some are not the caller's"));
	EXPECT_LE(4 * 2 * 6, sum.signalled);
	EXPECT_LE(4 * 2 * 6, sum.denied);
	EXPECT_LT(0, met_in_flight(&self->met));
	EXPECT_EQ(0, MET(&self->met, inexact));
}

TEST_HARNESS_MAIN
