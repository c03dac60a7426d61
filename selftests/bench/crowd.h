/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Crowds: processes of an ordinary user, asleep or multiplying, that a batch
 * system has started so as to find them again: in a session and process group of
 * their own, with a cookie in the environment and an extra group ID.
 *
 * Each holds the write end of a pipe. When it reads as closed, the last of them
 * has released its files: that is the end of the crowd, whoever killed it.
 */
#ifndef JOBTRACK_BENCH_CROWD_H
#define JOBTRACK_BENCH_CROWD_H

/* The tests' harness has a main function, which is not used here. */
#pragma GCC diagnostic ignored "-Wunused-function"

#define _GNU_SOURCE
#include "bench.h"
#include "common/bombs.h"
#include "common/oldways.h"

#define LIFE_FD		102

/**
 * struct crowd - a crowd
 * @first: its first process, leader of its session and process group
 * @life: readable when the last of them is gone
 */
struct crowd {
	pid_t first;
	int life;
};

/* Once, before the first crowd: the orphans come here, and nobody reaps by hand. */
static inline void crowds_prepare(void)
{
	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	signal(SIGCHLD, SIG_IGN);
	bombs_prepare();
	load_module();
}

/* ------------------------------------------------------------------ sleepers */

/* All on one stack: they write the same things to the same places of it. */
static int sleep_for_ever(void *arg)
{
	return sleeper(arg);
}

/*
 * @n processes; with @share they have one memory, of which they need nothing:
 * making and ending them then costs little beside what is measured.
 */
static inline void sleepers_life(unsigned int n, bool share)
{
	static char stack[16384] __attribute__((aligned(16)));
	int flags = share ? CLONE_VM | SIGCHLD : SIGCHLD;

	for (unsigned int i = 1; i < n; i++)
		CHECK(clone(sleep_for_ever, stack + sizeof(stack), flags, NULL) > 0);
	add_to(&blast->lives, n);
	sleeper(NULL);
}

/* The first of the sleepers gets here before main(). */
static void __attribute__((constructor)) sleepers_exec_main(int argc, char **argv)
{
	if (argc != 2 || (strcmp(argv[0], "sleepers") && strcmp(argv[0], "lone sleepers")))
		return;
	blast_map();
	sleepers_life(atoi(argv[1]), !strcmp(argv[0], "sleepers"));
}

/* ---------------------------------------------------------- beginning and end */

/*
 * A crowd that is made by exec'ing this program as @name with @arg. @enter has
 * its first process be tracked, as root; RLIMIT_NPROC is @limit.
 */
static inline struct crowd crowd_begin(void (*enter)(void), const char *name, const char *arg,
				       rlim_t limit)
{
	char *argv[] = { (char *)name, (char *)arg, NULL }, cookie[64];
	struct rlimit nproc = { limit, limit };
	char *envp[] = { cookie, NULL };
	struct crowd crowd;
	int fds[2];

	CHECK(pipe2(fds, O_CLOEXEC) == 0);
	crowd.first = fork();
	CHECK(crowd.first >= 0);
	if (!crowd.first) {
		CHECK(dup2(fds[1], LIFE_FD) == LIFE_FD && setsid() > 0);
		if (enter)
			enter();
		CHECK(setrlimit(RLIMIT_NPROC, &nproc) == 0);
		CHECK_EQ(0, become_user(OWNER));
		snprintf(cookie, sizeof(cookie), COOKIE "=%d", getpid());
		execve("/proc/self/exe", argv, envp);
		_exit(127);
	}
	close(fds[1]);
	crowd.life = fds[0];
	return crowd;
}

/* Nobody wants a processor: all new ones have gone to sleep, all dead ones are gone. */
static inline bool machine_is_idle(void)
{
	char buf[1 << 16];

	return read_file("/proc/stat", buf, sizeof(buf)) > 0 &&
		atoi(field(buf, "\nprocs_running ")) == 1;
}

static inline struct crowd crowd_asleep(void (*enter)(void), const char *name, unsigned int n)
{
	struct crowd crowd;
	char number[16];

	snprintf(number, sizeof(number), "%u", n);
	blast->lives = 0;
	crowd = crowd_begin(enter, name, number, RLIM_INFINITY);
	while (look_at(&blast->lives) < n || !machine_is_idle())
		nap_us(10000);
	return crowd;
}

static inline struct crowd crowd_of_sleepers(void (*enter)(void), unsigned int n)
{
	return crowd_asleep(enter, "sleepers", n);
}

static inline struct crowd crowd_lit(void (*enter)(void), const struct bomb *bomb,
				     unsigned int nap)
{
	blast_begin(bomb);
	blast->nap_us = nap;
	return crowd_begin(enter, "bomb", bomb->name, bomb->limit);
}

/* It is at it at this moment. */
static inline void crowd_rages(void)
{
	uint32_t lives = bomb_lives();

	CHECK(WAIT_FOR_CROWD(bomb_lives() >= lives + 4));
}

/* A bomb that has gone off */
static inline struct crowd crowd_of_bomb(void (*enter)(void), const struct bomb *bomb)
{
	struct crowd crowd = crowd_lit(enter, bomb, 500);

	CHECK(WAIT_FOR_CROWD(bomb_lives() >= 2 * bomb->quorum));
	crowd_rages();
	return crowd;
}

/*
 * @n processes that fork, and refill what is killed. The more they are, the less
 * often each of them does, so that the machine is not drowned.
 */
static inline struct crowd crowd_of_forkers(void (*enter)(void), unsigned int n)
{
	const uint64_t end = now_ns() + (CROWD_PATIENCE_MS + 50ULL * n) * NSEC_PER_MSEC;
	struct bomb bomb = bomb_plain;
	struct crowd crowd;

	bomb.limit = n;
	bomb.quorum = n - n / 8;
	crowd = crowd_lit(enter, &bomb, n * 4000);
	while (look_at(&blast->alive) < bomb.quorum && now_ns() < end)
		nap_us(10000);
	CHECK(look_at(&blast->alive) >= bomb.quorum);
	crowd_rages();
	return crowd;
}

static inline bool crowd_is_gone(const struct crowd *crowd, int timeout_ms)
{
	return fd_ready(crowd->life, timeout_ms);
}

/* End what is left of it. */
static inline void crowd_end(struct crowd *crowd)
{
	do {
		pid_t pid = fork();	/* nobody's exit is waited for: SIGCHLD is ignored */

		if (!pid) {
			if (!setresuid(OWNER, OWNER, OWNER))
				kill(-1, SIGKILL);
			_exit(0);
		}
	} while (!crowd_is_gone(crowd, 1000));
	close(crowd->life);
	while (!machine_is_idle())
		nap_us(10000);
}

#endif /* JOBTRACK_BENCH_CROWD_H */
