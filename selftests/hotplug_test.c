// SPDX-License-Identifier: GPL-2.0
/*
 * Processors that are taken out and put back while a job forks and is signalled: what
 * is per CPU (what is being delivered, the counters) must not be left behind on one.
 */
#include "common/adversary.h"

#define LISTENERS	40
#define FORKERS		4
#define PLUGS_LEAST	12	/* of each kind: out, in */

static struct {
	uint32_t heard[LISTENERS];	/* signals that each has taken */
	uint32_t made, ran;		/* children of the forkers */
	uint32_t out, in;		/* processors taken out, put back */
	uint32_t stop;
	struct gate ready;
} *field;

static uint32_t *heard;

static void hear(int sig)
{
	(void)sig;
	add_to(heard, 1);
}

/* Real-time signals are queued: each is heard once, and none merges. */
static int listener(void *arg)
{
	heard = arg;
	signal(SIGRTMIN, hear);
	gate_add(&field->ready, 1);
	return lone_sleeper(NULL);
}

static int forker(void *arg)
{
	(void)arg;
	signal(SIGRTMIN, SIG_IGN);
	gate_add(&field->ready, 1);
	while (!look_at(&field->stop)) {
		pid_t pid = fork();
		int status;

		if (!pid) {
			add_to(&field->ran, 1);
			_exit(0);
		}
		CHECK(pid > 0);
		add_to(&field->made, 1);
		CHECK(waitpid(pid, &status, 0) == pid);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	return 0;
}

static bool plug(int cpu, bool in)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	return write_file(path, in ? "1" : "0") == 0;
}

/*
 * All but the first, which stays, come and go. An emulated one that its host lets wait
 * for seconds is given up by the kernel at first: EAGAIN, EIO.
 */
static int plugger(void *n)
{
	for (int cpu = 1; ; cpu = cpu + 1 < *(int *)n ? cpu + 1 : 1) {
		CHECK(WAIT_UNTIL(plug(cpu, false)));
		add_to(&field->out, 1);
		CHECK(WAIT_UNTIL(plug(cpu, true)));
		add_to(&field->in, 1);
		if (look_at(&field->stop))
			return 0;
	}
}

FIXTURE(hotplug)
{
	int job, cpus;
	pid_t plugging;
};

FIXTURE_SETUP(hotplug)
{
	REQUIRE_MODULE();
	self->cpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (self->cpus < 2)
		SKIP(_exit(255), "the only processor cannot be taken out");
	ASSERT_TRUE(clear_user(OWNER));
	field = shared(sizeof(*field));
	self->job = jt_create_for(OWNER, NULL, NULL);
	ASSERT_LE(0, self->job);
}

static int stop_plugging(FIXTURE_DATA(hotplug) *self)
{
	pid_t pid = self->plugging;

	self->plugging = 0;
	__atomic_store_n(&field->stop, 1, __ATOMIC_SEQ_CST);
	return pid > 0 ? reap(pid) : 0;
}

FIXTURE_TEARDOWN(hotplug)
{
	EXPECT_EQ(0, stop_plugging(self));
	for (int cpu = 1; cpu < self->cpus; cpu++)
		plug(cpu, true);
	EXPECT_EQ(self->cpus, sysconf(_SC_NPROCESSORS_ONLN));
	close(self->job);
}

TEST_F_TIMEOUT(hotplug, signal, CROWD_TIMEOUT)
{
	pid_t listeners[LISTENERS], forkers[FORKERS];
	struct jobtrack_signal counts;
	struct jobtrack_job state;
	struct met met;
	uint32_t sent = 0;

	ASSERT_TRUE(met_begin(&met));
	for (int i = 0; i < LISTENERS; i++)
		listeners[i] = spawn(self->job, OWNER, listener, &field->heard[i]);
	for (int i = 0; i < FORKERS; i++)
		forkers[i] = spawn(self->job, OWNER, forker, NULL);
	ASSERT_TRUE(gate_wait(&field->ready, LISTENERS + FORKERS));
	self->plugging = spawn(-1, 0, plugger, &self->cpus);

	while (look_at(&field->in) < PLUGS_LEAST) {
		ASSERT_EQ(0, waitpid(self->plugging, NULL, WNOHANG));
		ASSERT_EQ(0, jt_signal(self->job, SIGRTMIN, &counts));
		sent++;
		EXPECT_LE(LISTENERS + FORKERS, counts.signalled);
		EXPECT_EQ(0, counts.denied);
		for (int i = 0; i < LISTENERS; i++) {
			ASSERT_TRUE(WAIT_UNTIL(look_at(&field->heard[i]) >= sent))
				TH_LOG("%u of %u heard by %d", field->heard[i], sent, i);
		}
	}
	EXPECT_EQ(0, stop_plugging(self));
	for (int i = 0; i < FORKERS; i++)
		EXPECT_EQ(0, reap(forkers[i]));
	for (int i = 0; i < LISTENERS; i++)
		EXPECT_EQ(sent, field->heard[i]);

	/* The counts are complete, whichever processor has them. */
	ASSERT_TRUE(met_end(&met, "hotplug"));
	EXPECT_EQ(field->made, field->ran);
	EXPECT_EQ(field->made, MET(&met, births));
	EXPECT_EQ(0, MET(&met, lost));
	EXPECT_EQ(0, MET(&met, unseen));
	EXPECT_EQ(sent, MET(&met, signals));
	EXPECT_LT(0, field->made);
	TH_LOG("%u signals, %u processors out and in, %u births", sent, field->in, field->made);

	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, &counts));
	EXPECT_EQ(LISTENERS, counts.signalled);
	for (int i = 0; i < LISTENERS; i++)
		EXPECT_EQ(128 + SIGKILL, reap(listeners[i]));
	EXPECT_TRUE(jt_wait_empty(self->job));
	ASSERT_EQ(0, jt_state(self->job, &state));
	EXPECT_EQ(0, state.procs + state.leaving);
}

/* A job that forks on every processor is killed whole while they come and go. */
TEST_F_TIMEOUT(hotplug, kill, CROWD_TIMEOUT)
{
	pid_t forkers[FORKERS];

	self->plugging = spawn(-1, 0, plugger, &self->cpus);
	for (uint32_t round = 1; look_at(&field->in) < PLUGS_LEAST; round++) {
		int job = jt_create_for(OWNER, NULL, NULL);
		uint32_t made = look_at(&field->made);

		ASSERT_LE(0, job);
		for (int i = 0; i < FORKERS; i++)
			forkers[i] = spawn(job, OWNER, forker, NULL);
		ASSERT_TRUE(gate_wait(&field->ready, round * FORKERS));
		ASSERT_TRUE(WAIT_FOR_CROWD(look_at(&field->made) > made + 20));
		ASSERT_EQ(0, waitpid(self->plugging, NULL, WNOHANG));
		EXPECT_EQ(0, jt_signal(job, SIGKILL, NULL));
		for (int i = 0; i < FORKERS; i++)
			EXPECT_EQ(128 + SIGKILL, reap(forkers[i]));
		EXPECT_TRUE(jt_wait_empty(job));
		EXPECT_EQ(0, user_processes(OWNER, NULL, 0));
		close(job);
	}
	EXPECT_EQ(0, stop_plugging(self));
	TH_LOG("%u processors out and in", field->in);
}

TEST_HARNESS_MAIN
