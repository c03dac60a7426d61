/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ways in which racers live: see racers.h.
 */
#ifndef JOBTRACK_TEST_LIVES_H
#define JOBTRACK_TEST_LIVES_H

#include "racers.h"

#include <pthread.h>

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
			racer_name();
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

#endif /* JOBTRACK_TEST_LIVES_H */
