// SPDX-License-Identifier: GPL-2.0
/*
 * libjobtrack: what it adds to the ioctls. Rows of a module that is older or
 * newer than the library, names of jobs, deadlines, and PIDs that are reused.
 */
#include "common/test.h"
#include <internal.h>
#include <libjobtrack.h>
#include <pthread.h>
#include <sys/time.h>

#define REFUSED(err, call) do {						\
	errno = 0;							\
	EXPECT_EQ(-1, call);						\
	EXPECT_EQ(err, errno)						\
		TH_LOG("%s: %s", #call, strerror(errno));		\
} while (0)

/* --------------------------------------------------------- names of jobs */

TEST(names_of_jobs)
{
	struct jobtrack_ref ref;
	char label[80];

	ASSERT_EQ(0, jobtrack_ref_parse("1", &ref));
	EXPECT_EQ(1, ref.id);
	EXPECT_EQ(0, ref.has_uid);
	EXPECT_STREQ("", ref.label);
	ASSERT_EQ(0, jobtrack_ref_parse("18446744073709551615", &ref));
	EXPECT_EQ(UINT64_MAX, ref.id);
	ASSERT_EQ(0, jobtrack_ref_parse("0:x", &ref));
	EXPECT_EQ(0, ref.id);
	EXPECT_EQ(1, ref.has_uid);
	EXPECT_EQ(0, ref.uid);
	EXPECT_STREQ("x", ref.label);
	ASSERT_EQ(0, jobtrack_ref_parse("4294967294:a:1", &ref));
	EXPECT_EQ(4294967294, ref.uid);
	EXPECT_STREQ("a:1", ref.label);

	memset(label, 'a', sizeof(label));
	label[63] = 0;
	ASSERT_EQ(0, jobtrack_ref_parse(label, &ref));
	EXPECT_STREQ(label, ref.label);
	EXPECT_EQ(0, ref.has_uid);
}

TEST(what_names_no_job)
{
	static const char * const wrong[] = {
		"", "0", "00", "-1", "+1", " 1", "1 ", "1a", "1:", "1:1", ":a", "a b", "a/b",
		"_a", ".a", "a\n", "a\033", "\xc3\xa4", "1::a",
	};
	struct jobtrack_ref ref, before;
	char label[80];
	size_t i;

	memset(&before, 0xcc, sizeof(before));
	ref = before;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		REFUSED(EINVAL, jobtrack_ref_parse(wrong[i], &ref));
		EXPECT_EQ(0, memcmp(&ref, &before, sizeof(ref)))
			TH_LOG("'%s' changed the output", wrong[i]);
	}
	REFUSED(ERANGE, jobtrack_ref_parse("18446744073709551616", &ref));
	REFUSED(ERANGE, jobtrack_ref_parse("99999999999999999999999999", &ref));
	REFUSED(ERANGE, jobtrack_ref_parse("4294967295:a", &ref));
	memset(label, 'a', sizeof(label));
	label[64] = 0;
	REFUSED(ENAMETOOLONG, jobtrack_ref_parse(label, &ref));
	REFUSED(ENAMETOOLONG, jobtrack_label_check(label));
	REFUSED(ENAMETOOLONG, jobtrack_job_create(-1, 0, 0, 0, label, NULL));
	REFUSED(ENAMETOOLONG, jobtrack_job_open_label(-1, 0, 0, label, NULL));
}

/* ---------------------------------------------------- rows of other sizes */

#define WANT 4		/* bytes of a row that the library knows */

/* Three rows as a module writes them whose rows have @size bytes */
static int module_rows(size_t size)
{
	char rows[3 * 8];
	size_t i, j;
	int fds[2];

	for (i = 0; i < 3; i++)
		for (j = 0; j < size; j++)
			rows[i * size + j] = j < WANT ? 'a' + 10 * i + j : '!';
	if (pipe2(fds, O_CLOEXEC) || write(fds[1], rows, 3 * size) != (ssize_t)(3 * size))
		return -1;
	close(fds[1]);
	return fds[0];
}

TEST(rows_of_other_modules)
{
	size_t size, i, j;

	for (size = 1; size <= 8; size++) {
		char *rows = NULL;
		int fd = module_rows(size);

		ASSERT_EQ(0, rows_read(fd, 3, size, WANT, (void **)&rows));
		for (i = 0; i < 3; i++)
			for (j = 0; j < WANT; j++)
				EXPECT_EQ((j < size ? 'a' + 10 * (int)i + (int)j : 0),
					  rows[i * WANT + j])
					TH_LOG("size %zu, row %zu, byte %zu", size, i, j);
		EXPECT_EQ(-1, fcntl(fd, F_GETFD));
		jobtrack_free(rows);
	}
}

TEST(rows_that_cannot_be)
{
	void *rows = &rows;
	int fd;

	/* None, which is an answer */
	EXPECT_EQ(0, rows_read(module_rows(4), 0, 4, WANT, &rows));
	EXPECT_EQ(NULL, rows);
	rows = &rows;

	/* Fewer than announced, without a size, more than there is memory */
	REFUSED(EPROTO, rows_read(module_rows(4), 4, 4, WANT, &rows));
	REFUSED(EPROTO, rows_read(module_rows(4), 3, 0, WANT, &rows));
	REFUSED(ENOMEM, rows_read(module_rows(4), UINT64_MAX / 2, 4, WANT, &rows));
	fd = module_rows(4);
	REFUSED(ENOMEM, rows_read(fd, 1ULL << 62, 1, WANT, &rows));
	EXPECT_EQ(-1, fcntl(fd, F_GETFD));
	EXPECT_EQ(&rows, rows);
	jobtrack_free(NULL);
}

/* ------------------------------------------------------------ with a job */

FIXTURE(library) {
	int dev;
	int job;
	uint64_t id;
};

FIXTURE_SETUP(library)
{
	REQUIRE_MODULE();
	self->dev = jobtrack_device_open();
	ASSERT_LE(0, self->dev);
	self->job = jobtrack_job_create(self->dev, 0, 0, 0, "library", &self->id);
	ASSERT_LE(0, self->job);
}

FIXTURE_TEARDOWN(library)
{
	jobtrack_job_signal(self->job, SIGKILL, NULL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	EXPECT_EQ(0, jobtrack_job_wait(self->job, PATIENCE_MS));
	close(self->job);
	close(self->dev);
}

static void sleep_in(int job, int told)
{
	CHECK(!jobtrack_job_enter(job));
	CHECK_EQ(1, write(told, "", 1));
	for (;;)
		pause();
}

/* A child that has entered the job when this returns */
static pid_t member(int job)
{
	int fds[2];
	char told;
	pid_t pid;
	ssize_t n;

	if (pipe2(fds, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid)
		sleep_in(job, fds[1]);
	close(fds[1]);
	n = read(fds[0], &told, 1);
	close(fds[0]);
	return n == 1 ? pid : -1;
}

TEST_F(library, looks)
{
	struct jobtrack_row *rows;
	struct jobtrack_job state;
	struct jobtrack_job *jobs;
	struct jobtrack_info info;
	size_t count, i, found = 0;
	uint64_t time = 0;
	pid_t pid;

	ASSERT_EQ(0, jobtrack_device_info(self->dev, &info));
	EXPECT_TRUE(info.features & JOBTRACK_FEATURE_JOBS);

	ASSERT_EQ(0, jobtrack_job_snapshot(self->job, &rows, &count, NULL));
	EXPECT_EQ(0, count);
	EXPECT_EQ(NULL, rows);
	ASSERT_EQ(0, jobtrack_job_state(self->job, &state));
	EXPECT_STREQ("empty", jobtrack_state_name(state.state));

	pid = member(self->job);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, jobtrack_job_state(self->job, &state));
	EXPECT_STREQ("running", jobtrack_state_name(state.state));
	EXPECT_STREQ("unknown", jobtrack_state_name(99));
	EXPECT_EQ(1, state.procs);

	ASSERT_EQ(0, jobtrack_job_snapshot(self->job, &rows, &count, &time));
	ASSERT_EQ(1, count);
	EXPECT_EQ(pid, rows[0].pid);
	EXPECT_EQ(self->id, rows[0].job);
	EXPECT_LT(rows[0].start_time, time);
	jobtrack_free(rows);

	ASSERT_EQ(0, jobtrack_job_list(self->dev, &jobs, &count));
	for (i = 0; i < count; i++)
		found += jobs[i].id == self->id && !strcmp(jobs[i].label, "library") &&
			 jobs[i].procs == 1;
	EXPECT_EQ(1, found);
	jobtrack_free(jobs);
}

TEST_F(library, opens_by_any_name)
{
	struct jobtrack_ref ref;
	char text[80];
	uint64_t id;
	int i, fd;

	for (i = 0; i < 3; i++) {
		if (i == 0)
			snprintf(text, sizeof(text), "%llu", (unsigned long long)self->id);
		else
			snprintf(text, sizeof(text), "%s", i == 1 ? "library" : "0:library");
		ASSERT_EQ(0, jobtrack_ref_parse(text, &ref));
		id = 0;
		fd = jobtrack_job_open_ref(self->dev, JOBTRACK_OPEN_MANAGE, &ref, &id);
		ASSERT_LE(0, fd)
			TH_LOG("%s: %s", text, strerror(errno));
		EXPECT_EQ(self->id, id);
		EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
		close(fd);
	}
	fd = jobtrack_job_open_id(self->dev, 0, self->id);
	EXPECT_LE(0, fd);
	close(fd);
	fd = jobtrack_job_open_label(self->dev, JOBTRACK_OPEN_OWNER, 0, "library", &id);
	EXPECT_LE(0, fd);
	close(fd);
	/* @uid is not looked at without the flag. */
	fd = jobtrack_job_open_label(self->dev, 0, STRANGER, "library", NULL);
	EXPECT_LE(0, fd);
	close(fd);

	REFUSED(ENOENT, jobtrack_job_open_label(self->dev, JOBTRACK_OPEN_OWNER, STRANGER,
						"library", NULL));
	REFUSED(ENOENT, jobtrack_job_open_label(self->dev, 0, 0, "nobody", NULL));
	REFUSED(ENOENT, jobtrack_job_open_id(self->dev, 0, 1));
	REFUSED(EINVAL, jobtrack_job_open_id(self->dev, 0, 0));
	REFUSED(EINVAL, jobtrack_job_open_label(self->dev, 0, 0, NULL, NULL));
	REFUSED(EEXIST, jobtrack_job_create(self->dev, 0, 0, 0, "library", NULL));
	REFUSED(ENOTTY, jobtrack_job_state(self->dev, NULL));
	REFUSED(EBADF, jobtrack_device_info(-1, NULL));
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->job, F_GETFD));
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->dev, F_GETFD));
}

TEST_F(library, signals)
{
	struct jobtrack_signal counts;
	int status;
	pid_t pid;

	REFUSED(EINVAL, jobtrack_job_signal(self->job, 0, NULL));
	REFUSED(EINVAL, jobtrack_job_signal(self->job, 65, NULL));
	pid = member(self->job);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, jobtrack_job_signal(self->job, SIGUSR1, &counts));
	EXPECT_EQ(1, counts.signalled);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGUSR1, WTERMSIG(status));
}

TEST_F(library, accounts)
{
	struct jobtrack_account account, tree;
	pid_t pid = member(self->job);
	int below;

	ASSERT_LT(0, pid);
	ASSERT_EQ(0, jobtrack_job_account(self->job, 0, &account));
	EXPECT_EQ(1, account.living);
	EXPECT_EQ(1, account.joined);
	EXPECT_EQ(0, account.gone);

	/* All are gone, and nobody has waited for them: the account is final. */
	below = jobtrack_job_create(self->dev, 0, 0, self->id, NULL, NULL);
	ASSERT_LE(0, below);
	ASSERT_LT(0, member(below));
	ASSERT_EQ(0, jobtrack_job_signal(below, SIGUSR1, NULL));
	ASSERT_EQ(0, jobtrack_job_wait(below, PATIENCE_MS));
	close(below);
	ASSERT_EQ(0, jobtrack_job_signal(self->job, SIGTERM, NULL));
	ASSERT_EQ(0, jobtrack_job_wait(self->job, PATIENCE_MS));
	ASSERT_EQ(0, jobtrack_job_account(self->job, 0, &account));
	EXPECT_EQ(0, account.flags);
	EXPECT_EQ(0, account.living);
	EXPECT_EQ(1, account.gone);
	EXPECT_EQ(1, account.signaled[SIGTERM - 1]);
	EXPECT_EQ(0, account.signaled[SIGUSR1 - 1]);
	ASSERT_EQ(0, jobtrack_job_account(self->job, JOBTRACK_ACCOUNT_TREE, &tree));
	EXPECT_EQ(JOBTRACK_ACCOUNT_TREE, tree.flags);
	EXPECT_EQ(2, tree.joined);
	EXPECT_EQ(2, tree.gone);
	EXPECT_EQ(1, tree.signaled[SIGUSR1 - 1]);
	EXPECT_LT(account.time, tree.time);
	EXPECT_LT(account.utime + account.stime, tree.utime + tree.stime);

	/* An error leaves the caller's alone. */
	REFUSED(EINVAL, jobtrack_job_account(self->job, 2, &tree));
	EXPECT_EQ(2, tree.gone);
	REFUSED(ENOTTY, jobtrack_job_account(self->dev, 0, &tree));
	REFUSED(EBADF, jobtrack_job_account(9999, 0, &tree));
}

static void audit_as_stranger(int dev)
{
	struct jobtrack_audit audit;
	struct jobtrack_finding *findings;
	size_t count;

	CHECK(!setresuid(STRANGER, STRANGER, STRANGER));
	CHECK_EQ(-1, jobtrack_audit(dev, &audit, &findings, &count));
	CHECK_EQ(EPERM, errno);
	_exit(0);
}

TEST_F(library, audits)
{
	struct jobtrack_finding *findings = (void *)&findings;
	struct jobtrack_audit audit;
	size_t count = 1;
	int status;
	pid_t pid;

	ASSERT_LT(0, member(self->job));
	ASSERT_EQ(0, jobtrack_audit(self->dev, &audit, &findings, &count));
	EXPECT_EQ(0, audit.count);
	EXPECT_EQ(0, count);
	EXPECT_EQ(NULL, findings);
	EXPECT_EQ(1, audit.members);
	EXPECT_EQ(1, audit.jobs);
	EXPECT_LT(2, audit.processes);

	/* An error leaves the caller's alone. */
	count = 9;
	REFUSED(ENOTTY, jobtrack_audit(self->job, &audit, &findings, &count));
	REFUSED(EBADF, jobtrack_audit(9999, &audit, &findings, &count));
	EXPECT_EQ(9, count);
	EXPECT_EQ(1, audit.members);

	pid = fork();
	if (!pid)
		audit_as_stranger(self->dev);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

static void nothing(int sig)
{
}

TEST_F(library, waits_to_its_deadline)
{
	struct itimerval often = { { 0, 10000 }, { 0, 10000 } }, never = { { 0, 0 }, { 0, 0 } };
	struct sigaction sa = { .sa_handler = nothing };
	uint64_t before;

	EXPECT_EQ(0, jobtrack_job_wait(self->job, 0));
	EXPECT_EQ(0, jobtrack_job_wait(self->job, -1));
	ASSERT_LT(0, member(self->job));
	REFUSED(ETIMEDOUT, jobtrack_job_wait(self->job, 0));

	/* Interrupted again and again it waits its time, neither less nor for ever. */
	ASSERT_EQ(0, sigaction(SIGALRM, &sa, NULL));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &often, NULL));
	before = now_ns();
	REFUSED(ETIMEDOUT, jobtrack_job_wait(self->job, 300));
	EXPECT_LE(300 * NSEC_PER_MSEC, now_ns() - before);
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &never, NULL));

	/* A time longer than poll(2) can say is not cut to one that has passed. */
	ASSERT_EQ(0, jobtrack_job_signal(self->job, SIGKILL, NULL));
	EXPECT_EQ(0, jobtrack_job_wait(self->job, INT64_MAX));
	REFUSED(EBADF, jobtrack_job_wait(9999, 0));
}

TEST_F(library, tags_by_pid)
{
	struct jobtrack_which which;
	uint32_t tagged = 0, denied = 9;
	uint64_t start;
	pid_t pid;

	pid = fork();
	if (!pid)
		for (;;)
			pause();
	ASSERT_EQ(0, jobtrack_process_start(self->dev, pid, -1, &start));
	ASSERT_EQ(0, jobtrack_process_job(self->dev, pid, &which));
	EXPECT_EQ(which.start_time, start);
	EXPECT_EQ(0, which.id);
	REFUSED(ESTALE, jobtrack_job_tag(self->job, 0, pid, start + 1, NULL, NULL));
	ASSERT_EQ(0, jobtrack_job_tag_pid(self->job, self->dev, JOBTRACK_TAG_TREE, pid,
					  &tagged, &denied));
	EXPECT_EQ(1, tagged);
	EXPECT_EQ(0, denied);
	ASSERT_EQ(0, jobtrack_process_job(self->dev, pid, &which));
	EXPECT_EQ(self->id, which.id);
	EXPECT_STREQ("library", which.label);
	/* In it already is not an error. */
	EXPECT_EQ(0, jobtrack_job_tag(self->job, 0, pid, start, NULL, NULL));

	REFUSED(EINVAL, jobtrack_job_tag_pid(self->job, self->dev, 0, 0, NULL, NULL));
	REFUSED(EINVAL, jobtrack_job_tag_pid(self->job, self->dev, 0, -1, NULL, NULL));
	REFUSED(EINVAL, jobtrack_job_tag_pid(self->job, self->dev, 0, 1, NULL, NULL));
	REFUSED(ESRCH, jobtrack_job_tag_pid(self->job, self->dev, 0, 4194303, NULL, NULL));
}

static void *sleep_on(void *tid)
{
	*(volatile pid_t *)tid = syscall(SYS_gettid);
	pause();
	return NULL;
}

TEST_F(library, takes_no_thread_for_a_process)
{
	volatile pid_t tid = 0;
	pthread_t thread;
	uint64_t start;

	ASSERT_EQ(0, pthread_create(&thread, NULL, sleep_on, (void *)&tid));
	ASSERT_TRUE(WAIT_UNTIL(tid));
	REFUSED(ESRCH, jobtrack_process_start(self->dev, tid, -1, &start));
	REFUSED(ESRCH, jobtrack_job_tag_pid(self->job, self->dev, 0, tid, NULL, NULL));
}

/*
 * A PID whose process has been reaped and that another process has been given is
 * brought about by telling the kernel which PID comes next.
 */
static pid_t fork_as(pid_t pid)
{
	int tries;

	for (tries = 0; tries < 100; tries++) {
		int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
		pid_t child;

		dprintf(fd, "%d", pid - 1);
		close(fd);
		child = fork();
		if (!child)
			for (;;)
				pause();
		if (child == pid)
			return child;
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	return -1;
}

TEST_F(library, takes_no_reused_pid)
{
	struct jobtrack_which which;
	uint64_t start, reused;
	pid_t pid;
	int pidfd;

	pid = fork();
	if (!pid)
		for (;;)
			pause();
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	ASSERT_LE(0, pidfd);
	ASSERT_EQ(0, jobtrack_process_start(self->dev, pid, pidfd, &start));

	/* A zombie still has its PID. */
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(0, waitid(P_PID, pid, NULL, WEXITED | WNOWAIT));
	ASSERT_EQ(0, jobtrack_process_start(self->dev, pid, pidfd, &reused));
	EXPECT_EQ(start, reused);
	REFUSED(ESRCH, jobtrack_job_tag(self->job, 0, pid, start, NULL, NULL));

	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	REFUSED(ESRCH, jobtrack_process_start(self->dev, pid, pidfd, &reused));
	ASSERT_EQ(pid, fork_as(pid));
	REFUSED(ESRCH, jobtrack_process_start(self->dev, pid, pidfd, &reused));
	REFUSED(ESTALE, jobtrack_job_tag(self->job, 0, pid, start, NULL, NULL));
	ASSERT_EQ(0, jobtrack_process_start(self->dev, pid, -1, &reused));
	EXPECT_LT(start, reused);
	ASSERT_EQ(0, jobtrack_process_job(self->dev, pid, &which));
	EXPECT_EQ(0, which.id);
	close(pidfd);
	kill(pid, SIGKILL);
}

TEST_HARNESS_MAIN
