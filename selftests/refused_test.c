// SPDX-License-Identifier: GPL-2.0
/*
 * What each command refuses by its meaning: labels, owners, signals, processes
 * that cannot be tagged, jobs that ended or were killed, and which error wins.
 */
#include "common/proc.h"
#include <pthread.h>

FIXTURE(refused) {
	int job;
	uint64_t id;
	pid_t outsider;		/* in no job */
	uint64_t start;		/* its start time */
};

FIXTURE_SETUP(refused)
{
	struct jobtrack_which which;

	REQUIRE_MODULE();
	self->job = jt_create(0, 0, NULL, &self->id);
	ASSERT_GE(self->job, 0);
	self->outsider = spawn(-1, 0, sleeper, NULL);
	ASSERT_TRUE(WAIT_UNTIL(jt_which(self->outsider, &which) == 0));
	ASSERT_EQ(0, which.id);
	self->start = which.start_time;
}

FIXTURE_TEARDOWN(refused)
{
	kill(self->outsider, SIGKILL);
	waitpid(self->outsider, NULL, 0);
	jt_signal(self->job, SIGKILL, NULL);
	close(self->job);
}

/* ------------------------------------------------------------------- labels */

/* The whole field as it is, of either command that takes a label */
static int with_label(unsigned long cmd, const char label[JOBTRACK_LABEL_SIZE])
{
	struct jobtrack_create create = { .flags = 0 };
	struct jobtrack_open open = { .flags = 0 };
	int ret;

	memcpy(create.label, label, JOBTRACK_LABEL_SIZE);
	memcpy(open.label, label, JOBTRACK_LABEL_SIZE);
	ret = jt_device(cmd, cmd == JOBTRACK_IOC_CREATE ? (void *)&create : &open);
	if (ret < 0)
		return ret;
	close(ret);
	return 0;
}

static int create_label(const char *text)
{
	char label[JOBTRACK_LABEL_SIZE] = { 0 };

	snprintf(label, sizeof(label), "%s", text);
	return with_label(JOBTRACK_IOC_CREATE, label);
}

TEST_F(refused, label_characters)
{
	char label[JOBTRACK_LABEL_SIZE] = "a";

	for (int c = 1; c < 256; c++) {
		bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
		bool inside = letter || (c >= '0' && c <= '9') || strchr("._:@+-", c);

		label[0] = c;
		label[1] = 'x';
		EXPECT_EQ(letter ? 0 : -EINVAL, with_label(JOBTRACK_IOC_CREATE, label))
			TH_LOG("character %d first", c);
		EXPECT_EQ(letter ? -ENOENT : -EINVAL, with_label(JOBTRACK_IOC_OPEN, label))
			TH_LOG("character %d first", c);
		label[0] = 'x';
		label[1] = c;
		EXPECT_EQ(inside ? 0 : -EINVAL, with_label(JOBTRACK_IOC_CREATE, label))
			TH_LOG("character %d second", c);
		EXPECT_EQ(inside ? -ENOENT : -EINVAL, with_label(JOBTRACK_IOC_OPEN, label))
			TH_LOG("character %d second", c);
	}
}

TEST_F(refused, label_length)
{
	char label[JOBTRACK_LABEL_SIZE];

	memset(label, 'x', sizeof(label));
	EXPECT_EQ(-ENAMETOOLONG, with_label(JOBTRACK_IOC_CREATE, label));
	EXPECT_EQ(-ENAMETOOLONG, with_label(JOBTRACK_IOC_OPEN, label));
	label[63] = 0;
	EXPECT_EQ(0, with_label(JOBTRACK_IOC_CREATE, label));
	EXPECT_EQ(-ENOENT, with_label(JOBTRACK_IOC_OPEN, label));
	EXPECT_EQ(0, create_label("x"));
	/* nothing hides behind the NUL */
	label[10] = 0;
	EXPECT_EQ(-EINVAL, with_label(JOBTRACK_IOC_CREATE, label));
	EXPECT_EQ(-EINVAL, with_label(JOBTRACK_IOC_OPEN, label));
	/* no label at all: a job without one can be made, but not opened */
	memset(label, 0, sizeof(label));
	EXPECT_EQ(0, with_label(JOBTRACK_IOC_CREATE, label));
	EXPECT_EQ(-EINVAL, with_label(JOBTRACK_IOC_OPEN, label));
}

static int same_label_as_another(void *arg)
{
	(void)arg;
	CHECK_EQ(-ENOENT, jt_open_label("taken"));
	CHECK_EQ(0, create_label("taken"));
	return 0;
}

TEST_F(refused, label_taken)
{
	uint64_t id, other;
	pid_t member;
	int job = jt_create(0, 0, "taken", &id);

	ASSERT_GE(job, 0);
	EXPECT_EQ(-EEXIST, create_label("taken"));
	EXPECT_EQ(0, create_label("Taken"));
	EXPECT_EQ(-EEXIST, jt_create(0, self->id, "taken", NULL));	/* as a sub-job, too */
	EXPECT_EQ(0, run_as(OWNER, same_label_as_another, NULL));

	/* a member keeps the job alive, and with it the label */
	member = spawn(job, 0, lone_sleeper, NULL);
	ASSERT_TRUE(WAIT_UNTIL(jt_job_of(member) == (int64_t)id));
	close(job);
	EXPECT_EQ(-EEXIST, create_label("taken"));
	kill(member, SIGKILL);
	waitpid(member, NULL, 0);
	EXPECT_TRUE(WAIT_UNTIL((job = jt_create(0, 0, "taken", &other)) >= 0));
	EXPECT_LT(id, other);
	EXPECT_EQ(-ENOENT, jt_open(id, 0));
	close(job);
	EXPECT_EQ(-ENOENT, jt_open_label("taken"));
}

/* ------------------------------------------------------------ create and open */

TEST_F(refused, create)
{
	struct jobtrack_create arg = { .parent = self->id + 1000000 };

	EXPECT_EQ(-ENOENT, jt_device(JOBTRACK_IOC_CREATE, &arg));
	arg.parent = UINT64_MAX;
	EXPECT_EQ(-ENOENT, jt_device(JOBTRACK_IOC_CREATE, &arg));
	/* no user has this ID */
	arg = (struct jobtrack_create) { .flags = JOBTRACK_CREATE_OWNER, .uid = UINT32_MAX };
	EXPECT_EQ(-EINVAL, jt_device(JOBTRACK_IOC_CREATE, &arg));
	/* the uid means nothing without its flag */
	arg = (struct jobtrack_create) { .uid = OWNER };
	EXPECT_EQ(-EINVAL, jt_device(JOBTRACK_IOC_CREATE, &arg));
	/* a bad label wins over a parent that is not there */
	arg = (struct jobtrack_create) { .parent = self->id + 1000000, .label = "9" };
	EXPECT_EQ(-EINVAL, jt_device(JOBTRACK_IOC_CREATE, &arg));
}

TEST_F(refused, open)
{
	struct jobtrack_open arg = { .id = self->id, .label = "x" };

	EXPECT_EQ(-EINVAL, jt_device(JOBTRACK_IOC_OPEN, &arg));		/* both */
	memset(&arg, 0, sizeof(arg));
	EXPECT_EQ(-EINVAL, jt_device(JOBTRACK_IOC_OPEN, &arg));		/* neither */
	arg.id = self->id + 1000000;
	EXPECT_EQ(-ENOENT, jt_device(JOBTRACK_IOC_OPEN, &arg));
	arg.id = UINT64_MAX;
	EXPECT_EQ(-ENOENT, jt_device(JOBTRACK_IOC_OPEN, &arg));
	arg = (struct jobtrack_open) { .id = self->id, .flags = JOBTRACK_OPEN_OWNER };
	EXPECT_EQ(-EINVAL, jt_device(JOBTRACK_IOC_OPEN, &arg));		/* whose ID? */
	arg = (struct jobtrack_open) { .uid = UINT32_MAX, .flags = JOBTRACK_OPEN_OWNER,
				       .label = "x" };
	EXPECT_EQ(-EINVAL, jt_device(JOBTRACK_IOC_OPEN, &arg));
	/* what a command of ours would never read is still a job that can be opened */
	arg = (struct jobtrack_open) { .id = self->id };
	EXPECT_LE(0, jt_device(JOBTRACK_IOC_OPEN, &arg));
	EXPECT_EQ(self->id, arg.id);
}

/* ---------------------------------------------------------------------- which */

static void *thread_main(void *tid)
{
	__atomic_store_n((pid_t *)tid, gettid(), __ATOMIC_SEQ_CST);
	return (void *)(intptr_t)sleeper(NULL);
}

static pid_t start_thread(void)
{
	static pid_t tid;
	pthread_t thread;

	if (pthread_create(&thread, NULL, thread_main, &tid))
		return 0;
	WAIT_UNTIL(__atomic_load_n(&tid, __ATOMIC_SEQ_CST));
	return tid;
}

/* A PID that nobody has */
static pid_t dead_pid(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	return pid;
}

TEST_F(refused, which)
{
	struct jobtrack_which which;
	pid_t tid = start_thread();

	ASSERT_GT(tid, 0);
	EXPECT_EQ(-ESRCH, jt_which(dead_pid(), &which));
	EXPECT_EQ(-ESRCH, jt_which(INT32_MAX, &which));
	EXPECT_EQ(-ESRCH, jt_which(tid, &which));
	EXPECT_EQ(-EINVAL, jt_which(-1, &which));
	EXPECT_EQ(-EINVAL, jt_which(INT32_MIN, &which));
	/* init and kernel threads are processes in no job */
	EXPECT_EQ(0, jt_job_of(1));
	EXPECT_EQ(0, jt_job_of(2));
	EXPECT_EQ(0, jt_job_of(0));
}

/* The start time is the one that /proc shows, to the tick. */
TEST_F(refused, start_time_of_which)
{
	struct proc_stat st;

	ASSERT_EQ(0, proc_stat(self->outsider, 0, &st));
	EXPECT_EQ(st.start_ticks, ticks_of(self->start));
}

/* ------------------------------------------------------------------------ tag */

static int tag(FIXTURE_DATA(refused) *self, pid_t pid, uint64_t start)
{
	return jt_tag_exact(self->job, pid, start, 0, NULL);
}

static uint64_t start_of(pid_t pid)
{
	struct jobtrack_which which;

	return jt_which(pid, &which) ? 0 : which.start_time;
}

TEST_F(refused, tag_what_is_no_process)
{
	pid_t tid = start_thread();

	EXPECT_EQ(-EINVAL, tag(self, 0, self->start));
	EXPECT_EQ(-EINVAL, tag(self, -1, self->start));
	EXPECT_EQ(-EINVAL, tag(self, -self->outsider, self->start));
	EXPECT_EQ(-ESRCH, tag(self, dead_pid(), self->start));
	EXPECT_EQ(-ESRCH, tag(self, INT32_MAX, self->start));
	EXPECT_EQ(-ESRCH, tag(self, tid, start_of(getpid())));
	EXPECT_EQ(-EINVAL, jt_tag(self->job, 1));
	EXPECT_EQ(-EINVAL, jt_tag(self->job, 2));
	EXPECT_EQ(0, jt_job_of(1));
	EXPECT_EQ(0, jt_job_of(2));
	EXPECT_EQ(0, jt_job_of(0));
	EXPECT_EQ(0, tag(self, self->outsider, self->start));
	EXPECT_EQ(self->id, jt_job_of(self->outsider));
}

TEST_F(refused, tag_with_another_start_time)
{
	static const int64_t off[] = { 1, -1, 1000000, -10000000 };

	for (int i = 0; i < 4; i++) {
		int ret = tag(self, self->outsider, self->start + off[i]);

		EXPECT_EQ(-ESTALE, ret);
	}
	EXPECT_EQ(-ESTALE, tag(self, self->outsider, 0));
	EXPECT_EQ(-ESTALE, tag(self, self->outsider, UINT64_MAX));
	/* who does not know its start time learns nothing else */
	EXPECT_EQ(-ESTALE, tag(self, 1, 1));
	EXPECT_EQ(0, jt_job_of(self->outsider));
}

/* Dead, but not waited for: no member any more, and not to become one */
TEST_F(refused, tag_a_zombie)
{
	kill(self->outsider, SIGKILL);
	ASSERT_TRUE(WAIT_UNTIL(proc_state(self->outsider) == 'Z'));
	EXPECT_EQ(-ESRCH, tag(self, self->outsider, self->start));
	EXPECT_EQ(0, jt_job_of(self->outsider));
}

/* A process whose main thread has exited is one like any other. */
static int exit_main_thread(void *arg)
{
	(void)arg;
	if (!start_thread())
		return 1;
	syscall(SYS_exit, 0);
	return 0;
}

TEST_F(refused, tag_without_main_thread)
{
	pid_t pid = spawn(-1, 0, exit_main_thread, NULL);

	ASSERT_TRUE(WAIT_UNTIL(proc_state(pid) == 'Z' && live_threads(pid) == 1));
	EXPECT_EQ(0, jt_tag(self->job, pid));
	EXPECT_EQ(self->id, jt_job_of(pid));
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_EQ(128 + SIGKILL, reap(pid));
}

static int tag_what_is_not_ours(void *arg)
{
	FIXTURE_DATA(refused) *self = arg;
	int job = jt_create(0, 0, NULL, NULL);

	CHECK(job >= 0);
	CHECK_EQ(-EPERM, jt_tag_exact(job, self->outsider, self->start, 0, NULL));
	CHECK_EQ(-EPERM, jt_tag(job, getppid()));
	CHECK_EQ(-EINVAL, jt_tag(job, 1));
	CHECK_EQ(0, jt_tag(job, getpid()));
	return 0;
}

TEST_F(refused, tag_anothers_process)
{
	EXPECT_EQ(0, run_as(OWNER, tag_what_is_not_ours, self));
	EXPECT_EQ(0, jt_job_of(self->outsider));
}

static int parent_of_two(void *ready)
{
	pid_t child = fork();

	if (!child)
		fork();
	gate_add(ready, 1);
	return sleeper(NULL);
}

TEST_F(refused, tag_a_tree)
{
	struct gate *ready = shared(sizeof(*ready));
	struct jobtrack_row *rows;
	struct jobtrack_tag out;
	pid_t pid = spawn(-1, 0, parent_of_two, ready);

	ASSERT_TRUE(gate_wait(ready, 3));
	EXPECT_EQ(0, jt_tag_exact(self->job, pid, start_of(pid), JOBTRACK_TAG_TREE, &out));
	EXPECT_EQ(3, out.tagged);
	EXPECT_EQ(0, out.denied);
	EXPECT_EQ(3, jt_snapshot(self->job, &rows, NULL));
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_TRUE(jt_wait_empty(self->job));
	reap(pid);
}

/* --------------------------------------------------------------------- signal */

TEST_F(refused, signal_numbers)
{
	static const int bad[] = { 0, 65, 66, 128, 1000, INT32_MAX, INT32_MIN, -1, -9 };
	struct jobtrack_signal counts;

	ASSERT_EQ(0, tag(self, self->outsider, self->start));
	for (int i = 0; i < (int)ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, jt_signal(self->job, bad[i], NULL))
			TH_LOG("signal %d", bad[i]);
	}
	EXPECT_EQ(1, live_threads(self->outsider));
	/* 64 is the last, and ends it */
	EXPECT_EQ(0, jt_signal(self->job, 64, &counts));
	EXPECT_EQ(1, counts.signalled);
	EXPECT_TRUE(WAIT_UNTIL(state_is_dead(proc_state(self->outsider))));
}

TEST_F(refused, signal_an_empty_job)
{
	struct jobtrack_signal counts;

	EXPECT_EQ(0, jt_signal(self->job, SIGTERM, &counts));
	EXPECT_EQ(0, counts.signalled);
	EXPECT_EQ(0, counts.denied);
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, &counts));
	EXPECT_EQ(0, counts.signalled);
}

/* ------------------------------------------------------------- condemned jobs */

static int enter_condemned(void *arg)
{
	CHECK_EQ(-ECANCELED, jt_enter(*(int *)arg));
	CHECK_EQ(0, jt_job_of(0));
	return 0;
}

TEST_F(refused, condemned)
{
	uint64_t below_id;
	int below = jt_create(0, self->id, NULL, &below_id);
	struct jobtrack_job state;
	struct jobtrack_row *rows;

	ASSERT_GE(below, 0);
	ASSERT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	ASSERT_EQ(0, jt_state(self->job, &state));
	EXPECT_EQ(JOBTRACK_KILLED, state.state);
	ASSERT_EQ(0, jt_state(below, &state));
	EXPECT_EQ(JOBTRACK_KILLED, state.state);

	/* nothing enters it or what is below it, */
	EXPECT_EQ(0, run_as(0, enter_condemned, &self->job));
	EXPECT_EQ(0, run_as(0, enter_condemned, &below));
	EXPECT_EQ(-ECANCELED, tag(self, self->outsider, self->start));
	EXPECT_EQ(-ECANCELED, jt_tag(below, self->outsider));
	EXPECT_EQ(-ECANCELED, jt_create(0, self->id, NULL, NULL));
	EXPECT_EQ(-ECANCELED, jt_create(0, below_id, NULL, NULL));
	EXPECT_EQ(-ECANCELED, jt_create(JOBTRACK_CREATE_ENTER, self->id, NULL, NULL));
	EXPECT_EQ(0, jt_job_of(self->outsider));
	EXPECT_EQ(0, jt_job_of(0));
	/* it can be looked at and signalled, again, */
	EXPECT_EQ(0, jt_snapshot(self->job, &rows, NULL));
	EXPECT_EQ(0, jt_signal(self->job, SIGTERM, NULL));
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	/* and a process with another start time is still another one */
	EXPECT_EQ(-ESTALE, tag(self, self->outsider, self->start + 1));
	close(below);
}

/* Only the part that was killed is condemned. */
TEST_F(refused, condemned_below)
{
	int below = jt_create(0, self->id, NULL, NULL);
	struct jobtrack_job state;

	ASSERT_GE(below, 0);
	ASSERT_EQ(0, jt_signal(below, SIGKILL, NULL));
	EXPECT_EQ(-ECANCELED, jt_tag(below, self->outsider));
	EXPECT_EQ(0, jt_tag(self->job, self->outsider));
	EXPECT_EQ(self->id, jt_job_of(self->outsider));
	/* the member may not move down there either */
	EXPECT_EQ(-ECANCELED, jt_tag(below, self->outsider));
	ASSERT_EQ(0, jt_state(self->job, &state));
	EXPECT_EQ(JOBTRACK_RUNNING, state.state);
	close(below);
}

TEST_HARNESS_MAIN
