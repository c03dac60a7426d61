/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Racers: processes that fork, exec and exit as fast as they can, in many ways,
 * and write down what happens to them, for replay.h to judge.
 *
 * Each has a name that its parent gave it before the fork, so that a handler that
 * runs before its first instruction knows whom to write of. Whoever forks takes
 * its signals in the same thread, or has them blocked meanwhile: see replay.h,
 * what a child's memory tells.
 */
#ifndef JOBTRACK_TEST_RACERS_H
#define JOBTRACK_TEST_RACERS_H

#include "adversary.h"
#include "replay.h"

#include <linux/sched.h>
#include <linux/userfaultfd.h>

#define RACE_FD		102		/* exec'ed processes find the shared memory here */
#define RACE_EVENTS	(1 << 18)
#define RACE_LIVES	(1 << 16)
#define RACE_SIGNALS	3
#define RACE_HELD	3
#define GONE		UINT32_MAX

static struct race {
	uint32_t n;			/* events */
	uint32_t lives;			/* names given away */
	uint32_t alive, room;
	uint32_t crowds;		/* that have come in full */
	uint32_t forks;
	bool stop;

	int handled[RACE_SIGNALS];	/* up to the first 0 */
	int ignored;			/* one more, or 0 */
	bool deaf;			/* who forks blocks all signals meanwhile */
	uint32_t operations;
	uint32_t operation[65];		/* by signal: the latest that handlers count */

	struct {			/* forks that are held in flight, see below */
		uint32_t ready;
		pid_t pid;
		int userfault;
		struct uffdio_range page;
	} held[RACE_HELD];
	uint32_t holders, holds;	/* how many of them, and forks that each is to begin */

	struct {
		uint32_t seen;		/* what was sent before this position it has taken */
		bool outside;		/* no member of the job */
	} life[RACE_LIVES];
	struct replay_event event[RACE_EVENTS];
} *race;

/* Who the thread thinks it is: in a newborn, still its parent. */
static __thread struct racer {
	uint32_t name;
	uint32_t child;			/* of the fork that is under way, or was last */
	uint32_t introduced;		/* whose BORN has been written */
	pid_t pid;
	bool deaf, leaving;
} me;

static uint32_t racer_memory;		/* the last GOT that this process's memory knows of */
static bool racer_blurred;		/* forked by one thread, signalled in another */

static inline void race_map(void)
{
	race = mmap(NULL, sizeof(*race), PROT_READ | PROT_WRITE, MAP_SHARED, RACE_FD, 0);
	CHECK(race != MAP_FAILED);
}

/* ------------------------------------------------------------------ the log */

/* An event's kind comes last: its writer may be killed meanwhile. */
static inline uint32_t race_append(struct replay_event e)
{
	uint32_t at = add_to(&race->n, 1);
	uint16_t kind = e.kind;

	CHECK(at < RACE_EVENTS);
	e.kind = REPLAY_NONE;
	race->event[at] = e;
	__atomic_store_n(&race->event[at].kind, kind, __ATOMIC_RELEASE);
	return at;
}

static inline uint32_t race_write(struct replay_event e)
{
	e.since = look_at(&race->n);
	syscall(SYS_getppid);
	return race_append(e);
}

static inline uint32_t race_note(enum replay_kind kind, uint32_t who, uint32_t other)
{
	return race_write((struct replay_event) { .kind = kind, .who = who, .other = other });
}

/*
 * The writer's name. A newborn's first act is to say that it was born, and not when
 * it has blocked signals: it could not tell how long ago they came.
 *
 * A handler may come between any two instructions here, and is to find either that
 * it has to say so itself, or that what the memory knew has been read before.
 */
static inline uint32_t racer_name(void)
{
	pid_t pid = syscall(SYS_getpid);
	uint32_t memory = racer_blurred ? REPLAY_BLURRED : look_at(&racer_memory);

	if (pid == me.pid)
		return me.name;
	if (look_at(&me.introduced) != me.child) {
		__atomic_store_n(&me.introduced, me.child, __ATOMIC_SEQ_CST);
		race_write((struct replay_event) {
			.kind = REPLAY_BORN, .who = me.child, .other = me.name, .pid = pid,
			.deaf = me.deaf, .memory = memory,
		});
	}
	return me.child;
}

/* All other signals are blocked meanwhile: the last position is the highest. */
static void racer_handler(int sig)
{
	uint32_t name;

	if (me.leaving && syscall(SYS_getpid) == me.pid)
		return;
	name = racer_name();
	racer_memory = race_note(REPLAY_GOT, name, look_at(&race->operation[sig]));
}

/* Where no signals are blocked: whatever was sent by now has been taken. */
static inline void racer_checks_in(void)
{
	uint32_t since = look_at(&race->n);

	syscall(SYS_getppid);
	__atomic_store_n(&race->life[racer_name()].seen, since, __ATOMIC_SEQ_CST);
}

static inline void block_all(bool block)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(block ? SIG_BLOCK : SIG_UNBLOCK, &all, NULL);
}

static inline void racer_settle(void)
{
	struct sigaction act = { .sa_handler = racer_handler, .sa_flags = SA_RESTART };

	sigfillset(&act.sa_mask);
	for (int i = 0; i < RACE_SIGNALS && race->handled[i]; i++)
		CHECK(sigaction(race->handled[i], &act, NULL) == 0);
	if (race->ignored)
		signal(race->ignored, SIG_IGN);
	block_all(false);
}

/* ------------------------------------------------------------- births and exits */

/* A name for one more process, 0 if there is no room */
static inline uint32_t race_admit(bool outside)
{
	uint32_t name = 0;

	if (add_to(&race->alive, 1) < race->room && look_at(&race->n) < RACE_EVENTS - 8192)
		name = add_to(&race->lives, 1) + 1;
	if (!name || name >= RACE_LIVES) {
		add_to(&race->alive, -1);
		return 0;
	}
	race->life[name].outside = outside;
	return name;
}

static inline bool race_is_full(void)
{
	return look_at(&race->n) >= RACE_EVENTS - 8192 || look_at(&race->lives) >= RACE_LIVES - 1;
}

static inline void race_dismiss(uint32_t name)
{
	add_to(&race->alive, -1);
	__atomic_store_n(&race->life[name].seen, GONE, __ATOMIC_SEQ_CST);
}

/* Before a fork: false if there is no room. */
static inline bool racer_expects(void)
{
	me.child = race_admit(race->life[me.name].outside);
	if (!me.child) {
		nap_us(500);
		return false;
	}
	add_to(&race->forks, 1);
	race_note(REPLAY_FORK, me.name, me.child);
	return true;
}

static inline void racer_miscarries(void)
{
	race_note(REPLAY_FAIL, me.name, me.child);
	race_dismiss(me.child);
}

/* In a child that has memory of its own */
static inline void racer_begins(void)
{
	me.name = racer_name();
	me.pid = syscall(SYS_getpid);
	racer_blurred = false;
}

/* fork(2) as the kernel has it: glibc's may block signals. -1 also if there is no room */
static inline pid_t racer_fork_with(struct clone_args args)
{
	const bool deaf = race->deaf && !me.deaf;
	pid_t pid;

	if (!racer_expects())
		return -1;
	args.exit_signal = args.flags & CLONE_PARENT ? 0 : SIGCHLD;
	if (deaf) {
		me.deaf = true;
		block_all(true);
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (!pid) {
		racer_begins();
		me.deaf = false;
		block_all(false);
	} else if (deaf) {
		me.deaf = false;
		block_all(false);
	}
	if (pid < 0)
		racer_miscarries();
	return pid;
}

static inline pid_t racer_fork(unsigned long flags)
{
	return racer_fork_with((struct clone_args) { .flags = flags });
}

/* Signals that come from now on may find nobody any more. */
static inline void racer_takes_leave(void)
{
	struct replay_event e = { .kind = REPLAY_EXIT, .who = racer_name() };

	e.since = look_at(&race->n);
	syscall(SYS_getppid);
	me.leaving = true;
	race_append(e);
	race_dismiss(e.who);
}

static inline void racer_leaves(void)
{
	racer_takes_leave();
	_exit(0);
}

/* The same process in a new image. Its handlers are gone until it has settled. */
static inline void racer_execs(const char *life)
{
	char name[16], memory[16];
	char *argv[] = { "racer", (char *)life, name, memory, NULL }, *envp[] = { NULL };

	snprintf(name, sizeof(name), "%u", racer_name());
	snprintf(memory, sizeof(memory), "%u", racer_memory);
	execve("/proc/self/exe", argv, envp);
	_exit(127);
}

#endif /* JOBTRACK_TEST_RACERS_H */
