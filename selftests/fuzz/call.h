/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One call of a program, in one of its threads.
 */
#ifndef JOBTRACK_FUZZ_CALL_H
#define JOBTRACK_FUZZ_CALL_H

#include "program.h"

#include <sys/resource.h>

#define AREA	(5 * 4096)	/* of which the last page is never there */
#define FORKS	6		/* of all the program's processes together */

/**
 * struct outcome - what came of a program; shared with its processes
 * @forks: how many there were
 * @ready: threads that are about to begin
 * @bad: somebody has written @text: what must not be
 * @result: of each call, in the first process: 0 not made, 1 good, 1 + errno
 */
struct outcome {
	uint32_t forks;
	struct gate ready;
	uint32_t bad;
	char text[256];
	uint8_t result[NR_THREADS][NR_CALLS];
};

/* A place for an fd: whoever closes or replaces it does so under everybody's hands. */
struct slot {
	int fd;
	uint8_t kind;
	uint64_t id;		/* of the job that was put there last */
};

/**
 * struct actor - a thread of a program, or a process that it has forked
 * @index: which thread
 * @alone: nobody else uses this process's slots
 * @child: what it forked last
 * @fail: its file fail-nth, -1 if there is none
 * @area: where its structs are
 * @racy: likewise, where a racer takes them away
 * @readonly: likewise, a page to be protected
 */
struct actor {
	int index;
	bool alone, forked, failing;
	pid_t child;
	int fail;
	char *area, *racy, *readonly;
};

static struct slot slots[NR_SLOTS];
static struct outcome *outcome;
static pid_t main_pid;

static inline pid_t pid_of(const struct actor *actor, unsigned int which)
{
	switch (which) {
	case SELF:
		return getpid();
	case CHILD:
		return actor->child ?: INT32_MAX;
	case MAIN:
		return main_pid;
	case NOBODY:
		return INT32_MAX;
	case INIT:
		return 1;
	case KTHREAD:
		return 2;
	case MINUS:
		return -1;
	}
	return 0;
}

static inline uint64_t resolve(const struct actor *actor, const struct value *v)
{
	struct jobtrack_which which;

	switch (v->kind) {
	case ID:
		return slots[v->n].id;
	case PID:
		return pid_of(actor, v->n);
	case TIME:
		return jt_which(pid_of(actor, v->n), &which) < 0 ? 0 : which.start_time;
	}
	return v->n;
}

/* The struct, or the arguments of another call */
static inline void fill(const struct actor *actor, const struct call *c, void *to)
{
	for (int i = 0; i < c->n_sets; i++) {
		const struct field *field = &ops[c->op].fields[c->set[i].field];
		uint64_t n;

		if (c->set[i].kind == LABEL) {
			strncpy((char *)to + field->offset, labels[c->set[i].n].text, field->size);
			continue;
		}
		n = resolve(actor, &c->set[i]);
		memcpy((char *)to + field->offset, &n, field->size < 8 ? field->size : 8);
	}
}

/* Where @size bytes go, of which the first are @known of @from */
static inline void *put(struct actor *actor, const struct call *c, const void *from, size_t known,
			size_t size)
{
	char *end = actor->area + AREA - 4096, *at = end - size;

	switch (c->place) {
	case NULL_POINTER:
		return NULL;
	case KERNEL:
		return (void *)0xffff888000000000;
	case CUT:
		at = end - size + (size < 8 ? size : 8);
		break;
	case READONLY:
		at = actor->readonly;
		mprotect(at, AREA - 4096, PROT_READ | PROT_WRITE);
		break;
	case RACY:
		at = actor->racy;
		mprotect(at, AREA - 4096, PROT_READ | PROT_WRITE);
		break;
	}
	if (known > size)
		known = size;
	if (c->place == CUT)
		known = known < size - 8 ? known : size < 8 ? 0 : size - 8;
	if (c->place == RACY) {	/* not by memcpy(): it may be away again */
		struct iovec local = { (void *)from, known }, remote = { at, known };

		syscall(SYS_process_vm_writev, getpid(), &local, 1, &remote, 1, 0);
		return at;
	}
	memset(at, 0, c->place == CUT ? (size < 8 ? 0 : size - 8) : size);
	memcpy(at, from, known);
	if (c->place == TAIL && size > known)
		at[size - 1] = 1;
	if (c->place == READONLY)
		mprotect(at, AREA - 4096, PROT_READ);
	return at;
}

static inline size_t size_of(const struct call *c)
{
	size_t size = _IOC_SIZE(ops[c->op].cmd);

	if (c->size)
		return c->size;
	return c->place == LONGER || c->place == TAIL ? size + 40 : size;
}

/* @arg: the struct as it was after the call, where one can tell; else NULL */
static inline long call_ioctl(struct actor *actor, const struct call *c, void **arg)
{
	static __thread char was[4096];
	const struct op *op = &ops[c->op];
	size_t known = _IOC_SIZE(op->cmd), size = size_of(c);
	unsigned int cmd = (op->cmd & ~(_IOC_SIZEMASK << _IOC_SIZESHIFT)) | size << _IOC_SIZESHIFT;
	void *at;

	memset(was, 0, sizeof(was));
	fill(actor, c, was);
	at = put(actor, c, was, known, size);
	if (c->place == GOOD && !c->size)
		*arg = at;
	return ioctl(slots[c->fd].fd, cmd, at);
}

static inline long call_fork(struct actor *actor, uint64_t flags)
{
	long pid;

	if (__atomic_add_fetch(&outcome->forks, 1, __ATOMIC_RELAXED) > FORKS)
		return 0;
	pid = syscall(SYS_clone, (flags & (CLONE_PARENT | CLONE_NEWPID)) | SIGCHLD, 0, 0, 0, 0);
	if (pid > 0)
		actor->child = pid;
	if (pid == 0) {
		actor->forked = true;
		actor->child = 0;
		actor->fail = -1;
	}
	return pid;
}

static inline long call_wait(pid_t child)
{
	long ret = waitpid(child ?: INT32_MAX, NULL, WNOHANG);

	for (int i = 0; i < 5 && ret == 0; i++) {
		nap_us(2000);
		ret = waitpid(child, NULL, WNOHANG);
	}
	return ret;
}

static inline long call_proc(void)
{
	int fd = open("/proc/jobtrack", O_RDONLY | O_CLOEXEC);
	char buf[512];
	long n;

	if (fd < 0)
		return fd;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		;
	close(fd);
	return n;
}

static inline void set_failure(struct actor *actor, uint64_t nth)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", (unsigned int)nth & 0xff);

	actor->failing = actor->fail >= 0 && write(actor->fail, text, n) == n && nth;
}

static inline long call_set_mask(uint64_t sig)
{
	uint64_t mask = sig > 0 && sig < 65 ? 1ULL << (sig - 1) : 0;

	return syscall(SYS_rt_sigprocmask, SIG_BLOCK, &mask, NULL, sizeof(mask));
}

static inline long call_other(struct actor *actor, const struct call *c)
{
	static char *const nap[] = { "jt-nap", NULL }, *const no_env[] = { NULL };
	struct rlimit few = { 3, 1024 };
	struct slot *slot = &slots[c->fd];
	struct pollfd poll_fd = { .fd = slot->fd, .events = POLLIN | POLLOUT };
	uint64_t args[4] = { 0 };
	void *at;

	fill(actor, c, args);
	switch (ops[c->op].call) {
	case OPEN_DEVICE:
		return open(JOBTRACK_DEVICE, O_RDWR | O_CLOEXEC);
	case CLOSE:
		return slot->fd > 2 ? syscall(SYS_close, slot->fd) : 0;
	case DUP:
		slots[c->to].id = slot->id;
		return fcntl(slot->fd, F_DUPFD_CLOEXEC, 3);
	case READ:
	case WRITE:
		if (args[0] > AREA - 4096)
			args[0] = AREA - 4096;
		at = put(actor, c, "", 0, args[0]);
		if (ops[c->op].call == WRITE)
			return write(slot->fd, at, args[0]);
		return args[1] ? pread(slot->fd, at, args[0], args[1]) :
				 read(slot->fd, at, args[0]);
	case SEEK:
		/* where it gets is a position, and may be beyond what an fd's number can be */
		return lseek(slot->fd, args[0], args[1]) == -1 ? -1 : 0;
	case POLL:
		return poll(&poll_fd, 1, args[0] > 20 ? 20 : args[0]);
	case MAP:
		at = mmap(NULL, 4096, args[0] & 7, MAP_SHARED, slot->fd, 0);
		return at == MAP_FAILED ? -1 : munmap(at, 4096);
	case FORK:
		return call_fork(actor, args[0]);
	case EXEC:
		return execve("/proc/self/exe", nap, no_env);
	case EXIT:
		if (actor->forked)
			_exit(0);
		return 0;
	case DIE:
		_exit(7);
	case WAIT:
		return call_wait(actor->child);
	case NAP:
		nap_us(args[0] > 3000 ? 3000 : args[0]);
		return 0;
	case IGNORE:
		return signal(args[0], SIG_IGN) == SIG_ERR ? -1 : 0;
	case BLOCK:
		return call_set_mask(args[0]);
	case FAIL:
		set_failure(actor, args[0]);
		return 0;
	case FEW_FILES:
		setrlimit(RLIMIT_NOFILE, &few);
		return 0;
	case PROC:
		return call_proc();
	case BECOME:
		return syscall(SYS_setresuid, args[0], args[0], args[0]);
	}
	return 0;
}

#endif /* JOBTRACK_FUZZ_CALL_H */
