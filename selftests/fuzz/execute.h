/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Runs a program: its process with its threads, contained and cleared away, and
 * what must hold after each call and each program.
 *
 * What is signalled are a program's own processes. They are in a process group of
 * their own and children of whoever runs them, at last, and are all killed when the
 * first one has ended or stopped.
 */
#ifndef JOBTRACK_FUZZ_EXECUTE_H
#define JOBTRACK_FUZZ_EXECUTE_H

#include "call.h"

#include <pthread.h>

#define TIME_MS	(1500 * how_slow())	/* for a program; most end at once */

/* Called by each thread of a program, first of all */
static void (*thread_begins)(int index);

static struct actor actors[NR_THREADS];
static const struct program *running;
static uint32_t threads_left;

static inline void __attribute__((format(printf, 1, 2))) bad(const char *fmt, ...)
{
	va_list args;

	if (__atomic_exchange_n(&outcome->bad, 1, __ATOMIC_SEQ_CST))
		return;
	va_start(args, fmt);
	vsnprintf(outcome->text, sizeof(outcome->text), fmt, args);
	va_end(args);
}

/* ---------------------------------------------------------- after each call */

#define HOLDS(cond) do { if (!(cond)) bad("%s: not so: %s", op->name, #cond); } while (0)

static inline void check_output(const struct actor *actor, const struct op *op,
				const void *arg, long ret)
{
	const struct jobtrack_create *create = arg;
	const struct jobtrack_snapshot *snapshot = arg;
	const struct jobtrack_list *list = arg;
	const struct jobtrack_job *job = arg;
	const struct jobtrack_signal *sent = arg;
	const struct jobtrack_account *account = arg;
	uint64_t ends = 0;

	switch (op->cmd) {
	case JOBTRACK_IOC_CREATE:
		HOLDS(create->id && create->id < 1ULL << 53);
		break;
	case JOBTRACK_IOC_SNAPSHOT:
		HOLDS(snapshot->row_size == sizeof(struct jobtrack_row));
		HOLDS(snapshot->time && snapshot->time <= now_ns());
		break;
	case JOBTRACK_IOC_LIST:
		HOLDS(list->row_size == sizeof(struct jobtrack_job));
		break;
	case JOBTRACK_IOC_STATE:
		HOLDS(job->depth >= 1 && job->depth <= JOBTRACK_MAX_DEPTH);
		HOLDS(job->procs <= job->tree_procs && job->leaving <= job->tree_leaving);
		HOLDS((job->state == JOBTRACK_EMPTY || job->state == JOBTRACK_KILLED) ==
		      (job->tree_procs + job->tree_leaving == 0));
		break;
	case JOBTRACK_IOC_SIGNAL:
		HOLDS(sent->ignored <= sent->signalled && sent->pending <= sent->signalled &&
		      sent->info_lost <= sent->signalled);
		HOLDS(sent->sig != SIGKILL || !(sent->ignored | sent->pending | sent->info_lost));
		break;
	case JOBTRACK_IOC_ACCOUNT:
		for (int i = 0; i < 256; i++)
			ends += account->exited[i] + (i < 64 ? account->signaled[i] : 0);
		HOLDS(ends == account->gone);
		/* Who has left the job itself for one below it is in that one's account. */
		HOLDS(account->flags != JOBTRACK_ACCOUNT_TREE ||
		      account->births + account->joined ==
		      account->living + account->leaving + account->gone);
		break;
	}
	if (op->gives && actor->alone)
		HOLDS(fcntl(ret, F_GETFD) == FD_CLOEXEC);
}

static inline void check_call(const struct actor *actor, const struct call *c, const void *arg,
			      long ret, int err)
{
	const struct op *op = &ops[c->op];
	bool other = !actor->alone || slots[c->fd].kind != op->on;

	if (ret >= 0) {
		if (arg)
			check_output(actor, op, arg, ret);
		if (op->call == IOCTL && op->on == ANY)
			bad("%s: is no command, and succeeds", op->name);
		return;
	}
	/* ENOTTY is right where the fd is of another kind, or may have become it. */
	if (op->call == IOCTL && (err == EBADF || (err == ENOTTY && other)))
		return;
	if (!may_fail_with(op, err))
		bad("%s: undocumented error: %s", op->name, strerrorname_np(err));
}

/* An fd's number is free, or is another's now: what has it is of no known kind. */
static inline void forget(int fd)
{
	for (int i = 0; i < NR_SLOTS; i++)
		if (slots[i].fd == fd)
			slots[i].kind = NO_FD;
}

/* False at the thread's end */
static inline bool run_call(struct actor *actor, const struct call *c, uint8_t *result)
{
	const struct op *op = &ops[c->op];
	bool failing = actor->failing;
	void *arg = NULL;
	int err;
	long ret;

	ret = op->call == IOCTL ? call_ioctl(actor, c, &arg) : call_other(actor, c);
	err = errno;
	if (failing)
		set_failure(actor, 0);
	check_call(actor, c, arg, ret, err);
	if (!actor->forked && !*result)
		*result = ret < 0 ? 1 + err : 1;
	if (op->call == FORK && ret >= 0)
		actor->alone = actor->alone && actor->forked;
	if (op->gives && ret >= 0) {
		struct slot *slot = &slots[c->to];
		uint8_t kind = op->gives == ANY ? slots[c->fd].kind : op->gives;

		forget(ret);
		slot->fd = ret;
		slot->kind = kind;
		if (op->cmd == JOBTRACK_IOC_CREATE && arg)
			slot->id = ((struct jobtrack_create *)arg)->id;
		if (op->cmd == JOBTRACK_IOC_OPEN && arg)
			slot->id = ((struct jobtrack_open *)arg)->id;
	}
	if (op->call == CLOSE && ret == 0)
		forget(slots[c->fd].fd);
	return op->call != EXIT;
}

/* -------------------------------------------------------------- the process */

static inline char *area(void)
{
	char *p = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p + AREA - 4096, 4096, PROT_NONE))
		_exit(1);
	return p;
}

static inline void *run_thread(void *arg)
{
	struct actor *actor = arg;
	const struct thread *t = &running->threads[actor->index];
	uid_t uid = uids[t->user];
	int fail;

	if (thread_begins)
		thread_begins(actor->index);
	actor->area = area();
	actor->readonly = area();
	fail = open("/proc/thread-self/fail-nth", O_WRONLY | O_CLOEXEC);
	actor->fail = fcntl(fail, F_DUPFD_CLOEXEC, 200 + actor->index);
	close(fail);
	/* The thread alone; who is root of a user namespace has no other user there. */
	if (uid) {
		syscall(SYS_setgroups, 0, NULL);
		syscall(SYS_setresgid, uid, uid, uid);
		syscall(SYS_setresuid, uid, uid, uid);
	}
	gate_add(&outcome->ready, 1);
	gate_wait(&outcome->ready, running->n_threads);
	for (int i = 0; i < t->n_calls; i++)
		if (!run_call(actor, &t->calls[i], &outcome->result[actor->index][i]))
			break;
	if (actor->forked)
		_exit(0);
	__atomic_sub_fetch(&threads_left, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Take the racy structs away, give them back, and change their first eight bytes. */
static inline void *race(void *arg)
{
	static const int prot[] = { PROT_READ, PROT_NONE, PROT_READ | PROT_WRITE };
	uint64_t zero = 0;

	(void)arg;
	for (unsigned int i = 0; __atomic_load_n(&threads_left, __ATOMIC_SEQ_CST); i++) {
		char *at = actors[i % running->n_threads].racy;
		struct iovec local = { &zero, 8 }, remote = { at, 8 };

		mprotect(at, AREA - 4096, prot[i / 4 % 3]);
		if (i % 5 == 0)
			syscall(SYS_process_vm_writev, getpid(), &local, 1, &remote, 1, 0);
		if (i % 7 == 0)
			madvise(at, AREA - 4096, MADV_DONTNEED);
		sched_yield();
	}
	return NULL;
}

static inline bool has_races(const struct program *p)
{
	for (int i = 0; i < p->n_threads; i++)
		for (int j = 0; j < p->threads[i].n_calls; j++)
			if (p->threads[i].calls[j].place == RACY)
				return true;
	return false;
}

static inline void __attribute__((noreturn)) run_process(void)
{
	pthread_t threads[NR_THREADS], racer;
	int i;

	main_pid = getpid();
	threads_left = running->n_threads;
	for (i = 0; i < NR_SLOTS; i++)
		slots[i] = (struct slot){ .fd = -1 };
	for (i = 0; i < running->n_threads; i++) {
		actors[i] = (struct actor){ .index = i, .racy = area(),
					    .alone = running->n_threads == 1 };
	}
	for (i = 0; i < running->n_threads; i++)
		CHECK(pthread_create(&threads[i], NULL, run_thread, &actors[i]) == 0);
	if (has_races(running))
		pthread_create(&racer, NULL, race, NULL);
	for (i = 0; i < running->n_threads; i++)
		pthread_join(threads[i], NULL);
	_exit(0);
}

static inline void __attribute__((noreturn)) begin_process(void)
{
	setpgid(0, 0);
	switch (running->mode) {
	case 1:
		if (become_user(OWNER) || enter_userns())
			bad("no user namespace: %s", strerror(errno));
		break;
	case 2:
		if (unshare(CLONE_NEWPID))
			bad("no PID namespace: %s", strerror(errno));
		if (fork()) {
			waitpid(-1, NULL, WUNTRACED);
			_exit(0);
		}
		break;
	}
	run_process();
}

/* Whoever execs gets here: long enough to be met, too short to be waited for. */
static void __attribute__((constructor)) nap_and_exit(int argc, char **argv)
{
	if (argc == 1 && !strcmp(argv[0], "jt-nap")) {
		nap_us(10000);
		_exit(0);
	}
}

static inline bool ended(pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, pid, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) || info.si_pid;
}

static inline bool all_reaped(pid_t group)
{
	pid_t pid;
	int status;

	kill(-group, SIGKILL);
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		/* Nobody is sent these. */
		if (WIFSIGNALED(status) &&
		    (WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGBUS))
			bad("a process ended by %s", strsignal(WTERMSIG(status)));
	return pid < 0 && errno == ECHILD;
}

/**
 * execute() - run a program
 * @p: the program
 * @out: shared; what came of it
 *
 * Return: false if a process of it cannot be killed.
 */
static inline bool execute(const struct program *p, struct outcome *out)
{
	uint64_t end = now_ns() + TIME_MS * NSEC_PER_MSEC;
	pid_t pid;

	memset(out, 0, sizeof(*out));
	outcome = out;
	running = p;
	pid = fork();
	if (pid < 0)
		return false;
	if (pid == 0)
		begin_process();
	setpgid(pid, pid);
	/* Its PID names the group as long as it is not reaped. */
	while (!ended(pid) && now_ns() < end)
		nap_us(500);
	return WAIT_UNTIL(all_reaped(pid));
}

/* ------------------------------------------------------- after each program */

static inline bool nothing_left(struct jobtrack_info *info)
{
	return jt_info(info) == 0 && !info->jobs && !info->members && !info->leaving;
}

static inline bool audit_is_clean(void)
{
	struct jobtrack_audit audit = { .flags = 0 };
	int fd = jt_device(JOBTRACK_IOC_AUDIT, &audit);

	if (fd < 0)
		return false;
	close(fd);
	return !audit.count && !audit.members && !audit.jobs;
}

static inline bool has_failures(const struct program *p)
{
	for (int i = 0; i < p->n_threads; i++)
		for (int j = 0; j < p->threads[i].n_calls; j++)
			if (ops[p->threads[i].calls[j].op].call == FAIL)
				return true;
	return false;
}

/**
 * invariants() - what must hold when all processes of a program are gone
 * @p: the program
 * @before: the counters before it; they are after it on return
 * @audit: look at the whole process table, too
 *
 * Return: what does not hold, or NULL.
 */
static inline const char *invariants(const struct program *p, struct jobtrack_info *before,
				     bool audit)
{
	struct jobtrack_info was = *before, *info = before;

	if (!WAIT_UNTIL(nothing_left(info)))
		return "jobs or members are left";
	if (info->births < was.births || info->joined < was.joined ||
	    info->jobs_created < was.jobs_created || info->signals < was.signals ||
	    info->signalled < was.signalled)
		return "a counter runs backwards";
	if (info->unseen != was.unseen)
		return "a newborn was not seen";
	if (info->lost != was.lost && !has_failures(p))
		return "a newborn was lost";
	if (audit && !audit_is_clean())
		return "the audit finds something";
	return NULL;
}

#endif /* JOBTRACK_FUZZ_EXECUTE_H */
