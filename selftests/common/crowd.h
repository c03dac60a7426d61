/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sleeping processes by the ten thousand: they share their parent's memory and
 * descriptors, so that each costs what the kernel needs for it, some 30 KiB.
 */
#ifndef JOBTRACK_TEST_CROWD_H
#define JOBTRACK_TEST_CROWD_H

#include "adversary.h"

#include <linux/sched.h>
#include <sys/resource.h>

#define CROWD_STACK	1024	/* bytes: they handle no signal */
#define CROWD_NESTS	4	/* processes that make the others */

static struct crowd {
	unsigned int n;		/* processes, those of the nests included */
	int sig;		/* of which each counts how often it gets it */
	const int *jobs;	/* whoever has one of its own, enters it */
	struct gate ready;	/* nests that are full */
	struct crowd_sleeper {
		pid_t pid;
		uint32_t got;
	} sleeper[];
} *crowd;

/* Signals are blocked: who is not here yet finds it pending. */
static inline int crowd_sleep(void *arg)
{
	struct crowd_sleeper *self = arg;
	uint64_t set = 1ULL << (crowd->sig - 1);

	for (;;)
		if (syscall(SYS_rt_sigtimedwait, &set, NULL, NULL, sizeof(set)) == crowd->sig)
			add_to(&self->got, 1);
	return 0;
}

static inline int crowd_enter(void *self)
{
	struct jobtrack_enter enter = { .flags = 0 };

	if (ioctl(crowd->jobs[(struct crowd_sleeper *)self - crowd->sleeper],
		  JOBTRACK_IOC_ENTER, &enter))
		return 1;
	gate_add(&crowd->ready, 1);
	return crowd_sleep(self);
}

/* Every @step-th of the crowd's from the first on, with fn for its life. */
static inline void crowd_make(unsigned int first, unsigned int step, int (*fn)(void *))
{
	const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_PARENT | CLONE_PARENT_SETTID |
			  SIGCHLD;
	sigset_t every;
	char *stack;

	stack = mmap(NULL, (size_t)CROWD_STACK * (crowd->n / step + 2), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(stack != MAP_FAILED);
	sigfillset(&every);
	CHECK(sigprocmask(SIG_SETMASK, &every, NULL) == 0);
	for (unsigned int i = first; i < crowd->n; i += step) {
		stack += CROWD_STACK;
		CHECK(clone(fn, stack, flags, &crowd->sleeper[i], &crowd->sleeper[i].pid) > 0);
	}
}

/* A member that makes others, and becomes one of them */
static inline int crowd_nest(void *arg)
{
	struct crowd_sleeper *self = arg;

	self->pid = getpid();
	crowd_make(self - crowd->sleeper + CROWD_NESTS, CROWD_NESTS, crowd_sleep);
	gate_add(&crowd->ready, 1);
	return crowd_sleep(self);
}

/* The machine may have @n processes more, and each user as many signals pending. */
static inline bool crowd_allow(unsigned int n)
{
	struct rlimit limit = { n + 1000, n + 1000 };
	char threads[16];

	snprintf(threads, sizeof(threads), "%u", 2 * n + 20000);
	return !write_file("/proc/sys/kernel/pid_max", "4194304") &&
		!write_file("/proc/sys/kernel/threads-max", threads) &&
		!setrlimit(RLIMIT_NPROC, &limit) && !setrlimit(RLIMIT_SIGPENDING, &limit);
}

static inline bool crowd_prepare(unsigned int n, int sig)
{
	if (!crowd_allow(n))
		return false;
	crowd = shared(sizeof(*crowd) + n * sizeof(crowd->sleeper[0]));
	crowd->n = n;
	crowd->sig = sig;
	return true;
}

/*
 * A crowd of exactly @n members of user @uid, which count @sig. Its keepers go into
 * @keepers. False if it does not grow any more: progress is what counts, not time.
 */
static inline bool crowd_gather(int job, uid_t uid, unsigned int n, int sig,
				pid_t keepers[CROWD_NESTS])
{
	struct jobtrack_job state = { .tree_procs = 0 };
	uint64_t seen;

	if (!crowd_prepare(n, sig))
		return false;
	for (int i = 0; i < CROWD_NESTS; i++)
		keepers[i] = keeper(job, uid, crowd_nest, &crowd->sleeper[i]);
	while (look_at(&crowd->ready.value) < CROWD_NESTS) {
		seen = state.tree_procs;
		if (!WAIT_UNTIL(look_at(&crowd->ready.value) == CROWD_NESTS ||
				(!jt_state(job, &state) && state.tree_procs > seen)))
			return false;
	}
	return true;
}

static inline int crowd_dispersing(void *arg)
{
	(void)arg;
	crowd_make(0, 1, crowd_enter);
	return 0;
}

/* One process of root's into each of @n jobs: their keeper, or -1 */
static inline pid_t crowd_disperse(const int *jobs, unsigned int n, int sig)
{
	uint32_t seen;
	pid_t pid;

	if (!crowd_prepare(n, sig))
		return -1;
	crowd->jobs = jobs;
	pid = keeper(-1, 0, crowd_dispersing, NULL);
	do {
		seen = look_at(&crowd->ready.value);
		if (seen == n)
			return pid;
	} while (WAIT_UNTIL(look_at(&crowd->ready.value) > seen));
	dismiss(pid);
	return -1;
}

/* How many have counted @times, exactly? */
static inline unsigned int crowd_got(uint32_t times)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < crowd->n; i++)
		n += look_at(&crowd->sleeper[i].got) == times;
	return n;
}

/* Wait until a job that was killed is empty, for as long as it gets emptier. */
static inline bool crowd_gone(int job)
{
	struct jobtrack_job state;
	uint64_t left = UINT64_MAX;

	while (!fd_ready(job, PATIENCE_MS)) {
		if (jt_state(job, &state) || state.tree_procs + state.tree_leaving >= left)
			return false;
		left = state.tree_procs + state.tree_leaving;
	}
	return true;
}

#endif /* JOBTRACK_TEST_CROWD_H */
