// SPDX-License-Identifier: GPL-2.0
/*
 * P5: a newborn that cannot be recorded does not run, and counters, the job's
 * row and the kernel's log tell.
 */
#include "common/adversary.h"
#include "common/debug.h"

#include <pthread.h>
#include <linux/sched.h>

#define LABEL		"lost.test"
#define TIMES		4	/* each way of making a process */
#define MESSAGE		"could not be recorded, killed before it ran"

/* The mother: a member of an ordinary user that makes processes when it is told to */
static struct {
	struct gate phase, done;
	uint32_t made;		/* system calls that returned a child */
	uint32_t killed;	/* children whose status says SIGKILL */
	uint32_t ran;		/* children that ran; each raises it first of all */
	uint32_t threads;	/* threads that ran */
} *mother;

static int testimony[2];	/* a pipe into which a child writes that runs */

static int run(void *arg)
{
	(void)arg;
	add_to(&mother->ran, 1);
	if (write(testimony[1], "I ran", 5) != 5)
		add_to(&mother->ran, 1000);
	_exit(0);
}

static void bury(pid_t pid)
{
	int status;

	CHECK(pid > 0);
	add_to(&mother->made, 1);
	CHECK(waitpid(pid, &status, __WALL) == pid);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		add_to(&mother->killed, 1);
	else
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void by_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		run(NULL);
	bury(pid);
}

/* The parent, which waits for its child to be done with its memory, goes on. */
static void by_vfork(void)
{
	pid_t pid = vfork();

	if (!pid)
		run(NULL);
	bury(pid);
}

static void by_clone_vm(void)
{
	static char stack[16384] __attribute__((aligned(16)));

	bury(clone(run, stack + sizeof(stack), CLONE_VM | CLONE_FILES | SIGCHLD, NULL));
}

static void by_clone3(void)
{
	struct clone_args args = {
		.flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS,
		.exit_signal = SIGCHLD,
	};
	pid_t pid = syscall(SYS_clone3, &args, sizeof(args));

	if (!pid)
		run(NULL);
	bury(pid);
}

static void *thread(void *arg)
{
	add_to(&mother->threads, 1);
	return arg;
}

static void by_thread(void)
{
	pthread_t id;

	CHECK_EQ(0, pthread_create(&id, NULL, thread, NULL));
	CHECK_EQ(0, pthread_join(id, NULL));
}

static void (*const ways[])(void) = { by_fork, by_vfork, by_clone_vm, by_clone3 };
#define MADE	(TIMES * ARRAY_SIZE(ways))

static int mother_main(void *arg)
{
	(void)arg;
	for (int phase = 1; ; phase++) {
		CHECK(gate_wait(&mother->phase, phase));
		for (int i = 0; i < TIMES; i++) {
			for (size_t way = 0; way < ARRAY_SIZE(ways); way++)
				ways[way]();
			by_thread();
		}
		gate_add(&mother->done, 1);
	}
	return 0;
}

FIXTURE(lost)
{
	int job;
	uint64_t id;
	pid_t mother;
	int log;
	struct met met;
};

FIXTURE_SETUP(lost)
{
	REQUIRE_MODULE();
	ASSERT_TRUE(reset_rules());
	ASSERT_TRUE(clear_user(OWNER));
	mother = shared(sizeof(*mother));
	ASSERT_EQ(0, pipe2(testimony, O_CLOEXEC | O_NONBLOCK));
	self->log = log_open();
	ASSERT_LE(0, self->log);
	self->job = jt_create_for(OWNER, LABEL, &self->id);
	ASSERT_LE(0, self->job);
	ASSERT_TRUE(met_begin(&self->met));
	self->mother = spawn(self->job, OWNER, mother_main, NULL);
	ASSERT_LT(0, self->mother);
}

FIXTURE_TEARDOWN(lost)
{
	EXPECT_TRUE(reset_rules());
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_EQ(128 + SIGKILL, reap(self->mother));
	EXPECT_TRUE(jt_wait_empty(self->job));
	close(self->job);
}

/* A number of /proc/jobtrack: "# name value" */
static long long proc_counter(const char *name)
{
	char buf[4096], key[32], *line;

	snprintf(key, sizeof(key), "# %s ", name);
	if (read_file("/proc/jobtrack", buf, sizeof(buf)) < 0)
		return -1;
	line = strstr(buf, key);
	return line ? atoll(line + strlen(key)) : -1;
}

/* The job's line there: births and lost */
static bool proc_row(uint64_t id, unsigned long long *births, unsigned long long *lost)
{
	char buf[4096], key[32], label[64], *line;

	snprintf(key, sizeof(key), "\n%llu ", (unsigned long long)id);
	if (read_file("/proc/jobtrack", buf, sizeof(buf)) < 0)
		return false;
	line = strstr(buf, key);
	return line && sscanf(line, "%*u %*u %*u %*s %*u %*u %llu %llu %*u %63s", births, lost,
			      label) == 3 && !strcmp(label, LABEL);
}

TEST_F(lost, does_not_run)
{
	struct jobtrack_job state;
	unsigned long long births, lost;
	char text[64];
	pid_t outsider;

	ASSERT_TRUE(set_rules(LOSE_BIRTH, DEFAULT_BATCH, 0));
	gate_add(&mother->phase, 1);
	ASSERT_TRUE(gate_wait(&mother->done, 1));

	/* each call returned a child, and none of them did a thing */
	EXPECT_EQ(MADE, mother->made);
	EXPECT_EQ(MADE, mother->killed);
	EXPECT_EQ(0, mother->ran);
	EXPECT_EQ(-1, read(testimony[0], text, sizeof(text)));
	EXPECT_EQ(EAGAIN, errno);
	/* a thread is no newborn, and who is in no job has nothing to lose */
	EXPECT_EQ(TIMES, mother->threads);
	outsider = spawn(-1, OWNER, run, NULL);
	EXPECT_EQ(0, reap(outsider));
	EXPECT_EQ(1, mother->ran);
	EXPECT_EQ(5, read(testimony[0], text, sizeof(text)));

	ASSERT_EQ(0, jt_state(self->job, &state));
	EXPECT_EQ(MADE, state.lost);
	EXPECT_EQ(0, state.births);
	EXPECT_EQ(1, state.procs);
	EXPECT_TRUE(log_tells(self->log, MESSAGE));
	EXPECT_EQ(self->met.before.lost + MADE, proc_counter("lost"));
	ASSERT_TRUE(proc_row(self->id, &births, &lost));
	EXPECT_EQ(MADE, lost);
	EXPECT_EQ(0, births);

	/* with memory it goes on as if nothing had been, and the account stays */
	ASSERT_TRUE(reset_rules());
	gate_add(&mother->phase, 1);
	ASSERT_TRUE(gate_wait(&mother->done, 2));
	EXPECT_EQ(2 * MADE, mother->made);
	EXPECT_EQ(MADE, mother->killed);
	EXPECT_EQ(1 + MADE, mother->ran);
	EXPECT_EQ(2 * TIMES, mother->threads);

	ASSERT_EQ(0, jt_state(self->job, &state));
	EXPECT_EQ(MADE, state.lost);
	EXPECT_EQ(mother->made, state.births + state.lost);
	ASSERT_TRUE(met_end(&self->met, "lost"));
	EXPECT_EQ(MADE, MET(&self->met, lost));
	EXPECT_EQ(MADE, MET(&self->met, births));
	EXPECT_EQ(0, MET(&self->met, unseen));
	ASSERT_TRUE(proc_row(self->id, &births, &lost));
	EXPECT_EQ(MADE, lost);
	EXPECT_EQ(MADE, births);
}

/* The two accounts agree however often memory comes and goes. */
TEST_F(lost, comes_and_goes)
{
	struct jobtrack_job state;

	for (int phase = 1; phase <= 10; phase++) {
		ASSERT_TRUE(set_rules(phase % 2 ? LOSE_BIRTH : 0, DEFAULT_BATCH, 0));
		gate_add(&mother->phase, 1);
		ASSERT_TRUE(gate_wait(&mother->done, phase));
		ASSERT_EQ(0, jt_state(self->job, &state));
		EXPECT_EQ(phase * MADE, mother->made);
		EXPECT_EQ(state.lost, mother->killed);
		EXPECT_EQ(state.births, mother->ran);
		EXPECT_EQ(mother->made, state.births + state.lost);
	}
	EXPECT_EQ(5 * MADE, state.lost);
}

TEST_HARNESS_MAIN
