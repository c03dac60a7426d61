// SPDX-License-Identifier: GPL-2.0
/*
 * What happens while a signal operation is under way, and how others fare: it has
 * reached the first of ten members, the last will be reached when the test says so.
 */
#include "common/debug.h"
#include "common/listeners.h"

#include <pthread.h>

#define LISTENERS	10
#define LAST		(LISTENERS - 1)

struct call {
	int job, sig;
	uint64_t id;		/* of the job, for who opens it */
	pid_t pid;
	uint32_t began, done;
	struct jobtrack_signal counts;
};

FIXTURE(crawl)
{
	int job, below;
	uint64_t id, below_id;
	struct call *call, *other;	/* the operation under way, and another */
	struct met met;
};

FIXTURE_SETUP(crawl)
{
	struct call *calls = shared(2 * sizeof(*calls));

	REQUIRE_MODULE();
	ASSERT_TRUE(reset_rules());
	ASSERT_TRUE(clear_user(OWNER));
	self->call = &calls[0];
	self->other = &calls[1];
	self->job = jt_create_for(OWNER, NULL, &self->id);
	ASSERT_LE(0, self->job);
	self->below = jt_create(0, self->id, NULL, &self->below_id);
	ASSERT_LE(0, self->below);
	ASSERT_TRUE(met_begin(&self->met));
}

FIXTURE_TEARDOWN(crawl)
{
	EXPECT_TRUE(reset_rules());
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_TRUE(jt_wait_empty(self->job));
	EXPECT_TRUE(met_end(&self->met, "crawl"));
	EXPECT_EQ(0, MET(&self->met, inexact));
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	EXPECT_TRUE(clear_user(OWNER));
}

static int call_signal(void *arg)
{
	struct call *call = arg;

	add_to(&call->began, 1);
	CHECK_EQ(0, jt_signal(call->job, call->sig, &call->counts));
	add_to(&call->done, 1);
	return 0;
}

static bool begin(struct call *call, int job, int sig)
{
	call->job = job;
	call->sig = sig;
	call->pid = spawn(-1, 0, call_signal, call);
	return call->pid > 0;
}

static uint32_t got(int i, int sig)
{
	return look_at(&listeners->listener[i].got[sig]);
}

/* As begin(); it gets to the first listener and no further. */
static bool crawl(struct call *call, int job, int sig)
{
	return set_rules(0, 1, UNTIL_TOLD) && begin(call, job, sig) &&
		WAIT_UNTIL(sig == SIGKILL ? proc_state(listeners->listener[0].pid) == 'Z' :
			   got(0, sig));
}

/* What was done since crawl() was done while the operation was under way. */
#define EXPECT_CRAWLING(self) EXPECT_EQ(0, look_at(&(self)->call->done))

static bool arrive(struct call *call)
{
	return reset_rules() && reap(call->pid) == 0 && look_at(&call->done);
}

/* All ten have got it once, from whoever sent it */
static bool all_got_once(int sig)
{
	return WAIT_UNTIL(all_got(sig, 1));
}

/* ------------------------------------------------------------------- other signallers */

static bool waits_for_its_turn(struct call *call)
{
	return WAIT_UNTIL(look_at(&call->began) && proc_state(call->pid) == 'D');
}

/* Whoever waits for its turn sends what it has to when the turn comes. */
TEST_F(crawl, signaller_waits)
{
	ASSERT_TRUE(listeners_join(self->job, OWNER, LISTENERS));
	ASSERT_TRUE(crawl(self->call, self->job, SIGUSR1));
	ASSERT_TRUE(begin(self->other, self->job, SIGUSR2));
	ASSERT_TRUE(waits_for_its_turn(self->other));
	EXPECT_TRUE(all_got(SIGUSR2, 0));
	EXPECT_CRAWLING(self);

	ASSERT_TRUE(arrive(self->call));
	ASSERT_TRUE(arrive(self->other));
	EXPECT_EQ(LISTENERS, self->other->counts.signalled);
	EXPECT_TRUE(all_got_once(SIGUSR1) && all_got_once(SIGUSR2));
}

/* Killed before its turn has come, it has sent nothing. */
TEST_F(crawl, signaller_killed_while_it_waits)
{
	ASSERT_TRUE(listeners_join(self->job, OWNER, LISTENERS));
	ASSERT_TRUE(crawl(self->call, self->job, SIGUSR1));
	ASSERT_TRUE(begin(self->other, self->job, SIGUSR2));
	ASSERT_TRUE(waits_for_its_turn(self->other));
	kill(self->other->pid, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, reap(self->other->pid));
	EXPECT_CRAWLING(self);

	ASSERT_TRUE(arrive(self->call));
	EXPECT_EQ(LISTENERS, self->call->counts.signalled);
	EXPECT_TRUE(all_got_once(SIGUSR1));
	ASSERT_EQ(0, jt_signal(self->job, RT(0), NULL));	/* comes after it */
	EXPECT_TRUE(all_got_once(RT(0)) && all_got(SIGUSR2, 0));
}

/* Killed once it has begun, it goes on to its end. */
TEST_F(crawl, signaller_killed_while_it_signals)
{
	ASSERT_TRUE(listeners_join(self->job, OWNER, LISTENERS));
	ASSERT_TRUE(crawl(self->call, self->job, SIGUSR1));
	kill(self->call->pid, SIGKILL);
	EXPECT_EQ(0, got(LAST, SIGUSR1));
	ASSERT_TRUE(reset_rules());
	EXPECT_EQ(128 + SIGKILL, reap(self->call->pid));
	EXPECT_EQ(0, look_at(&self->call->done));
	EXPECT_TRUE(all_got_once(SIGUSR1));
}

/* SIGKILL waits for no other operation, and ends it by leaving nobody. */
TEST_F(crawl, kill_does_not_wait)
{
	struct jobtrack_signal counts;

	ASSERT_TRUE(listeners_join(self->job, OWNER, LISTENERS));
	ASSERT_TRUE(crawl(self->call, self->job, SIGUSR1));
	ASSERT_TRUE(set_rules(0, DEFAULT_BATCH, UNTIL_TOLD));
	ASSERT_EQ(0, jt_signal(self->job, SIGKILL, &counts));
	EXPECT_EQ(LISTENERS, counts.signalled);
	EXPECT_TRUE(jt_wait_empty(self->job));
	EXPECT_CRAWLING(self);
	ASSERT_TRUE(arrive(self->call));
	EXPECT_GT(LISTENERS, self->call->counts.signalled);
}

/* A member that holds no descriptor of the job */
static int lone_listener(void *self)
{
	syscall(SYS_close_range, 3, ~0U, 0);
	return listener(self);
}

static void *call_in_thread(void *arg)
{
	struct call *call = arg;

	call->done = jt_signal(call->job, call->sig, &call->counts) == 0;
	return NULL;
}

/* Nor does the SIGKILL that comes with the last managing descriptor's end. */
TEST_F(crawl, kill_on_close_does_not_wait)
{
	uint64_t id;
	int job = jt_create(JOBTRACK_CREATE_KILL_ON_CLOSE, 0, NULL, &id);
	int look = jt_open(id, 0);
	pthread_t thread;

	ASSERT_LE(0, job);
	ASSERT_LE(0, look);
	ASSERT_TRUE(listeners_join_by(lone_listener, job, OWNER, LISTENERS));
	ASSERT_TRUE(set_rules(0, 1, UNTIL_TOLD));
	*self->call = (struct call) { .job = look, .sig = SIGUSR1 };
	ASSERT_EQ(0, pthread_create(&thread, NULL, call_in_thread, self->call));
	ASSERT_TRUE(WAIT_UNTIL(got(0, SIGUSR1)));
	ASSERT_TRUE(set_rules(0, DEFAULT_BATCH, UNTIL_TOLD));
	close(job);
	EXPECT_TRUE(jt_wait_empty(look));
	EXPECT_CRAWLING(self);
	ASSERT_TRUE(reset_rules());
	pthread_join(thread, NULL);
	EXPECT_GT(LISTENERS, self->call->counts.signalled);
	close(look);
}

/* What is killed of what is being signalled is not waited for, the rest is signalled. */
TEST_F(crawl, kill_of_the_job_below)
{
	struct jobtrack_signal counts;

	ASSERT_TRUE(listeners_join(self->job, OWNER, LISTENERS - 3));
	ASSERT_TRUE(listeners_join(self->below, OWNER, 3));
	ASSERT_TRUE(crawl(self->call, self->job, RT(0)));
	ASSERT_TRUE(set_rules(0, DEFAULT_BATCH, UNTIL_TOLD));
	ASSERT_EQ(0, jt_signal(self->below, SIGKILL, &counts));
	EXPECT_EQ(3, counts.signalled);
	EXPECT_TRUE(jt_wait_empty(self->below));
	EXPECT_CRAWLING(self);
	ASSERT_TRUE(arrive(self->call));
	EXPECT_EQ(LISTENERS - 3, self->call->counts.signalled);
	listeners->n = LISTENERS - 3;
	EXPECT_TRUE(all_got_once(RT(0)));
}

/*
 * While a SIGKILL is under way nobody comes in, neither from outside nor from the
 * part of the tree that it spares, not even those that it has not reached yet.
 */
TEST_F(crawl, nobody_joins_what_is_being_killed)
{
	pid_t outside = spawn(-1, 0, lone_sleeper, NULL);
	pid_t above;
	int deeper;

	deeper = jt_create(0, self->below_id, NULL, NULL);
	ASSERT_LE(0, deeper);
	ASSERT_TRUE(listeners_join(self->below, OWNER, LISTENERS));
	above = spawn(self->job, OWNER, lone_sleeper, NULL);
	ASSERT_TRUE(WAIT_UNTIL(jt_job_of(above) == (int64_t)self->id));
	ASSERT_TRUE(crawl(self->call, self->below, SIGKILL));
	EXPECT_EQ(-ECANCELED, jt_tag(self->below, outside));
	EXPECT_EQ(-ECANCELED, jt_tag(self->below, above));
	EXPECT_EQ(-ECANCELED, jt_tag(deeper, above));
	EXPECT_EQ(-ECANCELED, jt_tag(deeper, listeners->listener[LAST].pid));
	EXPECT_EQ(-ECANCELED, jt_create(0, self->below_id, NULL, NULL));
	EXPECT_EQ(1, live_threads(listeners->listener[LAST].pid));
	EXPECT_CRAWLING(self);
	ASSERT_TRUE(arrive(self->call));
	EXPECT_EQ(LISTENERS, self->call->counts.signalled);
	EXPECT_TRUE(jt_wait_empty(self->below));
	EXPECT_EQ(1, live_threads(above));
	EXPECT_EQ(self->id, jt_job_of(above));
	EXPECT_EQ(0, jt_job_of(outside));
	kill(outside, SIGKILL);
}

/* ---------------------------------------------------------------------- others' looks */

/* No list, no state and no file waits for a signal. */
TEST_F(crawl, looks_do_not_wait)
{
	struct jobtrack_snapshot snapshot;
	struct jobtrack_row *rows;
	struct jobtrack_job state, *jobs;
	char text[1 << 14];
	uint64_t before;

	ASSERT_TRUE(listeners_join(self->job, OWNER, LISTENERS));
	ASSERT_TRUE(crawl(self->call, self->job, SIGUSR1));
	before = now_ns();
	ASSERT_EQ(LISTENERS, jt_snapshot(self->job, &rows, &snapshot));
	EXPECT_TRUE(before <= snapshot.time && snapshot.time <= now_ns());
	for (int i = 0; i < LISTENERS; i++)
		EXPECT_TRUE(jt_in_snapshot(self->job, listeners->listener[i].pid));
	EXPECT_EQ(0, jt_state(self->job, &state));
	EXPECT_EQ(LISTENERS, state.procs);
	EXPECT_LE(2, jt_list(&jobs));
	EXPECT_EQ(self->id, jt_job_of(listeners->listener[LAST].pid));
	EXPECT_LT(0, read_file("/proc/jobtrack", text, sizeof(text)));
	EXPECT_CRAWLING(self);
	ASSERT_TRUE(arrive(self->call));
	EXPECT_EQ(LISTENERS, self->call->counts.signalled);
	EXPECT_TRUE(all_got_once(SIGUSR1));
}

/* ------------------------------------------------------------------- joining and moving */

static int child_of_newcomer(void *arg)
{
	struct listener *self = arg;

	return fork() ? sleeper(NULL) : listener(self);
}

/* One more listener, which the operation is not for: from where its number is on */
static bool newcomer(int job, int (*fn)(void *))
{
	struct listener *self = &listeners->listener[listeners->n++];

	return spawn(job, OWNER, fn, self) > 0 && gate_wait(&listeners->ready, listeners->n);
}

/* Newcomers, and what they fork, are left out; members are not, wherever they move. */
TEST_F(crawl, joins_and_moves)
{
	uint64_t deeper_id;
	int deeper = jt_create(0, self->below_id, NULL, &deeper_id);

	ASSERT_LE(0, deeper);
	ASSERT_TRUE(listeners_join(self->job, OWNER, LISTENERS));
	ASSERT_TRUE(crawl(self->call, self->job, SIGUSR1));
	EXPECT_EQ(0, jt_tag(self->below, listeners->listener[0].pid));
	EXPECT_EQ(0, jt_tag(deeper, listeners->listener[0].pid));
	EXPECT_EQ(0, jt_tag(self->below, listeners->listener[LAST].pid));
	EXPECT_EQ(0, jt_tag(deeper, listeners->listener[LAST].pid));
	ASSERT_TRUE(newcomer(self->job, listener));
	ASSERT_TRUE(newcomer(self->below, listener));
	ASSERT_TRUE(newcomer(self->job, child_of_newcomer));
	EXPECT_EQ(0, jt_tag(deeper, listeners->listener[LISTENERS].pid));
	EXPECT_EQ(0, got(LAST, SIGUSR1));
	EXPECT_CRAWLING(self);

	ASSERT_TRUE(arrive(self->call));
	EXPECT_EQ(LISTENERS, self->call->counts.signalled);
	EXPECT_EQ(0, self->call->counts.newborns);
	ASSERT_EQ(0, jt_signal(self->job, RT(0), NULL));	/* comes after it */
	EXPECT_TRUE(all_got_once(RT(0)));
	for (unsigned int i = 0; i < listeners->n; i++) {
		uint32_t times = got(i, SIGUSR1);

		EXPECT_EQ(i < LISTENERS, times) TH_LOG("listener %u", i);
	}
}

/* For a signal to the job below, who moves there from above is a newcomer, too. */
TEST_F(crawl, moves_into_what_is_signalled)
{
	int deeper = jt_create(0, self->below_id, NULL, NULL);

	ASSERT_LE(0, deeper);
	ASSERT_TRUE(listeners_join(self->below, OWNER, LISTENERS - 2));
	ASSERT_TRUE(listeners_join(self->job, OWNER, 2));
	ASSERT_TRUE(listeners_join(self->below, OWNER, 2));	/* behind those in the order */
	ASSERT_TRUE(crawl(self->call, self->below, SIGUSR1));
	EXPECT_EQ(0, jt_tag(self->below, listeners->listener[LISTENERS - 2].pid));
	EXPECT_EQ(0, jt_tag(deeper, listeners->listener[LISTENERS - 1].pid));
	EXPECT_EQ(0, jt_tag(deeper, listeners->listener[LISTENERS].pid));
	EXPECT_CRAWLING(self);

	ASSERT_TRUE(arrive(self->call));
	EXPECT_EQ(LISTENERS, self->call->counts.signalled);
	ASSERT_EQ(0, jt_signal(self->job, RT(0), NULL));	/* comes after it */
	EXPECT_TRUE(all_got_once(RT(0)));
	for (unsigned int i = 0; i < listeners->n; i++) {
		EXPECT_EQ(i < LISTENERS - 2 || i >= LISTENERS, got(i, SIGUSR1))
			TH_LOG("listener %u", i);
	}
}

/* ------------------------------------------------------------ who may not be signalled */

static struct gate *may_fork;

static int forks_when_told(void *arg)
{
	struct listener *self = arg;

	gate_add(&listeners->ready, 1);
	CHECK(gate_wait(may_fork, 1));
	if (!fork())
		return listener(self);
	return sleeper(NULL);
}

static int call_as_owner(void *arg)
{
	struct call *call = arg;

	call->job = jt_open(call->id, 0);
	CHECK(call->job >= 0);
	return call_signal(arg);
}

/* A newborn that the caller may not signal is counted as denied, like its parent. */
TEST_F(crawl, denied_newborn)
{
	ASSERT_TRUE(listeners_join(self->job, OWNER, LISTENERS - 1));
	may_fork = shared(sizeof(*may_fork));
	ASSERT_LT(0, spawn(self->job, STRANGER, forks_when_told, &listeners->listener[LAST]));
	ASSERT_TRUE(gate_wait(&listeners->ready, LISTENERS));

	ASSERT_TRUE(set_rules(0, 1, UNTIL_TOLD));
	self->call->sig = SIGUSR1;
	self->call->id = self->id;
	self->call->pid = spawn(-1, OWNER, call_as_owner, self->call);
	ASSERT_TRUE(WAIT_UNTIL(got(0, SIGUSR1)));
	gate_add(may_fork, 1);
	ASSERT_TRUE(gate_wait(&listeners->ready, LISTENERS + 1));
	EXPECT_CRAWLING(self);
	ASSERT_TRUE(arrive(self->call));
	EXPECT_EQ(LISTENERS - 1, self->call->counts.signalled);
	EXPECT_EQ(2, self->call->counts.denied);
	EXPECT_EQ(0, self->call->counts.newborns);
	ASSERT_EQ(0, jt_signal(self->job, RT(0), NULL));	/* root's */
	EXPECT_TRUE(WAIT_UNTIL(got(LAST, RT(0))));
	EXPECT_EQ(0, got(LAST, SIGUSR1));
}

/* -------------------------------------------------------------- a member is the caller */

static int kill_own_job(void *arg)
{
	struct call *call = arg;

	CHECK(WAIT_UNTIL(look_at(&call->began)));
	return jt_signal(call->job, SIGKILL, NULL);
}

/* Killed by its own signal in the middle of the walk, it kills the rest all the same. */
TEST_F(crawl, caller_kills_its_own_job)
{
	pid_t pid;

	self->call->job = self->job;
	pid = spawn(self->job, 0, kill_own_job, self->call);
	ASSERT_TRUE(WAIT_UNTIL(jt_in_snapshot(self->job, pid)));
	ASSERT_TRUE(listeners_join(self->job, OWNER, LISTENERS));
	ASSERT_TRUE(set_rules(0, 2, UNTIL_TOLD));
	add_to(&self->call->began, 1);
	/* it is the first in the order, the listener the second, and it walks on */
	ASSERT_TRUE(WAIT_UNTIL(proc_state(listeners->listener[0].pid) == 'Z'));
	EXPECT_TRUE(WAIT_UNTIL(proc_state(pid) == 'D'));
	EXPECT_EQ(1, live_threads(listeners->listener[LAST].pid));
	ASSERT_TRUE(reset_rules());
	EXPECT_EQ(128 + SIGKILL, reap(pid));
	EXPECT_TRUE(jt_wait_empty(self->job));
}

TEST_HARNESS_MAIN
