// SPDX-License-Identifier: GPL-2.0
/*
 * The account of a job against wait4(2): to the microsecond, the page and the context
 * switch. A process that has ended is gone, and in the account, before anybody has
 * waited for it; then it is waited for, and the two must agree.
 */
#include "common/account.h"

#include <pthread.h>
#include <sys/resource.h>

#define SINGLES	1000	/* jobs of one process */
#define MANY	3000	/* processes in one job */
#define BATCH	50	/* of either at a time */

FIXTURE(rusage)
{
	int job;
};

FIXTURE_SETUP(rusage)
{
	REQUIRE_MODULE();
	self->job = jt_create(0, 0, NULL, NULL);
	ASSERT_LE(0, self->job);
}

FIXTURE_TEARDOWN(rusage)
{
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_TRUE(jt_wait_empty(self->job));
	close(self->job);
}

/* --------------------------------------------------------------- what processes do */

static int compute(void *arg)
{
	for (volatile int i = 0; i < 100000; i++)
		;
	return (uintptr_t)arg;
}

static int call(void *arg)
{
	for (int i = 0; i < 300; i++)
		syscall(SYS_getppid);
	return (uintptr_t)arg;
}

static int touch_memory(void *arg)
{
	size_t size = (uintptr_t)arg % 16 * 65536 + 4096;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; i < size; i += 4096)
		p[i] = 1;
	munmap(p, size);	/* the peak is what counts */
	return (uintptr_t)arg;
}

static int sleep_and_yield(void *arg)
{
	for (int i = 0; i < 5; i++) {
		nap_us(50);
		sched_yield();
	}
	return (uintptr_t)arg;
}

/* Its account was asked for already: neither part may be less than was told. */
static int look_at_itself(void *arg)
{
	struct rusage usage;
	char buf[1024];

	for (int i = 0; i < 3; i++) {
		getrusage(RUSAGE_SELF, &usage);
		read_file("/proc/self/stat", buf, sizeof(buf));
		compute(arg);
		call(arg);
	}
	return (uintptr_t)arg;
}

static int do_nothing(void *arg)
{
	return (uintptr_t)arg;
}

static int (*const works[])(void *) = {
	compute, call, touch_memory, sleep_and_yield, look_at_itself, do_nothing,
};

static pid_t start_work(int job, unsigned int i)
{
	return spawn(job, i % 2 ? OWNER : 0, works[i % ARRAY_SIZE(works)],
		     (void *)(uintptr_t)(i & 0xff));
}

/* ------------------------------------------------------------------ one process each */

/* Wait for the process, which is gone, and compare: false if anything differs. */
static bool agrees(int job, pid_t pid)
{
	struct jobtrack_account account;
	struct rusage usage;
	int status;

	if (jt_account(job, 0, &account) || wait4(pid, &status, WNOHANG, &usage) != pid)
		return false;
	return account_has_status(&account, status, 1) && account.gone == 1 &&
		account_is(&account, &usage);
}

TEST_F_TIMEOUT(rusage, of_each_process, 200)
{
	pid_t pid[BATCH];
	int job[BATCH];

	for (int i = 0; i < SINGLES; i += BATCH) {
		for (int k = 0; k < BATCH; k++) {
			job[k] = jt_create(0, 0, NULL, NULL);
			ASSERT_LE(0, job[k]);
			pid[k] = start_work(job[k], i + k);
			ASSERT_LT(0, pid[k]);
		}
		for (int k = 0; k < BATCH; k++) {
			ASSERT_TRUE(wait_gone(job[k], 1));
			EXPECT_TRUE(agrees(job[k], pid[k])) TH_LOG("process %d", i + k);
			close(job[k]);
		}
	}
}

/* ------------------------------------------------------------------ all of one job */

/* The sum of what wait4() says; that of times lacks what each was rounded by. */
TEST_F_TIMEOUT(rusage, of_all, 200)
{
	struct jobtrack_account account;
	struct rusage usage, sum = { .ru_maxrss = 0 };
	uint64_t exited[256] = { 0 };
	int status;

	for (int i = 0; i < MANY; i += BATCH) {
		for (int k = 0; k < BATCH; k++)
			ASSERT_LT(0, start_work(self->job, i + k));
		ASSERT_TRUE(wait_gone(self->job, i + BATCH));
		while (wait4(-1, &status, WNOHANG, &usage) > 0) {
			ASSERT_TRUE(WIFEXITED(status));
			exited[WEXITSTATUS(status)]++;
			add_rusage(&sum, &usage);
		}
	}
	ASSERT_EQ(0, jt_account(self->job, 0, &account));
	EXPECT_EQ(MANY, account.gone);
	EXPECT_EQ(0, memcmp(exited, account.exited, sizeof(exited)));
	EXPECT_TRUE(account_is_sum(&account, &sum, MANY));
	/* and they did something */
	EXPECT_LT(MANY, sum.ru_minflt);
	EXPECT_LT(MANY / 2, sum.ru_nvcsw);
	EXPECT_LT(MANY, micros(&sum.ru_utime) + micros(&sum.ru_stime));
}

/* --------------------------------------------------------- processes of several threads */

static void *work_as_thread(void *arg)
{
	compute(arg);
	call(arg);
	return NULL;
}

static int join_threads(void *arg)
{
	pthread_t thread[4];

	for (int i = 0; i < 4; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, work_as_thread, arg));
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	return 3;
}

static void *exit_last(void *arg)
{
	CHECK(WAIT_UNTIL(proc_state(getpid()) == 'Z'));
	work_as_thread(arg);
	if (arg)
		_exit(5);
	syscall(SYS_exit, 6);
	return NULL;
}

/*
 * The main thread is dead long before the last, which ends all, or just itself: then
 * it depends on the kernel which of the two statuses it is.
 */
static int leave_thread_behind(void *arg)
{
	pthread_t thread;

	CHECK_EQ(0, pthread_create(&thread, NULL, exit_last, arg));
	compute(arg);
	syscall(SYS_exit, 6);
	return 0;
}

static void *exec_as_thread(void *arg)
{
	char *argv[] = { "exit", NULL }, *envp[] = { NULL };

	work_as_thread(arg);
	execve("/proc/self/exe", argv, envp);
	_exit(127);
}

/* What the program does that is exec'ed there */
static void __attribute__((constructor)) exec_main(int argc, char **argv)
{
	if (argc == 1 && !strcmp(argv[0], "exit"))
		_exit(compute((void *)8));
}

static int exec_from_thread(void *arg)
{
	pthread_t thread;

	CHECK_EQ(0, pthread_create(&thread, NULL, work_as_thread, arg));
	CHECK_EQ(0, pthread_create(&thread, NULL, exec_as_thread, arg));
	return sleeper(NULL);
}

static void expect_agreement(struct __test_metadata *_metadata, int (*fn)(void *), void *arg,
			     int want)
{
	struct jobtrack_account account;
	int job;
	pid_t pid;

	for (int i = 0; i < 30; i++) {
		job = jt_create(0, 0, NULL, NULL);
		ASSERT_LE(0, job);
		pid = spawn(job, OWNER, fn, arg);
		ASSERT_TRUE(wait_gone(job, 1));
		ASSERT_EQ(0, jt_account(job, 0, &account));
		EXPECT_EQ(1, account.exited[want]);
		EXPECT_TRUE(agrees(job, pid));
		close(job);
	}
}

TEST_F(rusage, threads)
{
	expect_agreement(_metadata, join_threads, NULL, 3);
}

TEST_F(rusage, main_thread_first)
{
	expect_agreement(_metadata, leave_thread_behind, NULL, 6);
	expect_agreement(_metadata, leave_thread_behind, self, 5);
}

TEST_F(rusage, exec_from_thread)
{
	expect_agreement(_metadata, exec_from_thread, NULL, 8);
}

/* ----------------------------------------------------------------- nobody waits for them */

static struct unwaited {
	uint32_t n;
	uint64_t micros, minflt;	/* as they said themselves, at their end */
} *unwaited;

static int account_for_oneself(void *arg)
{
	struct rusage usage;

	touch_memory(arg);
	compute(arg);
	getrusage(RUSAGE_SELF, &usage);
	__atomic_fetch_add(&unwaited->micros, micros(&usage.ru_utime) + micros(&usage.ru_stime),
			   __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&unwaited->minflt, usage.ru_minflt, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&unwaited->n, 1, __ATOMIC_SEQ_CST);
	return 11;
}

/* The kernel reaps its children itself; some are daemons, which another would reap. */
static int have_unwaited(void *arg)
{
	signal(SIGCHLD, SIG_IGN);
	for (int i = 0; i < 200; i++) {
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid)
			continue;
		if (i % 2)
			_exit(account_for_oneself(arg));
		signal(SIGCHLD, SIG_DFL);
		setsid();
		_exit(fork() ? 12 : account_for_oneself(arg));
	}
	return 13;
}

TEST_F(rusage, nobody_waits)
{
	struct jobtrack_account account;

	unwaited = shared(sizeof(*unwaited));
	signal(SIGCHLD, SIG_IGN);
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	ASSERT_LT(0, spawn(self->job, OWNER, have_unwaited, (void *)3));
	ASSERT_TRUE(WAIT_UNTIL(look_at(&unwaited->n) == 200));
	ASSERT_TRUE(jt_wait_empty(self->job));
	ASSERT_EQ(0, jt_account(self->job, 0, &account));
	EXPECT_EQ(1, account.joined);
	EXPECT_EQ(300, account.births);
	EXPECT_EQ(301, account.gone);
	EXPECT_EQ(200, account.exited[11]);
	EXPECT_EQ(100, account.exited[12]);
	EXPECT_EQ(1, account.exited[13]);
	/* their last words cost something, too, but not much */
	EXPECT_LE(unwaited->micros, (account.utime + account.stime) / 1000);
	EXPECT_LE(unwaited->minflt, account.minflt);
}

TEST_HARNESS_MAIN
