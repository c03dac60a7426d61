// SPDX-License-Identifier: GPL-2.0
/*
 * Processors that are taken out and put back, and a machine that sleeps and wakes, while
 * a job forks and is signalled: what is per CPU (what is being delivered, the counters)
 * must not be left behind on one, and what was to be done later must still be done.
 */
#include "common/adversary.h"

#define LISTENERS	40
#define FORKERS		4

static struct {
	uint32_t heard[LISTENERS];	/* signals that each has taken */
	uint32_t made, ran;		/* children of the forkers */
	uint32_t times;			/* that it was there again: a processor, the machine */
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
static int plug_all(void *cpus)
{
	for (int cpu = 1; ; cpu = cpu + 1 < *(int *)cpus ? cpu + 1 : 1) {
		CHECK(WAIT_UNTIL(plug(cpu, false)));
		CHECK(WAIT_UNTIL(plug(cpu, true)));
		add_to(&field->times, 1);
		if (look_at(&field->stop))
			return 0;
	}
}

#define POWER	"/sys/power/"
#define ALARM	"/sys/class/rtc/rtc0/wakealarm"

/*
 * To RAM: all processes are frozen, all processors but one taken out. An alarm that goes
 * off while it falls asleep is an event that was not counted: EBUSY. After that nothing
 * would wake the machine, so there are some seconds for it on busy hosts.
 */
static bool sleep_for_seconds(void)
{
	char events[32] = "";

	return write_file(ALARM, "0") == 0 &&
	       read_file(POWER "wakeup_count", events, sizeof(events)) > 0 &&
	       write_file(POWER "wakeup_count", events) == 0 &&
	       write_file(ALARM, "+4") == 0 && write_file(POWER "state", "mem") == 0;
}

static int sleep_and_wake(void *cpus)
{
	(void)cpus;
	while (!look_at(&field->stop)) {
		CHECK(WAIT_FOR_CROWD(sleep_for_seconds()));
		add_to(&field->times, 1);
	}
	return 0;
}

/* From idle suspend, which may be all that there is, not every machine can be woken. */
static bool can_sleep(void)
{
	return write_file(POWER "mem_sleep", "deep") == 0 && access(ALARM, W_OK) == 0;
}

FIXTURE(hotplug)
{
	int job, cpus;
	pid_t disturbing;
};

/* @disturb: what happens meanwhile, @least so often */
FIXTURE_VARIANT(hotplug)
{
	int (*disturb)(void *cpus);
	uint32_t least;
};

FIXTURE_VARIANT_ADD(hotplug, processors)
{
	.disturb = plug_all,
	.least = 12,
};

FIXTURE_VARIANT_ADD(hotplug, sleep)
{
	.disturb = sleep_and_wake,
	.least = 2,
};

FIXTURE_SETUP(hotplug)
{
	REQUIRE_MODULE();
	self->cpus = sysconf(_SC_NPROCESSORS_CONF);
	ASSERT_EQ(self->cpus, sysconf(_SC_NPROCESSORS_ONLN));
	if (variant->disturb == plug_all && self->cpus < 2)
		SKIP(_exit(255), "the only processor cannot be taken out");
	if (variant->disturb == sleep_and_wake && !can_sleep())
		SKIP(_exit(255), "this machine cannot sleep, or has no alarm to wake it");
	ASSERT_TRUE(clear_user(OWNER));
	field = shared(sizeof(*field));
	self->job = jt_create_for(OWNER, NULL, NULL);
	ASSERT_LE(0, self->job);
}

static int stop_disturbing(FIXTURE_DATA(hotplug) *self)
{
	pid_t pid = self->disturbing;

	self->disturbing = 0;
	__atomic_store_n(&field->stop, 1, __ATOMIC_SEQ_CST);
	return pid > 0 ? reap(pid) : 0;
}

FIXTURE_TEARDOWN(hotplug)
{
	EXPECT_EQ(0, stop_disturbing(self));
	for (int cpu = 1; cpu < self->cpus; cpu++)
		EXPECT_TRUE(WAIT_UNTIL(plug(cpu, true)));
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
	self->disturbing = spawn(-1, 0, variant->disturb, &self->cpus);

	while (look_at(&field->times) < variant->least) {
		ASSERT_EQ(0, waitpid(self->disturbing, NULL, WNOHANG));
		ASSERT_EQ(0, jt_signal(self->job, SIGRTMIN, &counts));
		sent++;
		EXPECT_LE(LISTENERS + FORKERS, counts.signalled);
		EXPECT_EQ(0, counts.denied);
		for (int i = 0; i < LISTENERS; i++) {
			ASSERT_TRUE(WAIT_FOR_CROWD(look_at(&field->heard[i]) >= sent))
				TH_LOG("%u of %u heard by %d", field->heard[i], sent, i);
		}
	}
	EXPECT_EQ(0, stop_disturbing(self));
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
	TH_LOG("%u signals, %u births, %u times", sent, field->made, field->times);

	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, &counts));
	EXPECT_EQ(LISTENERS, counts.signalled);
	for (int i = 0; i < LISTENERS; i++)
		EXPECT_EQ(128 + SIGKILL, reap(listeners[i]));
	EXPECT_TRUE(jt_wait_empty(self->job));
	ASSERT_EQ(0, jt_state(self->job, &state));
	EXPECT_EQ(0, state.procs + state.leaving);
}

/* A job that forks on every processor is killed whole meanwhile. */
TEST_F_TIMEOUT(hotplug, kill, CROWD_TIMEOUT)
{
	pid_t forkers[FORKERS];

	self->disturbing = spawn(-1, 0, variant->disturb, &self->cpus);
	for (uint32_t round = 1; look_at(&field->times) < variant->least; round++) {
		int job = jt_create_for(OWNER, NULL, NULL);
		uint32_t made = look_at(&field->made);

		ASSERT_LE(0, job);
		for (int i = 0; i < FORKERS; i++)
			forkers[i] = spawn(job, OWNER, forker, NULL);
		ASSERT_TRUE(gate_wait(&field->ready, round * FORKERS));
		ASSERT_TRUE(WAIT_FOR_CROWD(look_at(&field->made) > made + 20));
		ASSERT_EQ(0, waitpid(self->disturbing, NULL, WNOHANG));
		EXPECT_EQ(0, jt_signal(job, SIGKILL, NULL));
		for (int i = 0; i < FORKERS; i++)
			EXPECT_EQ(128 + SIGKILL, reap(forkers[i]));
		EXPECT_TRUE(jt_wait_empty(job));
		EXPECT_EQ(0, user_processes(OWNER, NULL, 0));
		close(job);
	}
	EXPECT_EQ(0, stop_disturbing(self));
	TH_LOG("%u times", field->times);
}

TEST_HARNESS_MAIN
