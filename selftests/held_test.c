// SPDX-License-Identifier: GPL-2.0
/*
 * P4: the child of a fork that is in flight when its parent is reached is
 * signalled once; here the forks are held in flight while the signals are sent.
 */
#include "common/held.h"

#define RT	37	/* a real-time signal */

FIXTURE(held)
{
	int job;
	struct met met;
};

FIXTURE_VARIANT(held)
{
	unsigned int forks;
};

FIXTURE_VARIANT_ADD(held, one) { .forks = 1 };
FIXTURE_VARIANT_ADD(held, three) { .forks = 3 };
FIXTURE_VARIANT_ADD(held, eight) { .forks = HELD_MAX };

FIXTURE_SETUP(held)
{
	REQUIRE_MODULE();
	self->job = jt_create(0, 0, NULL, NULL);
	ASSERT_LE(0, self->job);
	ASSERT_TRUE(met_begin(&self->met));
}

FIXTURE_TEARDOWN(held)
{
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	if (held->parent.pid)
		EXPECT_EQ(128 + SIGKILL, reap(held->parent.pid));
	EXPECT_TRUE(jt_wait_empty(self->job));
	EXPECT_TRUE(met_end(&self->met, "held"));
	EXPECT_EQ(0, MET(&self->met, inexact));
	EXPECT_EQ(0, MET(&self->met, lost) + MET(&self->met, unseen));
	close(self->job);
}

static void send_and_count(struct __test_metadata *_metadata, int job, int sig,
			   unsigned int signalled, unsigned int newborns)
{
	struct jobtrack_signal counts;

	ASSERT_EQ(0, jt_signal(job, sig, &counts));
	EXPECT_EQ(signalled, counts.signalled) TH_LOG("signal %d", sig);
	EXPECT_EQ(newborns, counts.newborns) TH_LOG("signal %d", sig);
	EXPECT_EQ(0, counts.denied);
}

/* Was everybody signalled @times times by then? Nobody may be more often later. */
static void expect_signalled(struct __test_metadata *_metadata, int sig, uint32_t times)
{
	EXPECT_TRUE(WAIT_UNTIL(look_at(&held->parent.signalled[sig]) >= times));
	EXPECT_EQ(times, held->parent.signalled[sig]);
	for (unsigned int i = 0; i < held->forks; i++) {
		EXPECT_TRUE(WAIT_UNTIL(look_at(&held->child[i].signalled[sig]) >= times));
		EXPECT_EQ(times, held->child[i].signalled[sig])
			TH_LOG("child %u, signal %d", i, sig);
	}
}

static const int handled[] = { SIGUSR1, SIGUSR2, RT, 0 };

TEST_F(held, signalled_once)
{
	const unsigned int forks = variant->forks;

	ASSERT_TRUE(held_start(self->job, forks, handled));
	send_and_count(_metadata, self->job, SIGUSR1, 1, forks);
	send_and_count(_metadata, self->job, SIGUSR2, 1, forks);
	send_and_count(_metadata, self->job, RT, 1, forks);
	ASSERT_TRUE(held_born());
	/* as its first instruction each child had had them, by its own account */
	for (unsigned int i = 0; i < forks; i++) {
		EXPECT_EQ(1, held->child[i].signalled[SIGUSR1]);
		EXPECT_EQ(1, held->child[i].signalled[SIGUSR2]);
		EXPECT_EQ(1, held->child[i].signalled[RT]);
	}
	ASSERT_TRUE(met_end(&self->met, "three signals"));
	EXPECT_EQ(3 * forks, MET(&self->met, by_mark));
	EXPECT_EQ(0, MET(&self->met, by_log) + MET(&self->met, by_order));

	/* from now on they are members like others */
	send_and_count(_metadata, self->job, RT, 1 + forks, 0);
	expect_signalled(_metadata, SIGUSR1, 1);
	expect_signalled(_metadata, SIGUSR2, 1);
	expect_signalled(_metadata, RT, 2);
}

/* Operations of one signal merge within a fork, as with kill(2) on a group. */
TEST_F(held, merged_within_a_fork)
{
	ASSERT_TRUE(held_start(self->job, variant->forks, handled));
	for (uint32_t n = 1; n <= 3; n++) {
		send_and_count(_metadata, self->job, SIGUSR1, 1, variant->forks);
		EXPECT_TRUE(WAIT_UNTIL(look_at(&held->parent.signalled[SIGUSR1]) == n));
	}
	ASSERT_TRUE(held_born());
	for (unsigned int i = 0; i < variant->forks; i++)
		EXPECT_EQ(1, held->child[i].signalled[SIGUSR1]);
}

/* What is sent to one process only is not for the children. */
TEST_F(held, kill_is_not_for_children)
{
	ASSERT_TRUE(held_start(self->job, variant->forks, handled));
	EXPECT_EQ(0, kill(held->parent.pid, SIGUSR1));
	EXPECT_TRUE(WAIT_UNTIL(look_at(&held->parent.signalled[SIGUSR1])));
	ASSERT_TRUE(held_born());
	for (unsigned int i = 0; i < variant->forks; i++)
		EXPECT_EQ(0, held->child[i].signalled[SIGUSR1]);
	EXPECT_TRUE(met_end(&self->met, "kill(2)"));
	EXPECT_EQ(0, met_in_flight(&self->met));
}

/* No child of a fork in flight outlives the signal that ends its parent. */
static void end_them(struct __test_metadata *_metadata, int job, int sig)
{
	struct jobtrack_job state;
	struct jobtrack_signal counts;

	ASSERT_EQ(0, jt_signal(job, sig, &counts));
	EXPECT_EQ(1, counts.signalled);
	EXPECT_TRUE(jt_wait_empty(job));
	EXPECT_EQ(128 + sig, reap(held->parent.pid));
	held->parent.pid = 0;
	ASSERT_EQ(0, jt_state(job, &state));
	EXPECT_EQ(0, state.births);
	EXPECT_EQ(0, look_at(&held->born.value));
}

TEST_F(held, killed)
{
	ASSERT_TRUE(held_start(self->job, variant->forks, handled));
	end_them(_metadata, self->job, SIGKILL);
}

TEST_F(held, terminated)
{
	ASSERT_TRUE(held_start(self->job, variant->forks, handled));
	end_them(_metadata, self->job, SIGTERM);
}

static bool all_in_state(char state)
{
	for (unsigned int i = 0; i < held->forks; i++)
		if (!held->child[i].pid || proc_state(held->child[i].pid) != state)
			return false;
	return proc_state(held->parent.pid) == state;
}

/* PIDs of children that never ran, from the job's list */
static bool find_children(int job)
{
	struct jobtrack_row *rows;
	unsigned int n = 0;
	int members = jt_snapshot(job, &rows, NULL);

	for (int i = 0; i < members && n < held->forks; i++)
		if (rows[i].pid != held->parent.pid)
			held->child[n++].pid = rows[i].pid;
	free(rows);
	return n == held->forks;
}

/* A child that is born stopped does not run its first instruction. */
TEST_F(held, stopped_at_birth)
{
	const unsigned int forks = variant->forks;

	ASSERT_TRUE(held_start(self->job, forks, handled));
	send_and_count(_metadata, self->job, SIGSTOP, 1, forks);
	ASSERT_EQ(0, held_release());
	EXPECT_TRUE(WAIT_UNTIL(find_children(self->job) && all_in_state('T')));
	EXPECT_EQ(0, look_at(&held->born.value));

	send_and_count(_metadata, self->job, SIGCONT, 1 + forks, 0);
	EXPECT_TRUE(gate_wait(&held->born, forks));
	EXPECT_TRUE(WAIT_UNTIL(all_in_state('S')));
}

/* The later of the two wins in a fork in flight, too, whoever sends it. */
TEST_F(held, stop_and_continue)
{
	ASSERT_TRUE(held_start(self->job, variant->forks, handled));
	send_and_count(_metadata, self->job, SIGSTOP, 1, variant->forks);
	send_and_count(_metadata, self->job, SIGCONT, 1, variant->forks);
	EXPECT_TRUE(held_born());
	EXPECT_TRUE(WAIT_UNTIL(all_in_state('S')));
}

TEST_F(held, stop_and_outsiders_continue)
{
	ASSERT_TRUE(held_start(self->job, variant->forks, handled));
	send_and_count(_metadata, self->job, SIGSTOP, 1, variant->forks);
	EXPECT_EQ(0, kill(held->parent.pid, SIGCONT));
	EXPECT_TRUE(held_born());
	EXPECT_TRUE(WAIT_UNTIL(all_in_state('S')));
}

TEST_F(held, stop_again)
{
	ASSERT_TRUE(held_start(self->job, variant->forks, handled));
	send_and_count(_metadata, self->job, SIGSTOP, 1, variant->forks);
	EXPECT_EQ(0, kill(held->parent.pid, SIGCONT));
	send_and_count(_metadata, self->job, SIGSTOP, 1, variant->forks);
	ASSERT_EQ(0, held_release());
	EXPECT_TRUE(WAIT_UNTIL(find_children(self->job) && all_in_state('T')));
	EXPECT_EQ(0, look_at(&held->born.value));
}

TEST_HARNESS_MAIN
