// SPDX-License-Identifier: GPL-2.0
/*
 * P6: a birth that the birth probe does not see is seen by the witness, which
 * kills the child before it runs, and tells. Where the two disagree by right,
 * because the parent joined between them, the witness says nothing.
 */
#include "common/adversary.h"
#include "common/debug.h"

#include <pthread.h>

#define HIDDEN		8
#define MESSAGE		"was not recorded as it should be; killed before it ran"

FIXTURE(witness)
{
	int job;
	uint64_t id;
	int log;
	struct met met;
};

FIXTURE_SETUP(witness)
{
	REQUIRE_MODULE();
	ASSERT_TRUE(reset_rules());
	ASSERT_TRUE(clear_user(OWNER));
	self->log = log_open();
	ASSERT_LE(0, self->log);
	self->job = jt_create_for(OWNER, NULL, &self->id);
	ASSERT_LE(0, self->job);
	ASSERT_TRUE(met_begin(&self->met));
}

FIXTURE_TEARDOWN(witness)
{
	EXPECT_TRUE(reset_rules());
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_TRUE(jt_wait_empty(self->job));
	close(self->job);
	EXPECT_TRUE(clear_user(OWNER));
}

/* ---------------------------------------------------------------- a hidden birth */

static uint32_t *ran;

/* Fork some, all of whom must be killed, or must run. */
static int bear_children(void *want_killed)
{
	for (int i = 0; i < HIDDEN; i++) {
		pid_t pid = i % 2 ? vfork() : fork();
		int status;

		if (!pid) {
			add_to(ran, 1);
			_exit(0);
		}
		CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
		CHECK_EQ(want_killed ? SIGKILL : 0, status);
	}
	return 0;
}

TEST_F(witness, sees_what_is_hidden)
{
	struct jobtrack_job state;

	ran = shared(sizeof(*ran));
	ASSERT_TRUE(set_rules(HIDE_BIRTH, DEFAULT_BATCH, 0));
	EXPECT_EQ(0, reap(spawn(self->job, OWNER, bear_children, "")));
	EXPECT_EQ(0, *ran);
	/* nobody is missed who is in no job */
	EXPECT_EQ(0, reap(spawn(-1, OWNER, bear_children, NULL)));
	EXPECT_EQ(HIDDEN, *ran);

	ASSERT_TRUE(met_end(&self->met, "hidden"));
	EXPECT_EQ(HIDDEN, MET(&self->met, unseen));
	EXPECT_EQ(0, MET(&self->met, births));
	EXPECT_EQ(0, MET(&self->met, lost));
	EXPECT_TRUE(log_tells(self->log, MESSAGE));

	ASSERT_TRUE(reset_rules());
	EXPECT_EQ(0, reap(spawn(self->job, OWNER, bear_children, NULL)));
	EXPECT_EQ(2 * HIDDEN, *ran);
	ASSERT_TRUE(met_end(&self->met, "seen again"));
	EXPECT_EQ(HIDDEN, MET(&self->met, unseen));
	EXPECT_EQ(HIDDEN, MET(&self->met, births));
	ASSERT_EQ(0, jt_state(self->job, &state));
	EXPECT_EQ(HIDDEN, state.births);
}

/* ------------------------------------------------------------- parents that join */

/* A process whose threads fork, while it is put into a job or enters it */
static struct joiner {
	int job;
	uint64_t id;
	bool enters;		/* by itself; else the tester tags it */
	uint32_t member;	/* it is one for sure */
	uint32_t stop;
	uint32_t forks;
	uint32_t before;	/* forks when it joined */
	uint32_t inside;	/* children that were born members */
	uint32_t strays;	/* that were not, of a parent that was a member for sure */
	uint32_t killed;	/* children that came to any other end than their own */
} *joiner;

static void *join_forker(void *arg)
{
	int64_t job;
	int status;

	while (!look_at(&joiner->stop)) {
		uint32_t member = look_at(&joiner->member);
		pid_t pid = fork();

		if (!pid) {
			job = jt_job_of(0);
			if (job == (int64_t)joiner->id)
				add_to(&joiner->inside, 1);
			else if (job != 0 || member)
				add_to(&joiner->strays, 1);
			_exit(0);
		}
		CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
		if (status)
			add_to(&joiner->killed, 1);
		add_to(&joiner->forks, 1);
	}
	return arg;
}

static int joiner_main(void *arg)
{
	pthread_t thread[3];

	(void)arg;
	for (int i = 0; i < 3; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, join_forker, NULL));
	if (joiner->enters) {
		CHECK(WAIT_UNTIL(look_at(&joiner->forks) >= joiner->before + 3));
		CHECK_EQ(0, jt_enter(joiner->job));
		joiner->member = 1;
	}
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	return 0;
}

TEST_F(witness, does_not_cry_wolf)
{
	struct rounds round = rounds(30, 8000);
	struct jobtrack_job state;
	pid_t pid;

	joiner = shared(sizeof(*joiner));
	joiner->job = self->job;
	joiner->id = self->id;
	while (next_round(&round)) {
		joiner->member = 0;
		joiner->stop = 0;
		joiner->enters = round.n % 2;
		joiner->before = joiner->forks;
		pid = spawn(-1, OWNER, joiner_main, NULL);
		if (!joiner->enters) {
			ASSERT_TRUE(WAIT_UNTIL(look_at(&joiner->forks) >= joiner->before + 3));
			ASSERT_EQ(0, jt_tag(self->job, pid));
			joiner->member = 1;
		}
		ASSERT_TRUE(WAIT_UNTIL(look_at(&joiner->member)));
		ASSERT_TRUE(WAIT_UNTIL(look_at(&joiner->forks) >= joiner->before + 12));
		joiner->stop = 1;
		ASSERT_EQ(0, reap(pid));
	}
	TH_LOG("%u joined, %u forks, %u born inside", round.n - 1, joiner->forks, joiner->inside);
	EXPECT_EQ(0, joiner->killed);
	EXPECT_EQ(0, joiner->strays);
	EXPECT_LE(300, joiner->forks);

	ASSERT_TRUE(met_end(&self->met, "joining"));
	EXPECT_EQ(0, MET(&self->met, unseen));
	EXPECT_EQ(0, MET(&self->met, lost));
	EXPECT_FALSE(log_tells(self->log, MESSAGE));
	ASSERT_EQ(0, jt_state(self->job, &state));
	EXPECT_EQ(joiner->inside, state.births);
	EXPECT_EQ(round.n - 1, state.joined);
}

TEST_HARNESS_MAIN
