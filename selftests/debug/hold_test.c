// SPDX-License-Identifier: GPL-2.0
/*
 * No tree's lock is held, so preemption is not off for it, for longer than a
 * millisecond at a stretch, however many members there are; nor, where one of them
 * has more threads than that allows, for longer than kill(2) takes for such a
 * process. In a machine whose clock counts instructions: a nanosecond for each.
 */
#include "common/crowd.h"
#include "common/debug.h"
#include "common/listeners.h"

#include <pthread.h>

#define MEMBERS		10000
#define THREADED	20		/* processes ... */
#define THREADS		200		/* ... with as many threads */
#define LONGEST_NS	1000000
#define ADDED_NS	100000		/* at most, to what kill(2) takes for one of those */
#define HOLD_TIMEOUT	900		/* seconds, of a clock that counts instructions */

#define PARAMETERS	"/sys/module/jobtrack/parameters/"

FIXTURE(hold)
{
	int job, below;
	uint64_t id;
	pid_t keepers[CROWD_NESTS];
};

FIXTURE_SETUP(hold)
{
	REQUIRE_MODULE();
	ASSERT_TRUE(reset_rules());
	self->job = jt_create(0, 0, NULL, &self->id);
	ASSERT_LE(0, self->job);
	self->below = jt_create(0, self->id, NULL, NULL);
	ASSERT_LE(0, self->below);
}

FIXTURE_TEARDOWN(hold)
{
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_TRUE(crowd_gone(self->job));
}

/* The longest hold since the last time this was asked, which is to be told of @what */
static unsigned long longest_hold(const char *what)
{
	char text[32] = "", by[64] = "";
	unsigned long ns;

	if (read_file(PARAMETERS "hold_ns", text, sizeof(text)) <= 0 ||
	    read_file(PARAMETERS "hold_by", by, sizeof(by)) <= 0 || !set_parameter("hold_ns", 0))
		return ~0UL;
	ns = strtoul(text, NULL, 10);
	fprintf(stderr, "# %s: %lu instructions, by %s", what, ns, by);
	return ns;
}

#define EXPECT_SHORT_HOLDS(what) do {				\
	unsigned long ns_ = longest_hold(what);			\
								\
	EXPECT_LT(0, ns_) TH_LOG("no lock was held");		\
	EXPECT_GT(LONGEST_NS, ns_) TH_LOG("%s", what);		\
} while (0)

static void look_in_every_way(struct __test_metadata *_metadata, FIXTURE_DATA(hold) *self, int n)
{
	struct jobtrack_account account = { .flags = 0 };
	struct jobtrack_row *rows;

	ASSERT_EQ(n, jt_snapshot(self->job, &rows, NULL));
	free(rows);
	EXPECT_SHORT_HOLDS("list");
	ASSERT_EQ(0, jt_ioctl(self->job, JOBTRACK_IOC_ACCOUNT, &account));
	account = (struct jobtrack_account) { .flags = JOBTRACK_ACCOUNT_TREE };
	ASSERT_EQ(0, jt_ioctl(self->job, JOBTRACK_IOC_ACCOUNT, &account));
	EXPECT_EQ(n, account.living);
	EXPECT_SHORT_HOLDS("account");
}

/* Until nobody else wants to run */
static bool all_asleep(void)
{
	unsigned int running;
	char text[64];

	return WAIT_UNTIL(read_file("/proc/loadavg", text, sizeof(text)) > 0 &&
			  sscanf(text, "%*s %*s %*s %u/", &running) == 1 && running == 1);
}

/*
 * Nothing that the caller wakes runs before it goes to sleep itself. So a hold is not
 * interrupted by what the kernel does, late and at once, for many that have ended.
 */
static bool go_first(bool yes)
{
	const struct sched_param param = { .sched_priority = yes };

	return sched_setscheduler(0, yes ? SCHED_FIFO : SCHED_OTHER, &param) == 0;
}

TEST_F_TIMEOUT(hold, many_members, HOLD_TIMEOUT)
{
	static const int sigs[] = { RT(0), SIGSTOP, SIGCONT, SIGKILL };
	struct jobtrack_signal counts;
	char what[32];

	ASSERT_TRUE(set_parameter("hold_ns", 0));
	ASSERT_TRUE(crowd_gather(self->job, OWNER, MEMBERS, RT(0), self->keepers));
	EXPECT_SHORT_HOLDS("births");
	for (int i = 0; i < MEMBERS; i += 10)
		ASSERT_EQ(0, jt_tag(self->below, crowd->sleeper[i].pid));
	EXPECT_SHORT_HOLDS("moves");
	look_in_every_way(_metadata, self, MEMBERS);
	for (size_t i = 0; i < ARRAY_SIZE(sigs); i++) {
		ASSERT_TRUE(go_first(true));
		ASSERT_EQ(0, jt_signal(self->job, sigs[i], &counts));
		ASSERT_TRUE(go_first(false));
		EXPECT_EQ(MEMBERS, counts.signalled);
		snprintf(what, sizeof(what), "signal %d", sigs[i]);
		EXPECT_SHORT_HOLDS(what);
	}
	EXPECT_TRUE(crowd_gone(self->job));
	EXPECT_SHORT_HOLDS("exits");
	for (int i = 0; i < CROWD_NESTS; i++)
		dismiss(self->keepers[i]);
}

static void *sleep_as_thread(void *arg)
{
	sleeper(arg);
	return NULL;
}

static void do_nothing(int sig)
{
	(void)sig;
}

static int threaded(void *ready)
{
	pthread_attr_t attr;
	pthread_t thread;

	signal(RT(0), do_nothing);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 16 << 10);
	for (int i = 1; i < THREADS; i++)
		CHECK_EQ(0, pthread_create(&thread, &attr, sleep_as_thread, NULL));
	gate_add(ready, 1);
	return lone_sleeper(NULL);
}

/* What kill(2) takes for the shortest of some processes, or 0 if one fails */
static unsigned long shortest_kill(const pid_t *pid, int sig)
{
	unsigned long shortest = ~0UL;

	for (int i = 0; i < THREADED; i++) {
		uint64_t before = now_ns(), took;

		if (kill(pid[i], sig))
			return 0;
		took = now_ns() - before;
		shortest = took < shortest ? took : shortest;
	}
	return shortest;
}

TEST_F_TIMEOUT(hold, many_threads, HOLD_TIMEOUT)
{
	static const int sigs[] = { RT(0), SIGSTOP, SIGCONT, SIGKILL };
	struct gate *ready = shared(sizeof(*ready));
	struct jobtrack_signal counts;
	unsigned long alone, hold;
	pid_t outside[THREADED];
	char what[64];

	ASSERT_TRUE(crowd_allow(2 * THREADED * THREADS));
	for (int i = 0; i < THREADED; i++) {
		ASSERT_LT(0, spawn(self->job, OWNER, threaded, ready));
		outside[i] = spawn(-1, OWNER, threaded, ready);
		ASSERT_LT(0, outside[i]);
		ASSERT_TRUE(gate_wait(ready, 2 * i + 2));
	}
	ASSERT_TRUE(set_parameter("hold_ns", 0));
	look_in_every_way(_metadata, self, THREADED);
	for (size_t i = 0; i < ARRAY_SIZE(sigs); i++) {
		ASSERT_TRUE(all_asleep());
		ASSERT_TRUE(go_first(true));
		ASSERT_EQ(0, jt_signal(self->job, sigs[i], &counts));
		EXPECT_EQ(THREADED, counts.signalled);
		ASSERT_TRUE(all_asleep());
		alone = shortest_kill(outside, sigs[i]);
		ASSERT_LT(0, alone);
		ASSERT_TRUE(go_first(false));
		snprintf(what, sizeof(what), "signal %d, for which kill(2) takes %lu", sigs[i],
			 alone);
		hold = longest_hold(what);
		EXPECT_GT(alone + ADDED_NS, hold) TH_LOG("%s", what);
	}
	EXPECT_TRUE(crowd_gone(self->job));
	EXPECT_SHORT_HOLDS("exits");
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

TEST_HARNESS_MAIN
