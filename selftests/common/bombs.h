/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The adversaries: processes of an ordinary user that multiply in ways in which
 * a killer loses them.
 *
 * A plain fork bomb is a weak test: at its limit it mostly fails to fork. These
 * go on turning over: a process that the limit refuses makes room, every second
 * time, as long as a quorum is left, which doubles again.
 */
#ifndef JOBTRACK_TEST_BOMBS_H
#define JOBTRACK_TEST_BOMBS_H

#include "adversary.h"

#include <pthread.h>
#include <sys/resource.h>

#define BLAST_FD	101	/* exec'ed processes find the shared memory here */

/**
 * struct bomb - an adversary
 * @name: how an exec'ed process of it knows what it is
 * @life: what each of its processes does
 * @limit: tasks that it may have at a time (RLIMIT_NPROC)
 * @quorum: processes with which it counts as having gone off
 * @resists: only SIGKILL ends it
 */
struct bomb {
	const char *name;
	void (*life)(void);
	unsigned int limit;
	unsigned int quorum;
	bool resists;
};

static struct blast {
	uint32_t lives;		/* begun since the bomb was lit */
	uint32_t alive;		/* roughly: a killed process is not taken off */
	uint32_t refusals;
	uint32_t quorum;	/* of whom nobody makes room */
	uint32_t nap_us;	/* of who was refused */
} *blast;

static inline void begin_life(void)
{
	add_to(&blast->lives, 1);
}

static inline void leave_life(void)
{
	add_to(&blast->alive, -1);
	_exit(0);
}

/* Refused by the limit: should this one make room? */
static inline bool should_make_room(void)
{
	nap_us(blast->nap_us);
	return look_at(&blast->alive) > blast->quorum && add_to(&blast->refusals, 1) & 1;
}

/* A child by @spawn, which is fork(2) by its results. */
static inline pid_t bear(pid_t (*spawn)(void))
{
	pid_t pid;

	add_to(&blast->alive, 1);
	pid = spawn();
	if (!pid)
		begin_life();
	else if (pid < 0)
		add_to(&blast->alive, -1);
	return pid;
}

/* Two children, and exit. What @spawn returns 0 in does the same. */
static inline void breed(pid_t (*spawn)(void))
{
	int children = 0;
	pid_t pid;

	while (children < 2) {
		pid = bear(spawn);
		if (pid > 0)
			children++;
		else if (!pid)
			children = 0;
		else if (should_make_room())
			break;
	}
	leave_life();
}

/* Begin a new life of the same bomb by exec. */
static inline void begin_anew(const char *bomb)
{
	char *argv[] = { "bomb", (char *)bomb, NULL }, *envp[] = { NULL };

	execve("/proc/self/exe", argv, envp);
	_exit(127);
}

/* ------------------------------------------------------------------- daemons */

/* Double fork in a new session: no process group, session or parent is left. */
static inline pid_t spawn_daemon(void)
{
	int status;
	pid_t pid = fork();

	if (pid > 0)
		return waitpid(pid, &status, 0) == pid && status == 0 ? pid : -1;
	if (pid < 0)
		return -1;
	setsid();
	pid = fork();
	if (pid)
		_exit(pid < 0);
	return 0;
}

static inline void daemon_life(void)
{
	signal(SIGCHLD, SIG_DFL);
	breed(spawn_daemon);
}

static const struct bomb bomb_daemons = {
	.name = "daemons", .life = daemon_life, .limit = 64, .quorum = 32,
};

/* ------------------------------------------------------------------- runners */

/* Chains in which each process forks its successor and exits. */
static inline void runner_life(void)
{
	pid_t pid;

	for (int chains = 1; chains < 8 && fork(); chains++)
		;
	for (;;) {
		begin_life();
		while ((pid = fork()) < 0)
			nap_us(500);
		if (pid)
			_exit(0);
	}
}

static const struct bomb bomb_runners = {
	.name = "runners", .life = runner_life, .limit = 64, .quorum = 4,
};

/* --------------------------------------------------------------- vfork and exec */

static inline pid_t spawn_vfork_exec(void)
{
	pid_t pid = vfork();

	if (!pid)
		begin_anew("vfork_exec");
	return pid;
}

static inline void vfork_exec_life(void)
{
	begin_life();
	breed(spawn_vfork_exec);
}

static const struct bomb bomb_vfork_exec = {
	.name = "vfork_exec", .life = vfork_exec_life, .limit = 48, .quorum = 24,
};

/* ------------------------------------------------------------------- headless */

static inline void headless_life(void);

static inline void *headless_thread(void *threads)
{
	int children = 0;
	pid_t pid;

	while (children < 2) {
		pid = bear(fork);
		if (!pid)
			headless_life();
		else if (pid > 0)
			children++;
		else if (should_make_room())
			break;
	}
	/* Of the last thread, this is the process's end. */
	if (add_to(threads, -1) == 1)
		add_to(&blast->alive, -1);
	syscall(SYS_exit, 0);
	return NULL;
}

/* The main thread exits: a zombie, whose other threads fork. */
static inline void headless_life(void)
{
	static uint32_t threads;
	pthread_attr_t attr;
	pthread_t thread;

	threads = 3;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 << 10);
	for (int i = 0; i < 3; i++)
		if (pthread_create(&thread, &attr, headless_thread, &threads) &&
		    add_to(&threads, -1) == 1)
			add_to(&blast->alive, -1);
	syscall(SYS_exit, 0);
}

static const struct bomb bomb_headless = {
	.name = "headless", .life = headless_life, .limit = 96, .quorum = 12,
};

/* ---------------------------------------------------- exec from another thread */

static inline void *exec_thread(void *arg)
{
	while (bear(fork) < 0)
		if (should_make_room())
			leave_life();
	begin_anew("thread_exec");
	return arg;
}

/* Each image forks one child; then both exec, the parent from a thread. */
static inline void thread_exec_life(void)
{
	pthread_t thread;

	while (pthread_create(&thread, NULL, exec_thread, NULL))
		if (should_make_room())
			leave_life();
	sleeper(NULL);
}

static const struct bomb bomb_thread_exec = {
	.name = "thread_exec", .life = thread_exec_life, .limit = 48, .quorum = 12,
};

/* ----------------------------------------------------------------- plain and deaf */

static inline pid_t spawn_fork(void)
{
	return fork();
}

/* Nothing but fork(2): all in one process group, and in one tree for a while */
static inline void plain_life(void)
{
	breed(spawn_fork);
}

static const struct bomb bomb_plain = {
	.name = "plain", .life = plain_life, .limit = 64, .quorum = 32,
};

/* All signals are blocked. */
static inline void deaf_life(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	breed(spawn_fork);
}

static const struct bomb bomb_deaf = {
	.name = "deaf", .life = deaf_life, .limit = 64, .quorum = 32, .resists = true,
};

/* ------------------------------------------------------------------ namespaces */

/* The init of a PID namespace: it keeps at it for a while, and takes all down. */
static inline void namespace_life(void)
{
	for (int children = 0; children < 32; children++) {
		pid_t pid = bear(spawn_fork);

		if (!pid)
			breed(spawn_fork);
		if (pid < 0)
			sched_yield();
	}
	leave_life();
}

/* Root in user namespaces, with PID namespaces inside that come and go. */
static inline void namespaces_life(void)
{
	pid_t pid;

	for (int i = 1; i < 4 && fork(); i++)
		;
	CHECK_EQ(0, enter_userns());
	signal(SIGCHLD, SIG_DFL);
	for (;;) {
		pid = syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
		if (!pid) {
			signal(SIGCHLD, SIG_IGN);
			add_to(&blast->alive, 1);
			begin_life();
			namespace_life();
		}
		if (pid > 0)
			waitpid(pid, NULL, 0);
		else
			sched_yield();
	}
}

/* A namespace's init ignores SIGTERM as long as it has no handler for it. */
static const struct bomb bomb_namespaces = {
	.name = "namespaces", .life = namespaces_life, .limit = 64, .quorum = 16, .resists = true,
};

/* ------------------------------------------------------------------- for tests */

static const struct bomb *const bombs[] = {
	&bomb_daemons, &bomb_runners, &bomb_vfork_exec, &bomb_headless,
	&bomb_thread_exec, &bomb_plain, &bomb_deaf, &bomb_namespaces,
};

static inline void blast_map(void)
{
	blast = mmap(NULL, sizeof(*blast), PROT_READ | PROT_WRITE, MAP_SHARED, BLAST_FD, 0);
	CHECK(blast != MAP_FAILED);
}

/* An exec'ed process gets here before main(). */
static void __attribute__((constructor)) bomb_exec_main(int argc, char **argv)
{
	if (argc != 2 || strcmp(argv[0], "bomb"))
		return;
	blast_map();
	for (size_t i = 0; i < ARRAY_SIZE(bombs); i++)
		if (!strcmp(argv[1], bombs[i]->name))
			bombs[i]->life();
	_exit(126);
}

/* Before the first bomb of a test. */
static inline void bombs_prepare(void)
{
	int fd = memfd_create("blast", 0);

	CHECK(fd >= 0 && ftruncate(fd, sizeof(*blast)) == 0);
	CHECK(dup2(fd, BLAST_FD) == BLAST_FD);
	close(fd);
	blast_map();
}

static inline int bomb_main(void *arg)
{
	const struct bomb *bomb = arg;
	struct rlimit limit = { bomb->limit, bomb->limit };

	CHECK(setrlimit(RLIMIT_NPROC, &limit) == 0);
	begin_life();
	bomb->life();
	return 0;
}

/* Of a bomb that is about to be lit. */
static inline void blast_begin(const struct bomb *bomb)
{
	*blast = (struct blast) { .alive = 1, .quorum = bomb->quorum, .nap_us = 500 };
}

/* Light a bomb in a job: its keeper. */
static inline pid_t bomb_light(int job, const struct bomb *bomb)
{
	blast_begin(bomb);
	return keeper(job, OWNER, bomb_main, (void *)bomb);
}

static inline uint32_t bomb_lives(void)
{
	return look_at(&blast->lives);
}

/* Wait until the bomb has gone off, and is at it at this very moment. */
static inline bool bomb_rages(int job, const struct bomb *bomb)
{
	struct jobtrack_job state;
	uint32_t lives;

	if (!WAIT_UNTIL(bomb_lives() >= 2 * bomb->quorum &&
			!jt_state(job, &state) && state.procs >= bomb->quorum))
		return false;
	lives = bomb_lives();
	return WAIT_UNTIL(bomb_lives() >= lives + 4);
}

#endif /* JOBTRACK_TEST_BOMBS_H */
