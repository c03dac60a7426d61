/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A static population: members that block every signal and take each one
 * deliberately, so that the tests can count to the last one.
 *
 * By raw system calls: glibc keeps two signals for itself.
 */
#ifndef JOBTRACK_TEST_LISTENERS_H
#define JOBTRACK_TEST_LISTENERS_H

#include "adversary.h"

#define LISTENERS_MAX	16
#define LISTENERS_LOG	512
#define NSIG_KERNEL	64
#define RT(n)		(34 + (n))	/* SIGRTMIN is no constant */
#define EVERY_SIGNAL	(~0ULL)
#define ONE_SIGNAL(sig)	(1ULL << ((sig) - 1))

struct listener {
	pid_t pid;
	uint32_t got[NSIG_KERNEL + 1];	/* how often, by each signal */
	struct {			/* what the last one of it said */
		int code;
		pid_t pid;
		uid_t uid;
	} last[NSIG_KERNEL + 1];
	uint32_t logged;		/* the first ones, in order ... */
	pid_t log[LISTENERS_LOG];	/* ... by who sent them */
};

static struct listeners {
	struct gate ready;
	unsigned int n;
	struct listener listener[LISTENERS_MAX];
} *listeners;

static inline void block_signals(uint64_t set)
{
	CHECK(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, NULL, sizeof(set)) == 0);
}

static inline int listener(void *arg)
{
	struct listener *self = arg;
	uint64_t every = EVERY_SIGNAL;
	siginfo_t info;
	int sig;

	block_signals(every);
	self->pid = getpid();
	gate_add(&listeners->ready, 1);
	for (;;) {
		sig = syscall(SYS_rt_sigtimedwait, &every, &info, NULL, sizeof(every));
		if (sig < 1)
			continue;
		self->last[sig].code = info.si_code;
		self->last[sig].pid = info.si_pid;
		self->last[sig].uid = info.si_uid;
		if (self->logged < LISTENERS_LOG)
			self->log[self->logged++] = info.si_pid;
		add_to(&self->got[sig], 1);
	}
	return 0;
}

/*
 * @n members that listen, of user @uid, in the order of their numbers; the test
 * reaps them, or its end does.
 */
static inline bool listeners_join_by(int (*fn)(void *), int job, uid_t uid, unsigned int n)
{
	if (!listeners)
		listeners = shared(sizeof(*listeners));
	while (n--)
		if (spawn(job, uid, fn, &listeners->listener[listeners->n++]) < 0 ||
		    !gate_wait(&listeners->ready, listeners->n))
			return false;
	return true;
}

static inline bool listeners_join(int job, uid_t uid, unsigned int n)
{
	return listeners_join_by(listener, job, uid, n);
}

/* Has each listener got the signal @times times? */
static inline bool all_got(int sig, uint32_t times)
{
	for (unsigned int i = 0; i < listeners->n; i++)
		if (look_at(&listeners->listener[i].got[sig]) != times)
			return false;
	return true;
}

/* Is each in this state, as /proc shows it? */
static inline bool listeners_are(char state)
{
	for (unsigned int i = 0; i < listeners->n; i++)
		if (proc_state(listeners->listener[i].pid) != state)
			return false;
	return true;
}

#endif /* JOBTRACK_TEST_LISTENERS_H */
