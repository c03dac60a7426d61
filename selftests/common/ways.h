/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ways in which a process makes another: each way_*() runs in a member that
 * belongs to an ordinary user, and makes creatures that call born().
 */
#ifndef JOBTRACK_TEST_WAYS_H
#define JOBTRACK_TEST_WAYS_H

#include "proc.h"

#include <pthread.h>
#include <spawn.h>
#include <linux/io_uring.h>
#include <linux/sched.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>

#define SETUID_PROGRAM	"/tmp/jobtrack_setuid_test"
#define CGROUP		"/sys/fs/cgroup/jobtrack_test"
#define STAGE_FD	100
#define SELF		"/proc/self/exe"

/* Where creatures report; a memfd, because some of them exec */
static struct stage {
	struct gate go, born;
	uint32_t tickets;
	int unmarked;			/* creatures that are neither OWNER's nor marked */
	pid_t ns_init;
	struct {
		int64_t job;		/* what it was told as its first act */
		pid_t pid;
	} creature[32];
} *stage;

static void map_stage(void)
{
	stage = mmap(NULL, sizeof(*stage), PROT_READ | PROT_WRITE, MAP_SHARED, STAGE_FD, 0);
	CHECK(stage != MAP_FAILED);
}

static void make_stage(void)
{
	int fd = memfd_create("stage", 0);

	CHECK(fd >= 0 && ftruncate(fd, sizeof(*stage)) == 0);
	CHECK(dup2(fd, STAGE_FD) == STAGE_FD);
	close(fd);
	map_stage();
}

static void born(void)
{
	int64_t job = jt_job_of(0);
	uint32_t i = __atomic_fetch_add(&stage->tickets, 1, __ATOMIC_SEQ_CST);

	stage->creature[i].job = job;
	stage->creature[i].pid = getpid();
	gate_add(&stage->born, 1);
}

static int creature(void *arg)
{
	born();
	return sleeper(arg);
}

static pid_t fork_creature(void)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (!pid)
		creature(NULL);
	return pid;
}

/* ------------------------------------------------- creatures that were exec'ed */

/* Become a creature by exec, which execs itself @again times more. */
static void exec_creature(const char *program, const char *again)
{
	char *argv[] = { "creature", (char *)again, NULL }, *envp[] = { NULL };

	execve(program, argv, envp);
	_exit(127);
}

/* A setuid program that throws off all that its user's processes are known by */
static void setuid_creature(void)
{
	born();
	CHECK(geteuid() == 0);
	CHECK(setresuid(0, 0, 0) == 0 && setgroups(0, NULL) == 0 && setsid() > 0);
	born();
	stage->unmarked = 2;
	if (!fork()) {
		CHECK(setresuid(STRANGER, STRANGER, STRANGER) == 0);
		born();
	}
	sleeper(NULL);
}

static void __attribute__((constructor)) exec_main(int argc, char **argv)
{
	static char again[2];

	if (argc != 2 || strcmp(argv[0], "creature"))
		return;
	map_stage();
	if (!strcmp(argv[1], "setuid"))
		setuid_creature();
	born();
	again[0] = argv[1][0] - 1;
	if (argv[1][0] > '0')
		exec_creature(SELF, again);
	sleeper(NULL);
}

/* -------------------------------------------------------------- by creation */

static void way_fork(void)
{
	for (int i = 0; i < 4; i++)
		fork_creature();
}

static void way_vfork(void)
{
	for (int i = 0; i < 3; i++)
		if (!vfork()) {
			born();
			exec_creature(SELF, "0");
		}
}

static void way_clone(void)
{
	static const int flags[] = {
		SIGCHLD, 0, CLONE_VM | SIGUSR1,
		CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_IO,
	};
	static char stack[4][16384] __attribute__((aligned(16)));

	for (int i = 0; i < 4; i++)
		CHECK(clone(creature, stack[i] + sizeof(stack[i]), flags[i], NULL) > 0);
}

static pid_t clone3_creature(uint64_t flags, uint64_t exit_signal, uint64_t cgroup)
{
	int pidfd;
	struct clone_args args = { .flags = flags, .exit_signal = exit_signal,
				   .pidfd = (uintptr_t)&pidfd, .cgroup = cgroup };
	pid_t pid = syscall(SYS_clone3, &args, sizeof(args));

	CHECK(pid >= 0);
	if (!pid)
		creature(NULL);
	return pid;
}

static void way_clone3(void)
{
	clone3_creature(0, SIGCHLD, 0);
	clone3_creature(CLONE_PIDFD | CLONE_CLEAR_SIGHAND, 0, 0);
	clone3_creature(CLONE_FILES | CLONE_FS, SIGRTMIN, 0);
}

/* Not even a tracer is told of this child */
static void way_clone_untraced(void)
{
	clone3_creature(CLONE_UNTRACED, SIGCHLD, 0);
}

/* Brothers rather than children: creation counts, not the parent link */
static void way_clone_parent(void)
{
	for (int i = 0; i < 3; i++)
		clone3_creature(CLONE_PARENT, 0, 0);
}

static void way_posix_spawn(void)
{
	char *argv[] = { "creature", "0", NULL }, *envp[] = { NULL };
	posix_spawnattr_t attr;
	pid_t pid;

	CHECK_EQ(0, posix_spawn(&pid, SELF, NULL, NULL, argv, envp));
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID);
	CHECK_EQ(0, posix_spawn(&pid, SELF, NULL, &attr, argv, envp));
}

static void *two_forks(void *arg)
{
	fork_creature();
	fork_creature();
	return arg;
}

static void way_threads_fork(void)
{
	pthread_t thread[4];

	for (int i = 0; i < 4; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, two_forks, NULL));
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
}

static void way_double_fork(void)
{
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (!pid) {
			fork_creature();
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
}

/* New session, orphaned, nothing open, nothing in the environment */
static void way_daemon(void)
{
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (!pid) {
			CHECK(setsid() > 0);
			if (fork())
				_exit(0);
			CHECK(chdir("/") == 0);
			syscall(SYS_close_range, 0, STAGE_FD - 1, 0);
			syscall(SYS_close_range, STAGE_FD + 1, ~0U, 0);
			exec_creature(SELF, "0");
		}
		waitpid(pid, NULL, 0);
	}
}

static void way_process_groups(void)
{
	pid_t leader = fork_creature();

	CHECK(setpgid(leader, leader) == 0);
	if (!fork()) {
		CHECK(setpgid(0, leader) == 0);
		creature(NULL);
	}
	if (!fork()) {
		CHECK(setsid() > 0);
		creature(NULL);
	}
}

static void way_subreaper(void)
{
	pid_t pid;

	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	pid = fork();
	if (!pid) {
		fork_creature();
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/* -------------------------------------------------------------- by namespace */

static bool userns_allowed(void)
{
	char buf[16];

	return read_file("/proc/sys/kernel/unprivileged_userns_clone", buf, sizeof(buf)) < 0 ||
	       buf[0] == '1';
}

static void nested_namespace(void)
{
	CHECK_EQ(0, enter_userns());
	CHECK(unshare(CLONE_NEWPID) == 0);
	fork_creature();
	sleeper(NULL);
}

static void namespace_init(void)
{
	CHECK(getpid() == 1);
	born();
	if (!fork()) {
		born();
		nested_namespace();
	}
	sleeper(NULL);
}

static void way_namespaces(void)
{
	int pidfd;
	pid_t pid = fork();

	if (!pid) {
		CHECK_EQ(0, enter_userns());
		CHECK(unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC |
			      CLONE_NEWNET | CLONE_NEWCGROUP) == 0);
		pid = fork();
		if (!pid)
			namespace_init();
		stage->ns_init = pid;
		sleeper(NULL);
	}
	CHECK(gate_wait(&stage->born, 1) && WAIT_UNTIL(stage->ns_init));
	if (fork())
		return;
	/* one more, from outside */
	pidfd = syscall(SYS_pidfd_open, stage->ns_init, 0);
	CHECK(pidfd >= 0 && setns(pidfd, CLONE_NEWUSER | CLONE_NEWPID) == 0);
	fork_creature();
	sleeper(NULL);
}

static int delegate_cgroups(void)
{
	static const char *const path[] = {
		CGROUP, CGROUP "/a", CGROUP "/b",
		CGROUP "/cgroup.procs", CGROUP "/a/cgroup.procs", CGROUP "/b/cgroup.procs",
	};

	for (int i = 0; i < 6; i++) {
		if (i < 3 && mkdir(path[i], 0755) && errno != EEXIST)
			return -errno;
		if (chown(path[i], OWNER, OWNER))
			return -errno;
	}
	return 0;
}

static int enter_cgroup(pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	return write_file(CGROUP "/a/cgroup.procs", text);
}

static bool remove_cgroups(void)
{
	rmdir(CGROUP "/a");
	rmdir(CGROUP "/b");
	return !rmdir(CGROUP) || errno == ENOENT;
}

static void way_into_cgroup(void)
{
	int fd = open(CGROUP "/b", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CHECK(fd >= 0);
	clone3_creature(CLONE_INTO_CGROUP, SIGCHLD, fd);
	clone3_creature(CLONE_INTO_CGROUP | CLONE_PARENT, 0, fd);
}

/* ------------------------------------------------------------------- by exec */

static void way_exec(void)
{
	if (!fork())
		exec_creature(SELF, "2");
}

/* A file that has no name any more, and one that never had one */
static void way_execveat(void)
{
	char *argv[] = { "creature", "0", NULL }, *envp[] = { NULL };
	int file = open(SELF, O_RDONLY | O_CLOEXEC);
	int copy = memfd_create("copy", MFD_CLOEXEC);
	struct stat st;

	CHECK(file >= 0 && copy >= 0 && fstat(file, &st) == 0);
	CHECK(sendfile(copy, file, NULL, st.st_size) == st.st_size);
	for (int i = 0; i < 2; i++)
		if (!fork()) {
			syscall(SYS_execveat, i ? copy : file, "", argv, envp, AT_EMPTY_PATH);
			_exit(127);
		}
}

static int install_setuid_program(void)
{
	int from = open(SELF, O_RDONLY | O_CLOEXEC);
	int to = open(SETUID_PROGRAM, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	struct stat st;
	int ret = 0;

	if (from < 0 || to < 0 || fstat(from, &st) ||
	    sendfile(to, from, NULL, st.st_size) != st.st_size || fchmod(to, 04755))
		ret = -errno;
	close(from);
	close(to);
	return ret;
}

static void way_exec_setuid(void)
{
	if (!fork())
		exec_creature(SETUID_PROGRAM, "setuid");
}

static void *exec_in_thread(void *arg)
{
	exec_creature(SELF, "0");
	return arg;
}

/* The kernel gives the thread its leader's PID and drops the leader */
static void way_exec_thread(void)
{
	pthread_t thread;

	if (fork())
		return;
	born();
	CHECK_EQ(0, pthread_create(&thread, NULL, exec_in_thread, NULL));
	sleeper(NULL);
}

/* ------------------------------------------------------------------ by nature */

/* The member traces its own children */
static void way_tracer(void)
{
	int status, sig;
	pid_t pid = fork();

	if (!pid) {
		CHECK(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0 && raise(SIGSTOP) == 0);
		fork_creature();
		fork_creature();
		creature(NULL);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
	CHECK(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEFORK) == 0);
	do {
		sig = WSTOPSIG(status);
		if (sig == SIGSTOP || sig == SIGTRAP)
			sig = 0;
		ptrace(PTRACE_CONT, pid, 0, sig);
		while ((pid = waitpid(-1, &status, __WALL | WNOHANG)) == 0 &&
		       stage->born.value < 3)
			nap_us(1000);
	} while (pid > 0);
}

static void *fork_without_leader(void *arg)
{
	CHECK(WAIT_UNTIL(({
		struct proc_stat st;

		!proc_stat(getpid(), getpid(), &st) && st.state == 'Z';
	})));
	for (int i = 0; i < 3; i++)
		fork_creature();
	creature(NULL);
	return arg;
}

static void way_main_thread_exited(void)
{
	pthread_t thread;

	if (fork())
		return;
	CHECK_EQ(0, pthread_create(&thread, NULL, fork_without_leader, NULL));
	syscall(SYS_exit, 0);
}

static int uring(struct io_uring_params *params)
{
	int fd = syscall(SYS_io_uring_setup, 4, params);

	CHECK(fd >= 0);
	return fd;
}

/* Make a kernel worker of this process read from an empty pipe, without end. */
static void uring_read_async(int ring, const struct io_uring_params *params)
{
	static char byte;
	int pipefd[2];
	struct io_uring_sqe *sqe;
	char *sq;

	sq = mmap(NULL, params->sq_off.array + 4 * sizeof(uint32_t), PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
	sqe = mmap(NULL, 4 * sizeof(*sqe), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		   ring, IORING_OFF_SQES);
	CHECK(sq != MAP_FAILED && sqe != MAP_FAILED && pipe(pipefd) == 0);
	*sqe = (struct io_uring_sqe) {
		.opcode = IORING_OP_READ, .flags = IOSQE_ASYNC, .fd = pipefd[0],
		.addr = (uintptr_t)&byte, .len = 1,
	};
	*(uint32_t *)(sq + params->sq_off.array) = 0;
	__atomic_store_n((uint32_t *)(sq + params->sq_off.tail), 1, __ATOMIC_RELEASE);
	CHECK(syscall(SYS_io_uring_enter, ring, 1, 0, 0, NULL, 0) == 1);
}

/* Threads that the kernel makes on behalf of a member are no births */
static void way_io_uring(void)
{
	struct io_uring_params polled = { .flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 60000 };
	struct io_uring_params plain = { .flags = 0 };

	uring(&polled);
	uring_read_async(uring(&plain), &plain);
	CHECK(WAIT_UNTIL(live_threads(getpid()) >= 3));
	fork_creature();
	fork_creature();
	born();
}

#endif /* JOBTRACK_TEST_WAYS_H */
