// SPDX-License-Identifier: GPL-2.0
/*
 * P4 for jobs that do not fork: every signal, every count, who may send, and
 * several senders at once.
 */
#include "common/listeners.h"

#include <pthread.h>
#include <sys/resource.h>

FIXTURE(signal)
{
	int job;
	uint64_t id;
};

FIXTURE_SETUP(signal)
{
	REQUIRE_MODULE();
	self->job = jt_create_for(OWNER, NULL, &self->id);
	ASSERT_LE(0, self->job);
}

FIXTURE_TEARDOWN(signal)
{
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_TRUE(jt_wait_empty(self->job));
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	close(self->job);
}

#define EXPECT_COUNTS(got, ...) do {						\
	struct jobtrack_signal want_ = { .sig = (got)->sig, __VA_ARGS__ };	\
										\
	EXPECT_EQ(want_.signalled, (got)->signalled) TH_LOG("signal %u", want_.sig);	\
	EXPECT_EQ(want_.ignored, (got)->ignored) TH_LOG("signal %u", want_.sig);	\
	EXPECT_EQ(want_.pending, (got)->pending) TH_LOG("signal %u", want_.sig);	\
	EXPECT_EQ(want_.info_lost, (got)->info_lost) TH_LOG("signal %u", want_.sig);	\
	EXPECT_EQ(want_.denied, (got)->denied) TH_LOG("signal %u", want_.sig);	\
	EXPECT_EQ(want_.newborns, (got)->newborns) TH_LOG("signal %u", want_.sig);	\
} while (0)

/* ------------------------------------------------------------- what is delivered */

/* Once each, and as kill(2) would: from whom, and that it was a kill. */
TEST_F(signal, every_number)
{
	struct jobtrack_signal counts;

	ASSERT_TRUE(listeners_join(self->job, OWNER, 6));
	for (int sig = 1; sig <= NSIG_KERNEL; sig++) {
		if (sig == SIGKILL || sig == SIGSTOP)
			continue;
		ASSERT_EQ(0, jt_signal(self->job, sig, &counts));
		EXPECT_COUNTS(&counts, .signalled = 6);
		ASSERT_TRUE(WAIT_UNTIL(all_got(sig, 1))) TH_LOG("signal %d", sig);
		for (int i = 0; i < 6; i++) {
			EXPECT_EQ(SI_USER, listeners->listener[i].last[sig].code);
			EXPECT_EQ(getpid(), listeners->listener[i].last[sig].pid);
			EXPECT_EQ(0, listeners->listener[i].last[sig].uid);
		}
	}
	for (int sig = 1; sig <= NSIG_KERNEL; sig++)
		EXPECT_TRUE(all_got(sig, sig != SIGKILL && sig != SIGSTOP));
}

/* The two that nobody can block */
TEST_F(signal, stop_and_kill)
{
	struct jobtrack_signal counts;
	struct jobtrack_job state;

	ASSERT_TRUE(listeners_join(self->job, OWNER, 6));
	ASSERT_EQ(0, jt_signal(self->job, SIGSTOP, &counts));
	EXPECT_COUNTS(&counts, .signalled = 6);
	EXPECT_TRUE(WAIT_UNTIL(listeners_are('T')));
	ASSERT_EQ(0, jt_signal(self->job, RT(1), &counts));
	EXPECT_COUNTS(&counts, .signalled = 6);
	EXPECT_TRUE(all_got(RT(1), 0));
	ASSERT_EQ(0, jt_signal(self->job, SIGCONT, &counts));
	EXPECT_COUNTS(&counts, .signalled = 6);
	EXPECT_TRUE(WAIT_UNTIL(listeners_are('S') && all_got(RT(1), 1)));

	ASSERT_EQ(0, jt_signal(self->job, SIGSTOP, NULL));
	ASSERT_EQ(0, jt_signal(self->job, SIGKILL, &counts));
	EXPECT_COUNTS(&counts, .signalled = 6);
	EXPECT_TRUE(jt_wait_empty(self->job));
	ASSERT_EQ(0, jt_state(self->job, &state));
	EXPECT_EQ(JOBTRACK_KILLED, state.state);
}

/* Real-time signals queue; all that were sent arrive. */
TEST_F(signal, real_time_queues)
{
	struct jobtrack_signal counts;

	ASSERT_TRUE(listeners_join(self->job, OWNER, 6));
	ASSERT_EQ(0, jt_signal(self->job, SIGSTOP, NULL));
	for (int i = 0; i < 20; i++) {
		ASSERT_EQ(0, jt_signal(self->job, RT(i % 2), &counts));
		EXPECT_COUNTS(&counts, .signalled = 6);
	}
	ASSERT_EQ(0, jt_signal(self->job, SIGCONT, NULL));
	EXPECT_TRUE(WAIT_UNTIL(all_got(RT(0), 10) && all_got(RT(1), 10)));
}

/* A process whose main thread has exited is reached by its other threads. */
static void *take_signal(void *arg)
{
	int sig = RT(2);
	uint64_t set = ONE_SIGNAL(sig);

	gate_add(&listeners->ready, 1);
	if (syscall(SYS_rt_sigtimedwait, &set, NULL, NULL, sizeof(set)) == sig)
		gate_add(arg, 1);
	return NULL;
}

static int headless(void *got)
{
	pthread_t thread;

	block_signals(EVERY_SIGNAL);
	CHECK_EQ(0, pthread_create(&thread, NULL, take_signal, got));
	syscall(SYS_exit, 0);
	return 0;
}

TEST_F(signal, main_thread_exited)
{
	struct gate *got = shared(sizeof(*got));
	struct jobtrack_signal counts;
	pid_t pid;

	listeners = shared(sizeof(*listeners));
	pid = spawn(self->job, OWNER, headless, got);
	ASSERT_TRUE(gate_wait(&listeners->ready, 1));
	ASSERT_TRUE(WAIT_UNTIL(proc_state(pid) == 'Z'));
	ASSERT_EQ(0, jt_signal(self->job, RT(2), &counts));
	EXPECT_COUNTS(&counts, .signalled = 1);
	EXPECT_TRUE(gate_wait(got, 1));
	EXPECT_TRUE(jt_wait_empty(self->job));
}

/* ------------------------------------------------------------------ what is counted */

static void nothing(int sig)
{
	(void)sig;
}

static struct gate *settled;

static int handles(void *arg)
{
	signal(SIGUSR1, nothing);
	signal(RT(4), nothing);
	gate_add(settled, 1);
	return sleeper(arg);
}

static int ignores(void *arg)
{
	signal(SIGUSR1, SIG_IGN);
	signal(RT(4), SIG_IGN);
	gate_add(settled, 1);
	return sleeper(arg);
}

/* Blocks, and has one pending. */
static int has_pending(void *arg)
{
	block_signals(ONE_SIGNAL(SIGUSR1) | ONE_SIGNAL(RT(4)));
	CHECK(kill(getpid(), SIGUSR1) == 0 && kill(getpid(), RT(4)) == 0);
	gate_add(settled, 1);
	return sleeper(arg);
}

/* No room for what a real-time signal says */
static int has_no_room(void *arg)
{
	struct rlimit none = { 0, 0 };

	block_signals(ONE_SIGNAL(SIGUSR1) | ONE_SIGNAL(RT(4)));
	CHECK(setrlimit(RLIMIT_SIGPENDING, &none) == 0);
	gate_add(settled, 1);
	return sleeper(arg);
}

static bool settle(int job, uid_t uid, int (*fn)(void *), unsigned int n)
{
	uint32_t before;

	if (!settled)
		settled = shared(sizeof(*settled));
	before = look_at(&settled->value);
	for (unsigned int i = 0; i < n; i++)
		if (spawn(job, uid, fn, NULL) < 0)
			return false;
	return gate_wait(settled, before + n);
}

/* As the owner: root may signal everybody */
struct request {
	uint64_t id;
	int sig;
	struct jobtrack_signal counts;
};

static int request_signal(void *arg)
{
	struct request *request = arg;
	int job = jt_open(request->id, 0);

	CHECK(job >= 0);
	CHECK_EQ(0, jt_signal(job, request->sig, &request->counts));
	return 0;
}

TEST_F(signal, counts)
{
	struct request *request = shared(sizeof(*request));

	request->id = self->id;
	ASSERT_TRUE(settle(self->job, OWNER, handles, 5));
	ASSERT_TRUE(settle(self->job, OWNER, ignores, 3));
	ASSERT_TRUE(settle(self->job, OWNER, has_pending, 2));
	ASSERT_TRUE(settle(self->job, OWNER, has_no_room, 1));
	ASSERT_TRUE(settle(self->job, STRANGER, handles, 4));

	request->sig = SIGUSR1;
	ASSERT_EQ(0, run_as(OWNER, request_signal, request));
	/* a standard signal has always room */
	EXPECT_COUNTS(&request->counts, .signalled = 11, .ignored = 3, .pending = 2, .denied = 4);

	/* a real-time signal queues behind one that is pending */
	request->sig = RT(4);
	memset(&request->counts, 0, sizeof(request->counts));
	ASSERT_EQ(0, run_as(OWNER, request_signal, request));
	EXPECT_COUNTS(&request->counts, .signalled = 11, .ignored = 3, .info_lost = 1, .denied = 4);

	/* SIGKILL is the job's own authority */
	request->sig = SIGKILL;
	memset(&request->counts, 0, sizeof(request->counts));
	ASSERT_EQ(0, run_as(OWNER, request_signal, request));
	EXPECT_COUNTS(&request->counts, .signalled = 15);
	EXPECT_TRUE(jt_wait_empty(self->job));
}

static void expect_nobody(struct __test_metadata *_metadata, int job)
{
	static const int sigs[] = { SIGTERM, SIGSTOP, SIGCONT, RT(0), NSIG_KERNEL, SIGKILL };
	struct jobtrack_signal counts;

	for (size_t i = 0; i < ARRAY_SIZE(sigs); i++) {
		ASSERT_EQ(0, jt_signal(job, sigs[i], &counts));
		EXPECT_COUNTS(&counts);
	}
	EXPECT_TRUE(fd_ready(job, 0));
}

TEST_F(signal, empty_job)
{
	struct jobtrack_job state;

	expect_nobody(_metadata, self->job);
	/* a job that nobody was in can be killed, too */
	ASSERT_EQ(0, jt_state(self->job, &state));
	EXPECT_EQ(JOBTRACK_KILLED, state.state);
	EXPECT_EQ(-ECANCELED, jt_enter(self->job));
}

static int returns(void *arg)
{
	(void)arg;
	return 0;
}

/* The dead whom nobody has waited for */
TEST_F(signal, only_zombies)
{
	pid_t pid[3];

	for (int i = 0; i < 3; i++)
		pid[i] = spawn(self->job, OWNER, returns, NULL);
	for (int i = 0; i < 3; i++)
		ASSERT_TRUE(WAIT_UNTIL(proc_state(pid[i]) == 'Z'));
	ASSERT_TRUE(jt_wait_empty(self->job));
	expect_nobody(_metadata, self->job);
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, reap(pid[i]));
}

static int container(void *arg)
{
	pid_t pid;

	signal(SIGTERM, nothing);
	CHECK_EQ(0, enter_userns());
	pid = syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
	if (pid)
		return sleeper(arg);
	CHECK(getpid() == 1);
	signal(SIGTERM, SIG_DFL);
	signal(SIGUSR1, nothing);
	gate_add(settled, 1);
	return sleeper(arg);
}

/* The init of a PID namespace gets what it has a handler for, and SIGKILL. */
TEST_F(signal, container_init)
{
	struct jobtrack_signal counts;
	struct jobtrack_job state;

	ASSERT_TRUE(settle(self->job, OWNER, container, 1));
	ASSERT_EQ(0, jt_signal(self->job, SIGTERM, &counts));
	EXPECT_COUNTS(&counts, .signalled = 2, .ignored = 1);
	ASSERT_EQ(0, jt_signal(self->job, SIGCHLD, &counts));
	EXPECT_COUNTS(&counts, .signalled = 2, .ignored = 2);
	ASSERT_EQ(0, jt_state(self->job, &state));
	EXPECT_EQ(2, state.procs);
	ASSERT_EQ(0, jt_signal(self->job, SIGKILL, &counts));
	EXPECT_COUNTS(&counts, .signalled = 2);
	EXPECT_TRUE(jt_wait_empty(self->job));
}

/* --------------------------------------------------------------------- who may send */

struct sender {
	uint64_t id;
	int fd;			/* somebody else's */
	int want_open, want_signal;
};

static int try_to_signal(void *arg)
{
	struct sender *sender = arg;
	int job = jt_open(sender->id, 0);

	CHECK_EQ(sender->want_open, job < 0 ? job : 0);
	if (job >= 0)
		CHECK_EQ(sender->want_signal, jt_signal(job, RT(7), NULL));
	CHECK_EQ(sender->want_signal, jt_signal(sender->fd, RT(7), NULL));
	return 0;
}

TEST_F(signal, who_may)
{
	struct sender owner = { .id = self->id, .fd = self->job };
	struct sender stranger = { self->id, self->job, -ENOENT, -EPERM };
	struct sender member = { self->id, self->job, 0, -EPERM };

	ASSERT_TRUE(listeners_join(self->job, OWNER, 3));
	EXPECT_EQ(0, jt_signal(self->job, RT(7), NULL));	/* the creator */
	EXPECT_EQ(0, run_as(OWNER, try_to_signal, &owner));
	EXPECT_EQ(0, run_as(STRANGER, try_to_signal, &stranger));
	/* a member that is another user's may look, not touch */
	EXPECT_EQ(0, reap(spawn(self->job, STRANGER, try_to_signal, &member)));
	EXPECT_TRUE(WAIT_UNTIL(all_got(RT(7), 3)));
}

/* ----------------------------------------------------------------- several at once */

struct series {
	int job, sig, times;
	bool until_short;	/* end when the first listener is missing */
	uint32_t started, done;
};

static int send_series(void *arg)
{
	struct series *series = arg;
	struct jobtrack_signal counts;

	for (int i = 0; i < series->times; i++) {
		add_to(&series->started, 1);
		CHECK_EQ(0, jt_signal(series->job, series->sig, &counts));
		if (series->until_short && counts.signalled < listeners->n)
			return 0;
		CHECK_EQ(listeners->n, counts.signalled);
		add_to(&series->done, 1);
	}
	return 0;
}

TEST_F(signal, two_signallers)
{
	struct series *series = shared(2 * sizeof(*series));
	pid_t pid[2];

	ASSERT_TRUE(listeners_join(self->job, OWNER, LISTENERS_MAX));
	for (int i = 0; i < 2; i++) {
		series[i] = (struct series) { .job = self->job, .sig = RT(i), .times = 100 };
		pid[i] = spawn(-1, 0, send_series, &series[i]);
	}
	for (int i = 0; i < 2; i++)
		EXPECT_EQ(0, reap(pid[i]));
	EXPECT_TRUE(WAIT_UNTIL(all_got(RT(0), 100) && all_got(RT(1), 100)));
}

/*
 * A signaller that is killed had either not begun, and then nobody got the
 * signal, or it went on to the end, and then everybody did. Another one is
 * always at it, so that the first has to wait now and then.
 */
TEST_F(signal, signaller_killed)
{
	struct series *series = shared(2 * sizeof(*series));
	struct rounds round = rounds(20, 1500);
	uint32_t before, got;
	pid_t pid, other;

	ASSERT_TRUE(listeners_join(self->job, OWNER, LISTENERS_MAX));
	series[0] = (struct series) { .job = self->job, .sig = RT(0), .times = INT32_MAX };
	series[1] = (struct series) { .job = self->job, .sig = RT(1), .times = INT32_MAX };
	other = spawn(-1, 0, send_series, &series[1]);

	while (next_round(&round)) {
		before = look_at(&series[0].done);
		pid = spawn(-1, 0, send_series, &series[0]);
		EXPECT_TRUE(WAIT_UNTIL(look_at(&series[0].done) > before));
		kill(pid, SIGKILL);
		ASSERT_EQ(128 + SIGKILL, reap(pid));

		/* pending signals are taken in the order of their numbers */
		ASSERT_EQ(0, jt_signal(self->job, RT(9), NULL));
		ASSERT_TRUE(WAIT_UNTIL(all_got(RT(9), round.n)));
		got = listeners->listener[0].got[RT(0)];
		EXPECT_TRUE(all_got(RT(0), got)) TH_LOG("some got it, some did not");
		EXPECT_LE(series[0].done, got);
		EXPECT_GE(series[0].started, got);
		/* whether the last was sent is not known, only that all agree */
		series[0].started = got;
		series[0].done = got;
	}
	kill(other, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, reap(other));
}

/* SIGKILL does not wait for the others. */
TEST_F(signal, kill_while_others_signal)
{
	struct series *series = shared(sizeof(*series));
	struct rounds round = rounds(5, 1000);
	struct jobtrack_signal counts;
	struct jobtrack_job state;
	pid_t pid;
	int job;

	listeners = shared(sizeof(*listeners));
	while (next_round(&round)) {
		job = jt_create(0, 0, NULL, NULL);
		ASSERT_LE(0, job);
		memset(listeners, 0, sizeof(*listeners));
		ASSERT_TRUE(listeners_join(job, OWNER, 8));
		*series = (struct series) {
			.job = job, .sig = SIGTERM, .times = INT32_MAX, .until_short = true,
		};
		pid = spawn(-1, 0, send_series, series);
		ASSERT_TRUE(WAIT_UNTIL(look_at(&series->done) > 2));

		ASSERT_EQ(0, jt_signal(job, SIGKILL, &counts));
		EXPECT_COUNTS(&counts, .signalled = 8);
		EXPECT_TRUE(jt_wait_empty(job));
		EXPECT_EQ(0, reap(pid));
		ASSERT_EQ(0, jt_signal(job, SIGTERM, &counts));
		EXPECT_COUNTS(&counts);
		ASSERT_EQ(0, jt_state(job, &state));
		EXPECT_EQ(JOBTRACK_KILLED, state.state);
		close(job);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

TEST_HARNESS_MAIN
