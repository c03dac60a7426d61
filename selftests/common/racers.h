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
#include <pthread.h>

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

/* ------------------------------------------------------------------ the log */

static inline uint32_t race_write(struct replay_event e)
{
	uint32_t at;

	e.since = look_at(&race->n);
	syscall(SYS_getppid);
	at = add_to(&race->n, 1);
	CHECK(at < RACE_EVENTS);
	race->event[at] = e;
	return at;
}

static inline uint32_t race_note(enum replay_kind kind, uint32_t who, uint32_t other)
{
	return race_write((struct replay_event) { .kind = kind, .who = who, .other = other });
}

/* The writer's name; a newborn's first act is to say that it was born. */
static inline uint32_t racer_name(void)
{
	pid_t pid = syscall(SYS_getpid);

	if (pid == me.pid)
		return me.name;
	if (me.introduced != me.child) {
		me.introduced = me.child;
		race_write((struct replay_event) {
			.kind = REPLAY_BORN, .who = me.child, .other = me.name, .pid = pid,
			.deaf = me.deaf,
			.memory = racer_blurred ? REPLAY_BLURRED : racer_memory,
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
	uint32_t name = racer_name(), since = look_at(&race->n), at;

	syscall(SYS_getppid);
	me.leaving = true;
	at = add_to(&race->n, 1);
	CHECK(at < RACE_EVENTS);
	race->event[at] = (struct replay_event) {
		.kind = REPLAY_EXIT, .who = name, .since = since,
	};
	race_dismiss(name);
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

/* ---------------------------------------------------------------- ways to live */

static inline void racer_short_life(void)
{
	racer_checks_in();
	racer_fork(0);
	racer_leaves();
}

/* Each forks a successor and exits. */
static inline void runner(void)
{
	while (!race->stop) {
		racer_checks_in();
		if (racer_fork(0) > 0)
			break;
	}
	racer_leaves();
}

/* Short-lived children, siblings and children that are waited for */
static inline void breeder(void)
{
	static const unsigned long ways[] = { 0, CLONE_PARENT, CLONE_VFORK, 0 };

	for (int turn = 0; !race->stop; turn++) {
		racer_checks_in();
		if (!racer_fork(ways[turn % 4]))
			racer_short_life();
	}
	racer_leaves();
}

/* vfork(2): the child has the parent's memory, and uses it until it execs or exits. */
static inline void vforker(void)
{
	for (int turn = 0; !race->stop; turn++) {
		pid_t pid;

		racer_checks_in();
		if (!racer_expects())
			continue;
		if (race->deaf) {
			me.deaf = true;
			block_all(true);
		}
		pid = vfork();
		if (!pid) {
			/* "me" is the parent's, and stays as it is */
			if (turn % 2) {
				block_all(true);
				racer_execs("short");
			}
			block_all(false);
			race_note(REPLAY_EXIT, racer_name(), 0);
			race_dismiss(me.child);
			_exit(0);
		}
		me.deaf = false;
		block_all(false);
		if (pid < 0)
			racer_miscarries();
	}
	racer_leaves();
}

static inline void *nothing(void *arg)
{
	return arg;
}

static inline void *swarm_thread(void *arg)
{
	pthread_t thread;

	me = *(struct racer *)arg;
	while (!race->stop) {
		if (!racer_fork(0))
			racer_short_life();
		if (!pthread_create(&thread, NULL, nothing, NULL))
			pthread_join(thread, NULL);
	}
	return arg;
}

/*
 * Threads that make threads and forks, several at a time. One thread has the
 * signals, or else nobody could tell whose child had what in its memory.
 */
static inline void swarm(void)
{
	pthread_t thread[3];

	racer_blurred = true;
	me.deaf = true;
	if (race->handled[0])
		block_all(true);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, swarm_thread, &me));
	block_all(false);
	while (!race->stop) {
		racer_checks_in();
		nap_us(1000);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	racer_leaves();
}

static inline void *exec_thread(void *arg)
{
	me = *(struct racer *)arg;
	racer_execs("execer");
	return arg;
}

/* Each image forks one child, and both exec: from a thread that is not the first */
static inline void execer(void)
{
	static struct racer parent;
	pthread_t thread;

	racer_checks_in();
	if (race->stop)
		racer_leaves();
	if (!racer_fork(0) && look_at(&race->alive) > race->room / 2)
		racer_leaves();
	block_all(true);
	parent = me;
	CHECK_EQ(0, pthread_create(&thread, NULL, exec_thread, &parent));
	sleeper(NULL);
}

/* A thread whose stack is no burden for those who fork later, and who shares "me" */
static inline void bare_thread(int (*fn)(void *), char *stack, size_t size)
{
	const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			  CLONE_SYSVSEM;

	CHECK(clone(fn, stack + size, flags, NULL) > 0);
}

static int headless_lives;
static uint32_t headless_tid;		/* 0 as soon as the first thread has gone */

static inline void headless(void);

static __attribute__((noreturn)) int headless_thread(void *arg)
{
	(void)arg;
	while (look_at(&headless_tid))
		sched_yield();
	block_all(false);
	for (;;) {
		racer_checks_in();
		if (race->stop)
			racer_leaves();
		switch (racer_fork(0)) {
		case 0:
			headless();
			break;
		case -1:
			continue;
		}
		racer_leaves();
	}
}

/* The first thread exits, and another one forks a successor: seen from outside, a zombie */
static inline void headless(void)
{
	static char stack[2][32 << 10] __attribute__((aligned(64)));

	block_all(true);
	headless_tid = 1;
	syscall(SYS_set_tid_address, &headless_tid);
	bare_thread(headless_thread, stack[headless_lives++ % 2], sizeof(stack[0]));
	for (;;)
		syscall(SYS_exit, 0);
}

static __attribute__((noreturn)) int exits_at_once(void *arg)
{
	for (;;)
		syscall(SYS_exit, arg);
}

/* Children by the handful, of three threads that all exit at the same time */
static inline void burst(void)
{
	static char stack[2][8 << 10] __attribute__((aligned(64)));

	while (!race->stop) {
		racer_checks_in();
		for (int i = 0; i < 4; i++) {
			if (racer_fork(0))
				continue;
			racer_takes_leave();
			block_all(true);
			bare_thread(exits_at_once, stack[0], sizeof(stack[0]));
			bare_thread(exits_at_once, stack[1], sizeof(stack[1]));
			exits_at_once(NULL);
		}
		nap_us(1000);
	}
	racer_leaves();
}

/*
 * Each fork of this one, which is root's, is held in flight until the tester lets
 * it go: see held.h. The child's memory was copied before.
 */
static inline void holder(void)
{
	const uint32_t i = add_to(&race->holders, 1) % RACE_HELD;
	const size_t size = getpagesize();
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	struct clone_args args = { .flags = CLONE_PIDFD, .pidfd = (uintptr_t)page };

	uint32_t holds = 0;

	CHECK(fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0);
	reg.range = (struct uffdio_range) { (uintptr_t)page, size };
	CHECK(ioctl(fd, UFFDIO_REGISTER, &reg) == 0);
	race->held[i].userfault = fd;
	race->held[i].page = reg.range;
	race->held[i].pid = getpid();
	add_to(&race->held[i].ready, 1);

	while (!race->stop) {
		pid_t pid;

		racer_checks_in();
		if (holds == look_at(&race->holds)) {
			nap_us(1000);
			continue;
		}
		pid = racer_fork_with(args);
		if (!pid)
			racer_short_life();
		if (pid > 0) {
			close(*(int *)page);
			CHECK(madvise(page, size, MADV_DONTNEED) == 0);
			holds++;
		}
	}
	racer_leaves();
}

static const struct way {
	const char *name;
	void (*live)(void);
	bool root;
} ways[] = {
	{ .name = "short", .live = racer_short_life },
	{ .name = "runner", .live = runner },
	{ .name = "breeder", .live = breeder },
	{ .name = "vforker", .live = vforker },
	{ .name = "swarm", .live = swarm },
	{ .name = "execer", .live = execer },
	{ .name = "headless", .live = headless },
	{ .name = "burst", .live = burst },
	{ .name = "holder", .live = holder, .root = true },
};

static inline const struct way *find_way(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		if (!strcmp(ways[i].name, name))
			return &ways[i];
	return NULL;
}

/* ------------------------------------------------------------------- the start */

static inline void race_map(void)
{
	race = mmap(NULL, sizeof(*race), PROT_READ | PROT_WRITE, MAP_SHARED, RACE_FD, 0);
	CHECK(race != MAP_FAILED);
}

/* An exec'ed process gets here before main(). */
static void __attribute__((constructor)) racer_exec_main(int argc, char **argv)
{
	if (argc != 4 || strcmp(argv[0], "racer"))
		return;
	race_map();
	me.name = atoi(argv[2]);
	me.pid = getpid();
	racer_memory = atoi(argv[3]);
	racer_settle();
	find_way(argv[1])->live();
	_exit(126);
}

/* Who comes to a race */
struct racers {
	const char *way;
	unsigned int n;
	bool outside;
};

/* For keeper() */
static inline int racers_come(void *arg)
{
	const struct racers *racers = arg;

	me.pid = getpid();
	/* those who came before may fill the room for a moment */
	while (!(me.name = race_admit(racers->outside)))
		nap_us(500);
	if (!racers->outside)
		race_note(REPLAY_JOIN, me.name, 0);
	racer_settle();
	for (unsigned int i = 0; i < racers->n;) {
		pid_t pid = racer_fork(0);

		if (!pid)
			find_way(racers->way)->live();
		i += pid > 0;
		racer_checks_in();
	}
	add_to(&race->crowds, 1);
	racer_leaves();
	return 0;
}

#endif /* JOBTRACK_TEST_RACERS_H */
