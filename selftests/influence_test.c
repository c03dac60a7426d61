// SPDX-License-Identifier: GPL-2.0
/*
 * The limits of inheritance, which follows creation and not influence: what a member
 * has others start is in their job, or in none. That is promised nowhere, and told.
 */
#include "common/proc.h"

#include <sys/ptrace.h>

#define CORE_PATTERN	"/proc/sys/kernel/core_pattern"
#define MODPROBE	"/proc/sys/kernel/modprobe"
#define PTRACE_SCOPE	"/proc/sys/kernel/yama/ptrace_scope"

/* What the kernel starts is this program, and it tells its job here. */
#define TOLD		"/run/influence"

static void __attribute__((constructor)) helper_main(int argc, char **argv)
{
	struct jobtrack_which which;
	int ret;

	/* as core_pattern says below, and as the kernel calls modprobe */
	if (argc < 2 || (strcmp(argv[1], "core") && strcmp(argv[1], "-q")))
		return;
	ret = jt_which(0, &which);
	if (!freopen(TOLD ".new", "w", stdout))
		_exit(1);
	printf("%d %llu\n", ret, (unsigned long long)which.id);
	fflush(stdout);
	rename(TOLD ".new", TOLD);
	_exit(1);
}

FIXTURE(influence) {
	int job;
	uint64_t id;
	char self[64];
	const char *setting;		/* what is to be as before again */
	char before[256];
};

static bool set_for_now(FIXTURE_DATA(influence) *self, const char *path, const char *value)
{
	self->setting = path;
	return read_file(path, self->before, sizeof(self->before)) > 0 &&
		write_file(path, value) == 0;
}

FIXTURE_SETUP(influence)
{
	REQUIRE_MODULE();
	self->job = jt_create_for(OWNER, NULL, &self->id);
	ASSERT_LE(0, self->job);
	ASSERT_LT(0, readlink("/proc/self/exe", self->self, sizeof(self->self) - 8));
	unlink(TOLD);
}

FIXTURE_TEARDOWN(influence)
{
	if (self->setting)
		EXPECT_EQ(0, write_file(self->setting, self->before));
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_TRUE(jt_wait_empty(self->job));
	close(self->job);
}

/* The kernel's helper was in no job, whoever it worked for. */
static bool helper_was_in_none(void)
{
	unsigned long long id;
	char told[64];
	int ret;

	return WAIT_UNTIL(read_file(TOLD, told, sizeof(told)) > 0) &&
		sscanf(told, "%d %llu", &ret, &id) == 2 && !ret && !id;
}

static int dumps_core(void *unused)
{
	CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
	abort();
}

TEST_F(influence, core_pattern)
{
	char pattern[80];

	snprintf(pattern, sizeof(pattern), "|%s core", self->self);
	ASSERT_TRUE(set_for_now(self, CORE_PATTERN, pattern));
	EXPECT_EQ(128 + SIGABRT, reap(spawn(self->job, OWNER, dumps_core, NULL)));
	EXPECT_TRUE(helper_was_in_none());
}

static int asks_for_a_module(void *unused)
{
	return socket(AF_ATMPVC, SOCK_DGRAM, 0) >= 0;
}

TEST_F(influence, modprobe)
{
	ASSERT_TRUE(set_for_now(self, MODPROBE, self->self));
	EXPECT_EQ(0, reap(spawn(self->job, OWNER, asks_for_a_module, NULL)));
	EXPECT_TRUE(helper_was_in_none());
}

/* A process in no job that forks when it finds @poked, in memory of its own, set */
static long poked;
static struct plot {
	struct gate ready, forked;
	pid_t stranger, child;
} *plot;

static int stranger(void *unused)
{
	pid_t child;

	CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
	gate_add(&plot->ready, 1);
	while (!__atomic_load_n(&poked, __ATOMIC_RELAXED))
		nap_us(1000);
	child = fork();
	if (!child)
		return sleeper(NULL);
	plot->child = child;
	gate_add(&plot->forked, 1);
	return sleeper(NULL);
}

static int pokes(void *unused)
{
	pid_t pid = plot->stranger;

	CHECK(ptrace(PTRACE_SEIZE, pid, 0, 0) == 0);
	CHECK(ptrace(PTRACE_INTERRUPT, pid, 0, 0) == 0);
	CHECK(waitpid(pid, NULL, __WALL) == pid);
	CHECK(ptrace(PTRACE_POKEDATA, pid, &poked, 1L) == 0);
	CHECK(ptrace(PTRACE_DETACH, pid, 0, 0) == 0);
	return 0;
}

TEST_F(influence, ptrace_of_a_stranger)
{
	if (!access(PTRACE_SCOPE, F_OK))
		ASSERT_TRUE(set_for_now(self, PTRACE_SCOPE, "0"));
	plot = shared(sizeof(*plot));
	plot->stranger = spawn(-1, OWNER, stranger, NULL);
	ASSERT_TRUE(gate_wait(&plot->ready, 1));
	EXPECT_EQ(0, reap(spawn(self->job, OWNER, pokes, NULL)));
	ASSERT_TRUE(gate_wait(&plot->forked, 1));
	ASSERT_LT(0, plot->child);
	EXPECT_EQ(0, jt_job_of(plot->stranger));
	EXPECT_EQ(0, jt_job_of(plot->child));
	kill(plot->child, SIGKILL);
	kill(plot->stranger, SIGKILL);
	reap(plot->stranger);
}

TEST_HARNESS_MAIN
