// SPDX-License-Identifier: GPL-2.0
/*
 * The rows of a snapshot and of the list of jobs: a file that is read as one
 * likes and does not change, PIDs of the reader's namespace, a PID that is used
 * again, who is on its way out.
 */
#include "common/proc.h"
#include <pthread.h>
#include <linux/sched.h>

#define MEMBERS	300	/* more than one batch of the module's */

FIXTURE(rows) {
	int job;
	uint64_t id;
};

FIXTURE_SETUP(rows)
{
	REQUIRE_MODULE();
	ASSERT_TRUE(clear_user(OWNER));
	self->job = jt_create(0, 0, NULL, &self->id);
	ASSERT_GE(self->job, 0);
}

FIXTURE_TEARDOWN(rows)
{
	jt_signal(self->job, SIGKILL, NULL);
	clear_user(OWNER);
}

static pid_t member(FIXTURE_DATA(rows) *self)
{
	pid_t pid = spawn(self->job, OWNER, lone_sleeper, NULL);

	return WAIT_UNTIL(belongs_to(pid, OWNER)) ? pid : -1;
}

/* Many, by one who is a member first */
static int crowd(void *ready)
{
	for (int i = 1; i < MEMBERS; i++)
		if (!fork())
			break;
	gate_add(ready, 1);
	return lone_sleeper(NULL);
}

static int snapshot_fd(int job, struct jobtrack_snapshot *arg)
{
	memset(arg, 0, sizeof(*arg));
	return jt_ioctl(job, JOBTRACK_IOC_SNAPSHOT, arg);
}

/* Read in pieces, from anywhere, again, and by whoever the fd is passed to. */
TEST_F(rows, is_a_file)
{
	struct gate *ready = shared(sizeof(*ready));
	struct jobtrack_snapshot arg;
	struct jobtrack_row *all, *piece = calloc(MEMBERS, sizeof(*piece));
	const size_t size = MEMBERS * sizeof(*piece);
	size_t got = 0;
	int fd, n;

	ASSERT_GT(spawn(self->job, OWNER, crowd, ready), 0);
	ASSERT_TRUE(gate_wait(ready, MEMBERS));
	ASSERT_EQ(MEMBERS, jt_snapshot(self->job, &all, NULL));
	fd = snapshot_fd(self->job, &arg);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(MEMBERS, arg.count);

	for (int step = 1; got < size; step = step * 3 % 101) {
		ssize_t part = read(fd, (char *)piece + got, step);

		ASSERT_GT(part, 0);
		got += part;
	}
	EXPECT_EQ(0, read(fd, &n, sizeof(n)));
	EXPECT_EQ(0, memcmp(all, piece, size));
	EXPECT_EQ(10 * sizeof(*piece), lseek(fd, 10 * sizeof(*piece), SEEK_SET));
	EXPECT_EQ(sizeof(*piece), read(fd, piece, sizeof(*piece)));
	EXPECT_EQ(all[10].pid, piece[0].pid);
	EXPECT_EQ(sizeof(*piece), pread(fd, piece, sizeof(*piece), 299 * sizeof(*piece)));
	EXPECT_EQ(all[299].pid, piece[0].pid);
	EXPECT_EQ(0, pread(fd, piece, sizeof(*piece), size));
	EXPECT_EQ(0, pread(fd, piece, sizeof(*piece), size + 1000));
	EXPECT_EQ(-1, lseek(fd, -1, SEEK_SET));
	EXPECT_EQ(-1, syscall(SYS_pread64, fd, NULL, sizeof(*piece), 0L));
	EXPECT_EQ(EFAULT, errno);

	/* the job ends, and what was read once can be read again */
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_TRUE(jt_wait_empty(self->job));
	EXPECT_EQ(size, pread(fd, piece, size, 0));
	EXPECT_EQ(0, memcmp(all, piece, size));
	EXPECT_EQ(0, jt_snapshot(self->job, &all, NULL));
	close(fd);
}

TEST_F(rows, each_process_once)
{
	struct gate *ready = shared(sizeof(*ready));
	struct jobtrack_row *rows;
	pid_t pids[MEMBERS];

	ASSERT_GT(spawn(self->job, OWNER, crowd, ready), 0);
	ASSERT_TRUE(gate_wait(ready, MEMBERS));
	ASSERT_EQ(MEMBERS, jt_snapshot(self->job, &rows, NULL));
	ASSERT_EQ(MEMBERS, user_processes(OWNER, pids, MEMBERS));
	for (int i = 0; i < MEMBERS; i++) {
		struct proc_stat st;
		int found = 0;

		for (int j = 0; j < MEMBERS; j++)
			found += rows[i].pid == pids[j];
		EXPECT_EQ(1, found);
		EXPECT_EQ(self->id, rows[i].job);
		EXPECT_EQ(0, rows[i].flags);
		EXPECT_EQ(0, rows[i].leaving_since);
		ASSERT_EQ(0, proc_stat(rows[i].pid, 0, &st));
		EXPECT_EQ(st.start_ticks, ticks_of(rows[i].start_time));
	}
}

/* A child with the PID that we want; root may ask for it */
static pid_t fork_with_pid(pid_t want)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&want, .set_tid_size = 1,
	};
	pid_t pid = syscall(SYS_clone3, &args, sizeof(args));

	if (!pid)
		lone_sleeper(NULL);
	return pid;
}

/* {PID, start time} names the one that was listed, not the one that has the PID now. */
TEST_F(rows, pid_used_again)
{
	struct jobtrack_row *rows;
	struct jobtrack_which which;
	pid_t pid = member(self), again;

	ASSERT_EQ(1, jt_snapshot(self->job, &rows, NULL));
	ASSERT_EQ(pid, rows[0].pid);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, reap(pid));
	again = fork_with_pid(pid);
	ASSERT_EQ(pid, again);

	ASSERT_EQ(0, jt_which(pid, &which));
	EXPECT_EQ(0, which.id);
	EXPECT_LT(rows[0].start_time, which.start_time);
	EXPECT_EQ(-ESTALE, jt_tag_exact(self->job, pid, rows[0].start_time, 0, NULL));
	EXPECT_EQ(0, jt_job_of(pid));
	EXPECT_TRUE(jt_wait_empty(self->job));
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_EQ(1, live_threads(again));
	kill(again, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, reap(again));
}

/* Through exec, of the main thread and of another, the start time stays. */
static void *exec_self(void *arg)
{
	char *argv[] = { "/bin/busybox", "sleep", "1000", NULL };

	execv(argv[0], argv);
	return arg;
}

static int exec_in_thread(void *go)
{
	pthread_t thread;

	CHECK(gate_wait(go, 1));
	CHECK_EQ(0, pthread_create(&thread, NULL, exec_self, NULL));
	return sleeper(NULL);
}

static bool runs(pid_t pid, const char *name)
{
	char path[64], buf[256];

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	return read_file(path, buf, sizeof(buf)) > 0 && !strncmp(buf, name, strlen(name));
}

TEST_F(rows, start_time_stays)
{
	struct gate *go = shared(sizeof(*go));
	struct jobtrack_row *before, *after;
	struct jobtrack_which which;
	pid_t pid = spawn(self->job, OWNER, exec_in_thread, go);

	ASSERT_TRUE(WAIT_UNTIL(belongs_to(pid, OWNER)));
	ASSERT_EQ(1, jt_snapshot(self->job, &before, NULL));
	gate_add(go, 1);
	ASSERT_TRUE(WAIT_UNTIL(runs(pid, "busybox") || runs(pid, "sleep")));
	ASSERT_EQ(1, jt_snapshot(self->job, &after, NULL));
	EXPECT_EQ(pid, after->pid);
	EXPECT_EQ(before->start_time, after->start_time);
	ASSERT_EQ(0, jt_which(pid, &which));
	EXPECT_EQ(before->start_time, which.start_time);
	EXPECT_EQ(self->id, which.id);
}

/* --------------------------------------------------------------- PID namespaces */

struct inside {
	int job;
	uint64_t id;
	pid_t pid;		/* as the namespace's init sees it */
	struct gate ready, done;
};

static int namespace_init(void *arg)
{
	struct inside *in = arg;
	struct jobtrack_row *rows;
	struct jobtrack_which which;

	CHECK(getpid() == 1);
	in->pid = spawn(in->job, OWNER, lone_sleeper, NULL);
	CHECK(WAIT_UNTIL(jt_job_of(in->pid) == (int64_t)in->id));
	/* two members: the other one is outside and has no number here */
	CHECK_EQ(2, jt_snapshot(in->job, &rows, NULL));
	CHECK_EQ(0, rows[0].pid);
	CHECK_EQ(in->pid, rows[1].pid);
	CHECK_EQ(0, jt_which(in->pid, &which));
	CHECK_EQ(which.start_time, rows[1].start_time);
	/* and is not to be named by the number that it has elsewhere */
	CHECK_EQ(-ESRCH, jt_which(30000, &which));
	gate_add(&in->ready, 1);
	CHECK(gate_wait(&in->done, 1));
	return 0;
}

static int enter_pid_namespace(void *arg)
{
	pid_t pid;

	CHECK(unshare(CLONE_NEWPID) == 0);
	pid = fork();
	if (!pid)
		_exit(namespace_init(arg));
	return reap(pid);
}

TEST_F(rows, pids_of_the_readers_namespace)
{
	struct inside *in = shared(sizeof(*in));
	struct jobtrack_row *rows;
	pid_t outside = member(self), pid;

	in->job = self->job;
	in->id = self->id;
	pid = spawn(-1, 0, enter_pid_namespace, in);
	ASSERT_TRUE(gate_wait(&in->ready, 1));
	ASSERT_EQ(2, jt_snapshot(self->job, &rows, NULL));
	EXPECT_EQ(outside, rows[0].pid);
	EXPECT_NE(in->pid, rows[1].pid);
	EXPECT_TRUE(WAIT_UNTIL(belongs_to(rows[1].pid, OWNER)));	/* it enters first */
	gate_add(&in->done, 1);
	EXPECT_EQ(0, reap(pid));
}

/* -------------------------------------------------------------------- all jobs */

TEST_F(rows, list_of_jobs)
{
	struct jobtrack_job *list, state;
	uint64_t below_id;
	int n, found = 0;
	int below = jt_create(0, self->id, "below", &below_id);

	ASSERT_GE(below, 0);
	ASSERT_GT(member(self), 0);
	n = jt_list(&list);
	ASSERT_GE(n, 2);
	for (int i = 0; i < n; i++) {
		if (i) {
			uint64_t before = list[i - 1].id;

			EXPECT_LT(before, list[i].id);
		}
		if (list[i].id == self->id) {
			ASSERT_EQ(0, jt_state(self->job, &state));
			EXPECT_EQ(0, memcmp(&state, &list[i], sizeof(state)));
			EXPECT_EQ(1, list[i].procs);
			found++;
		} else if (list[i].id == below_id) {
			EXPECT_EQ(self->id, list[i].parent);
			EXPECT_STREQ("below", list[i].label);
			found++;
		}
	}
	EXPECT_EQ(2, found);
	close(below);
}

TEST_HARNESS_MAIN
