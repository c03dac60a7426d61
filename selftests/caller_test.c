// SPDX-License-Identifier: GPL-2.0
/*
 * P4 by unusual callers: who is a member of the job that it signals, who can hardly
 * run while root kills the job, whose buffer changes meanwhile.
 */
#include "common/crowd.h"
#include "common/listeners.h"

#include <pthread.h>

#define CGROUP	"/sys/fs/cgroup/jobtrack_test"

FIXTURE(caller)
{
	int job, below;
	uint64_t id;
};

FIXTURE_SETUP(caller)
{
	REQUIRE_MODULE();
	ASSERT_TRUE(clear_user(OWNER));
	self->job = jt_create_for(OWNER, NULL, &self->id);
	ASSERT_LE(0, self->job);
	self->below = jt_create(0, self->id, NULL, NULL);
	ASSERT_LE(0, self->below);
}

FIXTURE_TEARDOWN(caller)
{
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_TRUE(jt_wait_empty(self->job));
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	EXPECT_TRUE(clear_user(OWNER));
}

/* --------------------------------------------------------- who signals its own job */

#define OTHERS	100	/* so that the walk goes on long after its caller was reached */

static struct own_call {
	struct gate ready, go, returned;
	uint64_t id;
	int sig, ret;
	uint32_t handled, handled_at_return;
	struct jobtrack_signal counts;
} *own_call;

static void handle_own(int sig)
{
	(void)sig;
	add_to(&own_call->handled, 1);
}

/* The first member of its job */
static int signal_own_job(void *arg)
{
	int job = jt_open(own_call->id, 0);

	CHECK(job >= 0 && gate_wait(&own_call->go, 1));
	if (arg)
		signal(own_call->sig, handle_own);
	own_call->ret = jt_signal(job, own_call->sig, &own_call->counts);
	own_call->handled_at_return = look_at(&own_call->handled);
	gate_add(&own_call->returned, 1);
	return sleeper(NULL);
}

static int other(void *arg)
{
	gate_add(&own_call->ready, 1);
	return lone_sleeper(arg);
}

/* Returns the caller's PID: it is off, the others follow it in the order. */
static pid_t begin_own_call(FIXTURE_DATA(caller) *self, int sig, bool handles)
{
	pid_t pid;

	own_call = shared(sizeof(*own_call));
	own_call->id = self->id;
	own_call->sig = sig;
	pid = spawn(self->job, OWNER, signal_own_job, handles ? own_call : NULL);
	if (!WAIT_UNTIL(jt_in_snapshot(self->job, pid)) || !listeners_join(self->job, OWNER, 8))
		return -1;
	for (int i = 0; i < OTHERS; i++)
		if (spawn(self->below, OWNER, other, NULL) < 0)
			return -1;
	if (!gate_wait(&own_call->ready, OTHERS))
		return -1;
	gate_add(&own_call->go, 1);
	return pid;
}

static int members_in_state(int job, char state)
{
	struct jobtrack_row *rows;
	int members = jt_snapshot(job, &rows, NULL), n = 0;

	for (int i = 0; i < members; i++)
		n += proc_state(rows[i].pid) == state;
	free(rows);
	return n;
}

/* The call goes on to its end, and the handler has run when it is seen to return. */
TEST_F(caller, own_job_handled)
{
	ASSERT_LT(0, begin_own_call(self, SIGTERM, true));
	ASSERT_TRUE(gate_wait(&own_call->returned, 1));
	EXPECT_EQ(0, own_call->ret);
	EXPECT_EQ(1 + 8 + OTHERS, own_call->counts.signalled);
	EXPECT_EQ(1, own_call->handled_at_return);
	EXPECT_TRUE(WAIT_UNTIL(all_got(SIGTERM, 1)));
	/* the others had no handler */
	EXPECT_TRUE(jt_wait_empty(self->below));
}

TEST_F(caller, own_job_not_handled)
{
	pid_t pid = begin_own_call(self, SIGTERM, false);

	EXPECT_EQ(128 + SIGTERM, reap(pid));
	EXPECT_EQ(0, look_at(&own_call->returned.value));
	EXPECT_TRUE(WAIT_UNTIL(all_got(SIGTERM, 1)));
	EXPECT_TRUE(jt_wait_empty(self->below));
}

/* It stops like the others, and returns when somebody else continues it. */
TEST_F(caller, own_job_stopped)
{
	const int all = 1 + 8 + OTHERS;

	ASSERT_LT(0, begin_own_call(self, SIGSTOP, false));
	ASSERT_TRUE(WAIT_UNTIL(members_in_state(self->job, 'T') == all));
	EXPECT_EQ(0, look_at(&own_call->returned.value));
	ASSERT_EQ(0, jt_signal(self->job, SIGCONT, NULL));
	ASSERT_TRUE(gate_wait(&own_call->returned, 1));
	EXPECT_EQ(0, own_call->ret);
	EXPECT_EQ(all, own_call->counts.signalled);
	EXPECT_TRUE(WAIT_UNTIL(members_in_state(self->job, 'S') == all));
}

TEST_F(caller, own_job_killed)
{
	struct jobtrack_job state;
	pid_t pid = begin_own_call(self, SIGKILL, false);

	EXPECT_EQ(128 + SIGKILL, reap(pid));
	EXPECT_EQ(0, look_at(&own_call->returned.value));
	EXPECT_TRUE(jt_wait_empty(self->job));
	ASSERT_EQ(0, jt_state(self->job, &state));
	EXPECT_EQ(JOBTRACK_KILLED, state.state);
}

/* ------------------------------------------------------------- who can hardly run */

#define QUOTA	"1000 100000"	/* microseconds: the least that there is, 1 % */

static bool make_slow_cgroup(void)
{
	return !write_file("/sys/fs/cgroup/cgroup.subtree_control", "+cpu") &&
		(!mkdir(CGROUP, 0755) || errno == EEXIST) &&
		!write_file(CGROUP "/cpu.max", QUOTA);
}

static struct crawl {
	uint64_t id;
	uint32_t called, returned;
} *crawl;

static int crawling_owner(void *arg)
{
	int job = jt_open(crawl->id, 0);

	(void)arg;
	CHECK(job >= 0);
	for (;;) {
		add_to(&crawl->called, 1);
		CHECK_EQ(0, jt_signal(job, SIGTERM, NULL));
		add_to(&crawl->returned, 1);
	}
	return 0;
}

static int crawl_as_owner(void *arg)
{
	CHECK_EQ(0, write_file(CGROUP "/cgroup.procs", "0"));
	CHECK_EQ(0, become_user(OWNER));
	return crawling_owner(arg);
}

/* Has the operation under way begun? The module counts them when they do. */
static bool is_crawling(const struct met *met)
{
	struct jobtrack_info now;
	uint32_t called = look_at(&crawl->called);

	return !jt_info(&now) && look_at(&crawl->returned) + 1 == called &&
		now.signals - met->before.signals >= called;
}

/*
 * The owner's signal gets on by a millisecond in a hundred. Root's SIGKILL does not
 * wait for it, and nobody is left when it is over.
 */
TEST_F_TIMEOUT(caller, kill_while_the_owner_crawls, CROWD_TIMEOUT)
{
	struct jobtrack_signal counts;
	pid_t keepers[CROWD_NESTS], owner;
	uint32_t returned;
	struct met met;

	ASSERT_TRUE(make_slow_cgroup());
	crawl = shared(sizeof(*crawl));
	crawl->id = self->id;
	ASSERT_TRUE(crowd_gather(self->job, OWNER, 2000, RT(0), keepers));
	ASSERT_TRUE(met_begin(&met));
	owner = spawn(-1, 0, crawl_as_owner, NULL);
	EXPECT_TRUE(WAIT_FOR_CROWD(look_at(&crawl->returned) && is_crawling(&met)));

	returned = look_at(&crawl->returned);
	ASSERT_EQ(0, jt_signal(self->job, SIGKILL, &counts));
	EXPECT_EQ(returned, look_at(&crawl->returned)) TH_LOG("it waited for the owner");
	EXPECT_EQ(2000, counts.signalled);
	EXPECT_TRUE(jt_wait_empty(self->job));

	/* which goes on to its end, and begins others */
	EXPECT_TRUE(WAIT_FOR_CROWD(look_at(&crawl->returned) > returned));
	kill(owner, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, reap(owner));
	for (int i = 0; i < CROWD_NESTS; i++)
		dismiss(keepers[i]);
	EXPECT_TRUE(WAIT_UNTIL(rmdir(CGROUP) == 0));
}

/* ----------------------------------------------------------- a buffer that changes */

#define BUFFER_CALLS	500

static struct jobtrack_signal *restless;
static uint32_t restless_end;

static void *change_signal(void *arg)
{
	for (uint32_t i = 0; !look_at(&restless_end); i++)
		__atomic_store_n(&restless->sig, RT(i & 1), __ATOMIC_RELAXED);
	return arg;
}

/* The signal is read once: all get the same, whatever the buffer says later. */
TEST_F(caller, buffer_changes)
{
	struct jobtrack_signal counts = { .sig = RT(0) };
	pthread_t thread;
	uint32_t got[2];

	restless = &counts;
	ASSERT_TRUE(listeners_join(self->job, OWNER, LISTENERS_MAX));
	ASSERT_EQ(0, pthread_create(&thread, NULL, change_signal, NULL));
	for (int i = 0; i < BUFFER_CALLS; i++) {
		memset(&counts.signalled, 0, sizeof(counts) - offsetof(typeof(counts), signalled));
		ASSERT_EQ(0, jt_ioctl(self->job, JOBTRACK_IOC_SIGNAL, &counts));
		ASSERT_EQ(LISTENERS_MAX, counts.signalled);
	}
	__atomic_store_n(&restless_end, 1, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);
	ASSERT_EQ(0, jt_signal(self->job, RT(2), NULL));
	EXPECT_TRUE(WAIT_UNTIL(all_got(RT(2), 1)));
	for (int i = 0; i < 2; i++) {
		got[i] = listeners->listener[0].got[RT(i)];
		EXPECT_TRUE(all_got(RT(i), got[i]));
		EXPECT_LT(0, got[i]) TH_LOG("the buffer never said so");
	}
	EXPECT_EQ(BUFFER_CALLS, got[0] + got[1]);
}

TEST_HARNESS_MAIN
