/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Forks held in flight, for as long as a test likes.
 *
 * Between its entry in the list of forks in flight and the child's appearance,
 * clone3(CLONE_PIDFD) writes to the caller's memory. If that page is missing and
 * a userfaultfd owns it, then the fork waits there until somebody provides it.
 * So nothing here depends on luck, as it does with forks at full speed.
 */
#ifndef JOBTRACK_TEST_HELD_H
#define JOBTRACK_TEST_HELD_H

#include "adversary.h"

#include <pthread.h>
#include <linux/sched.h>
#include <linux/userfaultfd.h>

#define HELD_MAX	8

static struct held {
	unsigned int forks;		/* how many, each by a thread of its own */
	struct gate waiting;		/* forks that are held */
	struct gate born;		/* children that have begun to run */
	struct gate failed;		/* forks that failed */
	int userfault;			/* the parent's fd for its missing pages ... */
	struct uffdio_range pages;	/* ... and where they are */
	struct held_process {
		pid_t pid;
		uint32_t signalled[65];	/* how often, by each signal */
	} parent, child[HELD_MAX];
} *held;

/* Private memory: a child's begins as a copy, made before the fork is held. */
static uint32_t held_count[65];

static inline void held_handler(int sig)
{
	add_to(&held_count[sig], 1);
}

/* Live, and tell whom. */
static inline void held_live(struct held_process *self)
{
	sigset_t all, before;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	for (;;) {
		memcpy(self->signalled, held_count, sizeof(held_count));
		sigsuspend(&before);
	}
}

static inline void *held_fork(void *arg)
{
	uintptr_t i = (uintptr_t)arg;
	struct clone_args args = {
		.flags = CLONE_PIDFD,
		.pidfd = held->pages.start + i * getpagesize(),
		.exit_signal = SIGCHLD,
	};
	pid_t pid = syscall(SYS_clone3, &args, sizeof(args));

	if (!pid) {
		/* What was pending has been handled on the way here. */
		held->child[i].pid = syscall(SYS_getpid);
		memcpy(held->child[i].signalled, held_count, sizeof(held_count));
		gate_add(&held->born, 1);
		held_live(&held->child[i]);
	}
	if (pid < 0)
		gate_add(&held->failed, 1);
	else
		held->child[i].pid = pid;
	return NULL;
}

/* For spawn(), as root: a process with forks in flight, one per thread. */
static inline int held_main(void *arg)
{
	size_t size = HELD_MAX * getpagesize();
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffd_msg msg;
	pthread_t thread;
	void *pages;

	(void)arg;
	pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(pages != MAP_FAILED);
	held->pages.start = (uintptr_t)pages;
	held->pages.len = size;
	reg.range = held->pages;
	held->userfault = syscall(SYS_userfaultfd, O_CLOEXEC);
	CHECK(held->userfault >= 0 && ioctl(held->userfault, UFFDIO_API, &api) == 0);
	CHECK(ioctl(held->userfault, UFFDIO_REGISTER, &reg) == 0);

	for (uintptr_t i = 0; i < held->forks; i++)
		CHECK_EQ(0, pthread_create(&thread, NULL, held_fork, (void *)i));
	for (unsigned int i = 0; i < held->forks; i++) {
		CHECK(read(held->userfault, &msg, sizeof(msg)) == sizeof(msg));
		CHECK(msg.event == UFFD_EVENT_PAGEFAULT);
		gate_add(&held->waiting, 1);
	}
	held_live(&held->parent);
	return 0;
}

/*
 * A member of @job with @forks forks in flight; @handled, which ends with 0, are
 * the signals that it and its children count. False if they do not get there.
 */
static inline bool held_start(int job, unsigned int forks, const int *handled)
{
	struct sigaction act = { .sa_handler = held_handler, .sa_flags = SA_RESTART };
	struct sigaction before[65];
	int i;

	held = shared(sizeof(*held));
	held->forks = forks;
	for (i = 0; handled[i]; i++)
		sigaction(handled[i], &act, &before[i]);
	held->parent.pid = spawn(job, 0, held_main, NULL);
	while (i--)
		sigaction(handled[i], &before[i], NULL);
	return held->parent.pid > 0 && gate_wait(&held->waiting, forks);
}

/* Let the forks go. */
static inline int held_release(void)
{
	struct uffdio_zeropage zero = { .range = held->pages };
	int pidfd = syscall(SYS_pidfd_open, held->parent.pid, 0);
	int fd = syscall(SYS_pidfd_getfd, pidfd, held->userfault, 0);
	int ret = fd < 0 || ioctl(fd, UFFDIO_ZEROPAGE, &zero) ? -errno : 0;

	close(fd);
	close(pidfd);
	return ret;
}

/* Let them go, and wait until the children have begun to run. */
static inline bool held_born(void)
{
	return held_release() == 0 && gate_wait(&held->born, held->forks);
}

#endif /* JOBTRACK_TEST_HELD_H */
