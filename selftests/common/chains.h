/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Chains: processes that each fork a successor and exit, as fast as they can, and
 * write down when. From what they wrote one can tell for any instant who was
 * certainly there and who certainly was not; and that of each chain somebody was.
 */
#ifndef JOBTRACK_TEST_CHAINS_H
#define JOBTRACK_TEST_CHAINS_H

#include "proc.h"

#define CHAINS		48
#define SLEEPERS	600		/* more than one batch of the module's list */
#define RECORDS		(1 << 17)
#define MAX_PID		(1 << 22)
#define PID_MAX_FILE	"/proc/sys/kernel/pid_max"
#define NO_CHAIN	CHAINS		/* the chain of a sleeper */

/* One process. All times are CLOCK_BOOTTIME, 0 if it has not happened. */
struct record {
	pid_t pid;
	uint32_t chain;
	uint64_t fork_begins;		/* it was not there before */
	uint64_t first_act;		/* its own, or of its parent after the fork */
	uint64_t joined;		/* not born into the job: a member from then on */
	uint64_t exit_begins;		/* it was there until then */
	uint64_t reaped;		/* it was not there any more from then on */
	uint32_t older;			/* the record before of this PID, by link_records() */
};

struct history {
	uint32_t n;			/* record 0 is nobody's */
	struct gate started;		/* chains */
	bool stop;
	struct record record[RECORDS];
	uint32_t latest[MAX_PID];	/* by PID */
};

static inline struct record *new_record(struct history *h, uint32_t chain)
{
	uint32_t i = __atomic_add_fetch(&h->n, 1, __ATOMIC_SEQ_CST);

	if (i >= RECORDS || __atomic_load_n(&h->stop, __ATOMIC_RELAXED))
		return NULL;
	h->record[i].chain = chain;
	h->record[i].fork_begins = now_ns();
	return &h->record[i];
}

/* Parent and child both note the birth; the first counts. */
static inline void note_birth(struct record *r, pid_t pid)
{
	uint64_t none = 0;

	__atomic_compare_exchange_n(&r->first_act, &none, now_ns(), false, __ATOMIC_SEQ_CST,
				    __ATOMIC_SEQ_CST);
	r->pid = pid;
}

/* Fork and note it: the child's record in the child, NULL in the parent or on failure */
static inline struct record *noted_fork(struct history *h, uint32_t chain, pid_t *pid)
{
	struct record *r = new_record(h, chain);

	*pid = -1;
	if (!r)
		return NULL;
	*pid = fork();
	if (*pid > 0)
		note_birth(r, *pid);
	if (*pid)
		return NULL;
	note_birth(r, getpid());
	/* only the child, or it might be gone by now, and its PID another's */
	__atomic_store_n(&h->latest[r->pid], r - h->record, __ATOMIC_SEQ_CST);
	return r;
}

static inline void run_chain(struct history *h, struct record *r)
{
	struct record *next;
	pid_t pid, parent;

	for (;;) {
		parent = getpid();
		next = noted_fork(h, r->chain, &pid);
		if (next) {
			r = next;
			/* or those that are on their way out pile up */
			while (getppid() == parent)
				nap_us(100);
			continue;
		}
		if (pid < 0 && !__atomic_load_n(&h->stop, __ATOMIC_RELAXED))
			continue;	/* out of PIDs for a moment: the chain must not break */
		r->exit_begins = now_ns();
		_exit(0);
	}
}

/* Start a chain with a process that enters @job, and forget about it. */
static inline void start_chain(struct history *h, uint32_t chain, int job)
{
	pid_t pid;
	struct record *r = noted_fork(h, chain, &pid);

	if (!r)
		return;
	r->joined = UINT64_MAX;
	CHECK_EQ(0, jt_enter(job));
	r->joined = now_ns();
	gate_add(&h->started, 1);
	CHECK_EQ(0, become_user(OWNER));
	CHECK(nice(10) == 10);		/* who looks at them shall get to it */
	run_chain(h, r);
}

static inline void start_sleepers(struct history *h, int n)
{
	pid_t pid;

	for (int i = 0; i < n; i++)
		if (noted_fork(h, NO_CHAIN, &pid))
			lone_sleeper(NULL);
}

/*
 * Wait for whoever exits, and note it. Looks before it reaps: after that the PID
 * may be another's.
 */
static inline void reap_and_note(struct history *h)
{
	siginfo_t info;
	uint32_t i;

	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) || !info.si_pid)
			return;
		i = __atomic_load_n(&h->latest[info.si_pid], __ATOMIC_SEQ_CST);
		waitid(P_PID, info.si_pid, &info, WEXITED);
		if (i && h->record[i].pid == info.si_pid && !h->record[i].reaped)
			h->record[i].reaped = now_ns();
	}
}

/* Once all is over: for each PID its records, the latest first */
static inline void link_records(struct history *h)
{
	if (h->n >= RECORDS)
		h->n = RECORDS - 1;
	memset(h->latest, 0, sizeof(h->latest));
	for (uint32_t i = 1; i <= h->n; i++) {
		struct record *r = &h->record[i];

		if (!r->pid)
			continue;	/* the fork failed, or never ran */
		/* a late child may just have put itself there: no loops */
		r->older = h->latest[r->pid] < i ? h->latest[r->pid] : 0;
		h->latest[r->pid] = i;
	}
}

/* Small, so that PIDs are used again and again; the old value or -errno */
static inline int set_pid_max(int value)
{
	char buf[32];
	int old, ret = read_file(PID_MAX_FILE, buf, sizeof(buf));

	if (ret < 0)
		return ret;
	old = atoi(buf);
	snprintf(buf, sizeof(buf), "%d", value);
	ret = write_file(PID_MAX_FILE, buf);
	return ret < 0 ? ret : old;
}

#endif /* JOBTRACK_TEST_CHAINS_H */
