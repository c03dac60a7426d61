// SPDX-License-Identifier: GPL-2.0
/*
 * P9: a job is empty when its processes are gone, their files closed: not when they
 * have run their last instruction. Until then `jobtrack wait -t` names them.
 */
#include "common/fuse.h"
#include "common/proc.h"
#include <pthread.h>

FIXTURE(wait) {
	struct fuse fuse;
	uint64_t id;
	int job;
	char output[4096];	/* of the command */
};

FIXTURE_SETUP(wait)
{
	REQUIRE_MODULE();
	ASSERT_TRUE(clear_user(OWNER));
	ASSERT_EQ(0, fuse_start(&self->fuse)) TH_LOG("is fuse.ko loaded?");
	self->job = jt_create(0, 0, NULL, &self->id);
	ASSERT_GE(self->job, 0);
}

FIXTURE_TEARDOWN(wait)
{
	fuse_stop(&self->fuse);
	jt_signal(self->job, SIGKILL, NULL);
	clear_user(OWNER);
}

/* `jobtrack wait -t SEC`: its exit status; what it prints is in output */
static int command_wait(FIXTURE_DATA(wait) *self, const char *seconds)
{
	char line[128];
	FILE *out;
	size_t n;
	int status;

	snprintf(line, sizeof(line), "exec jobtrack wait -t %s %llu 2>/dev/null", seconds,
		 (unsigned long long)self->id);
	out = popen(line, "r");
	if (!out)
		return -errno;
	n = fread(self->output, 1, sizeof(self->output) - 1, out);
	self->output[n] = 0;
	status = pclose(out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

/* One line: which process, in which state, leaving, where in the kernel, its name */
static bool names_it(const char *line, const char *pid_and_state, const char *where)
{
	return !strncmp(line, pid_and_state, strlen(pid_and_state)) &&
	       strstr(line, "leaving for ") && strstr(line, where) && strstr(line, "wait_test") &&
	       strchr(line, '\n') == line + strlen(line) - 1;
}

static void hold_file(void)
{
	CHECK(open(FUSE_FILE, O_RDWR | O_CLOEXEC) >= 0);
}

static int open_and_exit(void *arg)
{
	(void)arg;
	hold_file();
	return 7;
}

static int open_and_sleep(void *ready)
{
	hold_file();
	gate_add(ready, 1);
	return sleeper(NULL);
}

/*
 * The process is on its way out, and the job says so in every way that it has.
 * Who exits of itself waits interruptibly, S; who was killed cannot, D.
 */
static void expect_held_up(struct __test_metadata *_metadata, FIXTURE_DATA(wait) *self, pid_t pid,
			   char sleeps, unsigned int state_wanted)
{
	struct jobtrack_snapshot snapshot;
	struct jobtrack_row *rows;
	struct jobtrack_job state;
	char word[16];

	ASSERT_TRUE(gate_wait(self->fuse.held, 1));
	ASSERT_TRUE(WAIT_UNTIL(proc_state(pid) == sleeps));
	EXPECT_FALSE(fd_ready(self->job, 100));
	ASSERT_EQ(0, jt_state(self->job, &state));
	EXPECT_EQ(0, state.procs);
	EXPECT_EQ(1, state.leaving);
	EXPECT_EQ(1, state.tree_leaving);
	EXPECT_EQ(state_wanted, state.state);
	EXPECT_EQ(self->id, jt_job_of(pid));

	ASSERT_EQ(1, jt_snapshot(self->job, &rows, &snapshot));
	EXPECT_EQ(pid, rows[0].pid);
	EXPECT_EQ(JOBTRACK_ROW_LEAVING, rows[0].flags);
	EXPECT_LT(rows[0].start_time, rows[0].leaving_since);
	EXPECT_LT(rows[0].leaving_since, snapshot.time);

	EXPECT_EQ(3, command_wait(self, "0.1"));
	snprintf(word, sizeof(word), "%d %c ", pid, sleeps);
	EXPECT_TRUE(names_it(self->output, word, "request_wait_answer, waits for a FUSE server"))
		TH_LOG("%s", self->output);
}

static void expect_empty(struct __test_metadata *_metadata, FIXTURE_DATA(wait) *self, pid_t pid)
{
	struct jobtrack_row *rows;

	EXPECT_TRUE(jt_wait_empty(self->job));
	EXPECT_EQ('Z', proc_state(pid));
	EXPECT_EQ(0, jt_snapshot(self->job, &rows, NULL));
	EXPECT_EQ(0, command_wait(self, "0"));
	EXPECT_STREQ("", self->output);
}

TEST_F(wait, held_up_in_exit)
{
	pid_t pid = spawn(self->job, OWNER, open_and_exit, NULL);

	expect_held_up(_metadata, self, pid, 'S', JOBTRACK_RUNNING);
	fuse_answer(&self->fuse);
	expect_empty(_metadata, self, pid);
	EXPECT_EQ(7, reap(pid));
}

/*
 * Who is stuck is looked at less and less often, at last every 100 ms; who exits
 * meanwhile is not to pay for that. Five exits, spread over such a period: if they
 * waited for its end, that were half a period each.
 */
TEST_F(wait, others_do_not_wait_for_the_stuck)
{
	pid_t stuck = spawn(self->job, OWNER, open_and_exit, NULL), pid;
	struct jobtrack_job state;
	uint64_t began, sum = 0;

	ASSERT_TRUE(gate_wait(self->fuse.held, 1));
	for (int i = 0; i < 5; i++) {
		pid = spawn(self->job, OWNER, sleeper, NULL);
		ASSERT_TRUE(WAIT_UNTIL(!jt_state(self->job, &state) && state.procs == 1));
		ASSERT_FALSE(fd_ready(self->job, 2000 + i * 20));

		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(128 + SIGKILL, reap(pid));
		began = now_ns();
		ASSERT_TRUE(WAIT_UNTIL(!jt_state(self->job, &state) && !state.procs &&
				       state.leaving == 1));
		sum += now_ns() - began;
	}
	EXPECT_GT(150 * NSEC_PER_MSEC, sum);
	TH_LOG("five exits were seen %u ms after they were reaped, in all",
	       (unsigned int)(sum / NSEC_PER_MSEC));
	fuse_answer(&self->fuse);
	EXPECT_TRUE(jt_wait_empty(self->job));
	EXPECT_EQ(7, reap(stuck));
}

/* SIGKILL is not the end yet. */
TEST_F(wait, held_up_though_killed)
{
	struct gate *ready = shared(sizeof(*ready));
	struct jobtrack_job state;
	pid_t pid = spawn(self->job, OWNER, open_and_sleep, ready);

	ASSERT_TRUE(gate_wait(ready, 1));
	ASSERT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	expect_held_up(_metadata, self, pid, 'D', JOBTRACK_KILLING);
	ASSERT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_FALSE(fd_ready(self->job, 0));
	fuse_answer(&self->fuse);
	expect_empty(_metadata, self, pid);
	EXPECT_EQ(128 + SIGKILL, reap(pid));
	ASSERT_EQ(0, jt_state(self->job, &state));
	EXPECT_EQ(JOBTRACK_KILLED, state.state);
}

/* `wait` without a time limit comes back when it is over, and not before. */
TEST_F(wait, command_waits)
{
	pid_t pid = spawn(self->job, OWNER, open_and_exit, NULL), waiter;
	char id[32];

	ASSERT_TRUE(gate_wait(self->fuse.held, 1));
	snprintf(id, sizeof(id), "%llu", (unsigned long long)self->id);
	waiter = fork();
	if (!waiter) {
		execlp("jobtrack", "jobtrack", "wait", id, NULL);
		_exit(127);
	}
	ASSERT_TRUE(WAIT_UNTIL(proc_state(waiter) == 'S'));
	fuse_answer(&self->fuse);
	EXPECT_EQ(0, reap(waiter));
	expect_empty(_metadata, self, pid);
	EXPECT_EQ(7, reap(pid));
}

/* One thread of several hangs in its exit; the others still run. */
static void *exit_thread(void *arg)
{
	syscall(SYS_unshare, CLONE_FILES);	/* its own table: closed when it exits */
	gate_add(arg, 1);
	syscall(SYS_exit, 0);
	return NULL;
}

static int one_thread_exits(void *arg)
{
	pthread_t thread;

	hold_file();
	CHECK_EQ(0, pthread_create(&thread, NULL, exit_thread, arg));
	return sleeper(NULL);
}

TEST_F(wait, thread_held_up)
{
	struct gate *ready = shared(sizeof(*ready));
	struct jobtrack_job state;
	pid_t pid = spawn(self->job, OWNER, one_thread_exits, ready);

	ASSERT_TRUE(gate_wait(self->fuse.held, 1));
	ASSERT_EQ(0, jt_state(self->job, &state));
	EXPECT_EQ(1, state.procs);
	EXPECT_EQ(0, state.leaving);
	/* the last live thread goes: the one that hangs keeps the process */
	ASSERT_EQ(0, jt_signal(self->job, SIGTERM, NULL));
	EXPECT_TRUE(WAIT_UNTIL(!jt_state(self->job, &state) && state.leaving == 1));
	ASSERT_TRUE(gate_wait(self->fuse.held, 2));
	EXPECT_FALSE(fd_ready(self->job, 100));
	fuse_answer(&self->fuse);
	expect_empty(_metadata, self, pid);
	EXPECT_EQ(128 + SIGTERM, reap(pid));
}

/*
 * A PID namespace's init does not get out before everybody in it has been waited
 * for: here a zombie whose parent is outside of the namespace, and of the job.
 */
static int unshare_and_fork(void *arg)
{
	pid_t *init = arg, pid;

	CHECK(unshare(CLONE_NEWPID) == 0);
	pid = fork();
	if (!pid)
		return sleeper(NULL);
	*init = pid;
	return 0;
}

struct lazy {
	pid_t init, zombie;
	struct gate ready, go;
};

static int lazy_parent(void *arg)
{
	struct lazy *lazy = arg;
	int pidfd = syscall(SYS_pidfd_open, lazy->init, 0);

	CHECK(pidfd >= 0 && setns(pidfd, CLONE_NEWPID) == 0);
	lazy->zombie = spawn(-1, OWNER, sleeper, NULL);
	gate_add(&lazy->ready, 1);
	CHECK(gate_wait(&lazy->go, 1));
	CHECK(waitpid(lazy->zombie, NULL, 0) == lazy->zombie);
	return 0;
}

TEST_F(wait, namespace_held_up_by_a_zombie)
{
	struct lazy *lazy = shared(sizeof(*lazy));
	char word[16];
	pid_t parent;

	EXPECT_EQ(0, reap(spawn(self->job, 0, unshare_and_fork, &lazy->init)));
	ASSERT_EQ(self->id, jt_job_of(lazy->init));
	parent = spawn(-1, 0, lazy_parent, lazy);
	ASSERT_TRUE(gate_wait(&lazy->ready, 1));
	EXPECT_EQ(0, jt_job_of(lazy->zombie));
	ASSERT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	ASSERT_TRUE(WAIT_UNTIL(proc_state(lazy->zombie) == 'Z'));

	EXPECT_FALSE(fd_ready(self->job, 100));
	EXPECT_EQ(3, command_wait(self, "0"));
	snprintf(word, sizeof(word), "%d ", lazy->init);	/* S or I, by kernel */
	EXPECT_TRUE(names_it(self->output, word,
			     "zap_pid_ns_processes, waits until its PID namespace is empty"))
		TH_LOG("%s", self->output);
	gate_add(&lazy->go, 1);
	EXPECT_EQ(0, reap(parent));
	EXPECT_TRUE(jt_wait_empty(self->job));
	EXPECT_EQ(0, command_wait(self, "0"));
}

TEST_HARNESS_MAIN
