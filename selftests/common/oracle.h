/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The oracle: members that know for themselves whether an atomic signal reached
 * each of them once, children of forks in flight included.
 *
 * A handler counts in private memory, which fork copies. Shared memory says how
 * many operations of a signal have begun and how many are over. Then for every
 * process, at any time, done <= count <= started: a child born with the memory
 * of its parent's handler is not signalled again, one born without it is. To see
 * it, a process reads done, makes a system call (pending signals arrive on the
 * way out), reads its count, and then started.
 *
 * Inheriting the count is exact only where the thread that forks is the one that
 * takes signals: else a fork can copy the memory between the moment at which
 * another thread took the signal and its handler's first instruction. Children
 * of such processes (swarms, deaf) count anew and are owed what began after
 * their first instruction; what was over before the fork was called must not
 * reach them, and what lies between may reach them once.
 *
 * A standard signal that is still pending merges with the next, so an operation
 * is followed by a quiet point: every process that was there when it was over
 * has checked since, or is gone. Processes live in slots; a parent takes its
 * child's slot before it forks, so that a fork in flight is not forgotten.
 */
#ifndef JOBTRACK_TEST_ORACLE_H
#define JOBTRACK_TEST_ORACLE_H

#include "adversary.h"

#include <pthread.h>
#include <linux/sched.h>
#include <sys/resource.h>

#define ORACLE_SIGNALS	4
#define ORACLE_SLOTS	64

/* What kinds of members, and how many of each */
struct oracle_crowd {
	unsigned int breeders;	/* fork short-lived children, which fork once more */
	unsigned int runners;	/* fork a successor and exit */
	unsigned int swarms;	/* three threads that fork */
	unsigned int deaf;	/* block signals for a while, and fork then, too */
	unsigned int room;	/* processes at a time, all crowds together; 0: a few */
	unsigned int expect;	/* the signals that are for them, a bit each */
	bool no_vfork;		/* breeders wait for none of their children */
};

struct oracle_slot {
	uint32_t tenant;		/* even: free; each new one gets a new number */
	uint32_t expect;
	uint32_t beats;			/* checks made */
	uint32_t seen[ORACLE_SIGNALS];	/* operations that it has counted */
	uint32_t base[ORACLE_SIGNALS];	/* operations over before it was forked */
	pid_t pid;
};

static struct oracle {
	uint32_t started[ORACLE_SIGNALS];
	uint32_t done[ORACLE_SIGNALS];
	int sig[ORACLE_SIGNALS];
	int signals;

	uint32_t slots;
	uint32_t crowds;	/* that have come in full */
	pid_t group;		/* the last crowd's process group */
	bool slow;		/* the caller is nice to the others */

	uint32_t stop;
	uint32_t forks;
	uint32_t checks;
	uint32_t violations;
	struct {		/* the first of them */
		pid_t pid;
		const char *kind;
		int sig;
		uint32_t least, count, most;
	} violation;

	struct oracle_slot slot[ORACLE_SLOTS];
} *oracle;

/* A process's own; fork copies it. */
static struct oracle_self {
	const char *kind;
	struct oracle_slot *slot;
	uint32_t count[ORACLE_SIGNALS];
	uint32_t floor[ORACLE_SIGNALS];	/* operations begun before its first instruction */
	uint32_t base[ORACLE_SIGNALS];	/* operations over before it was forked */
	pid_t counts_for;		/* count anew in each process; 0: inherit */
	bool patient;			/* another thread may have the signal */
	bool no_vfork;
} me;

/* ------------------------------------------------------------------- the check */

static void oracle_handler(int sig)
{
	pid_t pid;

	if (me.counts_for) {
		pid = syscall(SYS_getpid);
		if (me.counts_for != pid) {
			memset(me.count, 0, sizeof(me.count));
			me.counts_for = pid;
		}
	}
	for (int i = 0; i < oracle->signals; i++)
		if (oracle->sig[i] == sig)
			add_to(&me.count[i], 1);
}

static inline void oracle_violation(int i, uint32_t least, uint32_t count, uint32_t most)
{
	if (add_to(&oracle->violations, 1))
		return;
	oracle->violation.kind = me.kind;
	oracle->violation.sig = oracle->sig[i];
	oracle->violation.least = least;
	oracle->violation.count = count;
	oracle->violation.most = most;
	oracle->violation.pid = syscall(SYS_getpid);
}

static inline void oracle_check(void)
{
	uint32_t done[ORACLE_SIGNALS], least, count, most;
	int i;

	for (i = 0; i < oracle->signals; i++)
		done[i] = look_at(&oracle->done[i]);
	syscall(SYS_getppid);

	for (i = 0; i < oracle->signals; i++) {
		if (!(me.slot->expect & 1 << i)) {
			if (look_at(&me.count[i]))
				oracle_violation(i, 0, me.count[i], 0);
			continue;
		}
		least = done[i] > me.floor[i] ? done[i] - me.floor[i] : 0;
		if (me.patient)
			WAIT_FOR_CROWD(look_at(&me.count[i]) >= least);
		count = look_at(&me.count[i]);
		most = look_at(&oracle->started[i]) - me.base[i];
		if (count < least || count > most)
			oracle_violation(i, least, count, most);
		__atomic_store_n(&me.slot->seen[i], done[i], __ATOMIC_SEQ_CST);
	}
	add_to(&me.slot->beats, 1);
	add_to(&oracle->checks, 1);
}

/* -------------------------------------------------------------- slots and forks */

static inline bool oracle_move_in(uint32_t *tenant)
{
	uint32_t nobody = look_at(tenant);

	return !(nobody & 1) &&
		__atomic_compare_exchange_n(tenant, &nobody, nobody + 1, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static inline struct oracle_slot *oracle_take_slot(uint32_t expect)
{
	static uint32_t next;

	for (uint32_t i = 0; i < oracle->slots; i++) {
		struct oracle_slot *slot = &oracle->slot[add_to(&next, 1) % oracle->slots];

		if (!oracle_move_in(&slot->tenant))
			continue;
		slot->beats = 0;
		slot->pid = 0;
		memset(slot->seen, 0, sizeof(slot->seen));
		for (int s = 0; s < oracle->signals; s++)
			slot->base[s] = look_at(&oracle->done[s]);
		__atomic_store_n(&slot->expect, expect, __ATOMIC_SEQ_CST);
		return slot;
	}
	return NULL;
}

static inline void oracle_free_slot(struct oracle_slot *slot)
{
	__atomic_store_n(&slot->expect, 0, __ATOMIC_SEQ_CST);
	add_to(&slot->tenant, 1);
}

static inline void oracle_leave(void)
{
	oracle_check();
	oracle_free_slot(me.slot);
	_exit(0);
}

/* fork(2) as the kernel has it: glibc's may block signals. -1 also where no slot is free */
static inline pid_t oracle_fork(unsigned long flags)
{
	struct oracle_slot *slot = oracle_take_slot(me.slot->expect);
	struct clone_args args = {
		.flags = flags,
		.exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
	};
	pid_t pid;

	if (!slot) {
		nap_us(500);
		return -1;
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (!pid) {
		me.slot = slot;
		slot->pid = syscall(SYS_getpid);
		if (me.counts_for) {
			/* a handler may have been here before */
			if (me.counts_for != slot->pid)
				memset(me.count, 0, sizeof(me.count));
			me.counts_for = slot->pid;
			for (int i = 0; i < oracle->signals; i++) {
				me.floor[i] = look_at(&oracle->started[i]);
				me.base[i] = slot->base[i];
			}
			me.patient = false;
		}
		add_to(&oracle->forks, 1);
	} else if (pid < 0) {
		oracle_free_slot(slot);
	}
	return pid;
}

/* ------------------------------------------------------------- kinds of members */

/* A child that has a child; each checks before, between and after. */
static inline void oracle_short_life(void)
{
	oracle_check();
	if (!oracle_fork(0)) {
		oracle_check();
		oracle_check();
		oracle_leave();
	}
	oracle_check();
	oracle_leave();
}

static inline void oracle_breeder(void)
{
	static const unsigned long ways[] = { 0, CLONE_VFORK, CLONE_PARENT, 0 };

	for (int turn = 0; !look_at(&oracle->stop); turn++) {
		oracle_check();
		if (!oracle_fork(ways[turn % 4] & (me.no_vfork ? ~CLONE_VFORK : ~0UL)))
			oracle_short_life();
	}
	oracle_leave();
}

static inline void oracle_runner(void)
{
	while (!look_at(&oracle->stop)) {
		oracle_check();
		if (oracle_fork(0) > 0)
			oracle_leave();
	}
	oracle_leave();
}

static inline void *oracle_swarm_thread(void *arg)
{
	while (!look_at(&oracle->stop))
		if (!oracle_fork(0))
			oracle_short_life();
	return arg;
}

/* Several forks of one process are in flight at a time. */
static inline void oracle_swarm(void)
{
	pthread_t thread[3];

	me.counts_for = getpid();
	me.patient = true;
	for (int i = 0; i < 3; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, oracle_swarm_thread, NULL));
	while (!look_at(&oracle->stop)) {
		oracle_check();
		nap_us(1000);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	oracle_leave();
}

/* Signals wait while it forks; parent and child each take their own then. */
static inline void oracle_deaf(void)
{
	sigset_t all, none;

	sigfillset(&all);
	sigemptyset(&none);
	me.counts_for = getpid();
	while (!look_at(&oracle->stop)) {
		sigprocmask(SIG_SETMASK, &all, NULL);
		if (!oracle_fork(0)) {
			sigprocmask(SIG_SETMASK, &none, NULL);
			oracle_short_life();
		}
		sigprocmask(SIG_SETMASK, &none, NULL);
		oracle_check();
	}
	oracle_leave();
}

static inline void oracle_recruit(const char *kind, void (*life)(void), unsigned int n)
{
	while (n) {
		pid_t pid = oracle_fork(0);

		if (!pid) {
			me.kind = kind;
			life();
		}
		n -= pid > 0;
	}
}

static inline int oracle_crowd_main(void *arg)
{
	const struct oracle_crowd *crowd = arg;
	struct sigaction act = { .sa_handler = oracle_handler, .sa_flags = SA_RESTART };

	for (int i = 0; i < oracle->signals; i++)
		CHECK(sigaction(oracle->sig[i], &act, NULL) == 0);
	CHECK(setpgid(0, 0) == 0);
	oracle->group = getpid();
	me.kind = "recruiter";
	oracle->slots = crowd->room ?: 20;
	me.no_vfork = crowd->no_vfork;
	/* an earlier crowd may have them all for a moment */
	while (!(me.slot = oracle_take_slot(crowd->expect)))
		nap_us(500);
	me.slot->pid = getpid();
	oracle_recruit("breeder", oracle_breeder, crowd->breeders);
	oracle_recruit("runner", oracle_runner, crowd->runners);
	oracle_recruit("swarm", oracle_swarm, crowd->swarms);
	oracle_recruit("deaf", oracle_deaf, crowd->deaf);
	add_to(&oracle->crowds, 1);
	oracle_leave();
	return 0;
}

/* ------------------------------------------------------------------- the tester */

/* Before the first crowd of a test; @signals ends with 0. */
static inline void oracle_prepare(const int *signals)
{
	oracle = shared(sizeof(*oracle));
	while (signals[oracle->signals]) {
		oracle->sig[oracle->signals] = signals[oracle->signals];
		oracle->signals++;
	}
}

/* Send a crowd into a job: its keeper, once they are all there, or -1 */
static inline pid_t oracle_gather(int job, uid_t uid, const struct oracle_crowd *crowd)
{
	uint32_t crowds = look_at(&oracle->crowds);
	pid_t pid = keeper(job, uid, oracle_crowd_main, (void *)crowd);

	if (pid < 0 || WAIT_FOR_CROWD(look_at(&oracle->crowds) > crowds))
		return pid;
	dismiss(pid);
	return -1;
}

static inline bool oracle_forks_on(void)
{
	uint32_t forks = look_at(&oracle->forks);

	return WAIT_FOR_CROWD(look_at(&oracle->forks) >= forks + 10);
}

/* One operation: the @i-th signal to a job. 0 or -errno */
static inline int oracle_send(int job, int i, struct jobtrack_signal *counts)
{
	int ret;

	if (oracle->slow && setpriority(PRIO_PROCESS, 0, 5))
		return -errno;
	add_to(&oracle->started[i], 1);
	ret = jt_signal(job, oracle->sig[i], counts);
	add_to(&oracle->done[i], 1);
	if (oracle->slow && setpriority(PRIO_PROCESS, 0, 0))
		return -errno;
	return ret;
}

/* Has a slot's tenant counted each operation that is over and was for it? */
static inline bool oracle_has_seen(const struct oracle_slot *slot)
{
	for (int i = 0; i < oracle->signals; i++)
		if (look_at(&slot->expect) & 1 << i &&
		    look_at(&slot->seen[i]) < look_at(&oracle->done[i]))
			return false;
	return true;
}

/* For a slot whose tenant should have moved and did not */
static inline bool oracle_silent(const struct oracle_slot *slot, const char *what)
{
	char path[64], wchan[64] = "?";

	snprintf(path, sizeof(path), "/proc/%d/wchan", slot->pid);
	read_file(path, wchan, sizeof(wchan));
	fprintf(stderr, "# process %d (%c, in %s) %s\n", slot->pid,
		proc_state(slot->pid) ?: '?', wchan, what);
	return false;
}

/* A quiet point; false as soon as there is a violation, or if one stays silent. */
static inline bool oracle_quiet(void)
{
	uint32_t tenant[ORACLE_SLOTS];
	int i;

	for (i = 0; i < ORACLE_SLOTS; i++)
		tenant[i] = look_at(&oracle->slot[i].tenant);
	for (i = 0; i < ORACLE_SLOTS; i++) {
		struct oracle_slot *slot = &oracle->slot[i];

		if (!WAIT_FOR_CROWD(!(tenant[i] & 1) || look_at(&slot->tenant) != tenant[i] ||
				    oracle_has_seen(slot) || look_at(&oracle->violations)))
			return oracle_silent(slot, "is silent");
		if (look_at(&oracle->violations))
			return false;
	}
	return true;
}

/* One round: each of the signals in @which back to back, and a quiet point */
static inline bool oracle_round(int job, unsigned int which, struct jobtrack_signal *sum)
{
	struct jobtrack_signal counts = { 0 };

	for (int i = 0; i < oracle->signals; i++) {
		if (!(which & 1 << i))
			continue;
		if (oracle_send(job, i, &counts))
			return false;
		sum->signalled += counts.signalled;
		sum->ignored += counts.ignored;
		sum->pending += counts.pending;
		sum->info_lost += counts.info_lost;
		sum->denied += counts.denied;
		sum->newborns += counts.newborns;
	}
	return oracle_quiet();
}

/* Rounds until @newborns forks in flight were met, if there is time */
static inline bool oracle_fire(int job, unsigned int which, unsigned int newborns,
			       struct jobtrack_signal *sum)
{
	struct rounds round = rounds(4, 1000);

	memset(sum, 0, sizeof(*sum));
	while (next_round(&round) && (round.n <= round.least || sum->newborns < newborns))
		if (!oracle_round(job, which, sum))
			return false;
	return true;
}

static inline int oracle_members(void)
{
	int n = 0;

	for (int i = 0; i < ORACLE_SLOTS; i++)
		n += look_at(&oracle->slot[i].tenant) & 1;
	return n;
}

/*
 * The roll-call: nobody forks any more, everybody checks a last time and exits.
 * True if nothing was wrong from beginning to end.
 */
static inline bool oracle_verdict(const char *what)
{
	bool all;

	__atomic_store_n(&oracle->stop, 1, __ATOMIC_SEQ_CST);
	all = WAIT_FOR_CROWD(!oracle_members());
	fprintf(stderr, "# %s: %u forks, %u checks, %u violations\n", what,
		look_at(&oracle->forks), look_at(&oracle->checks), look_at(&oracle->violations));
	if (look_at(&oracle->violations))
		fprintf(stderr, "# first: %s %d had %u times signal %d, not %u to %u\n",
			oracle->violation.kind, oracle->violation.pid, oracle->violation.count,
			oracle->violation.sig, oracle->violation.least, oracle->violation.most);
	for (int i = 0; !all && i < ORACLE_SLOTS; i++)
		if (look_at(&oracle->slot[i].tenant) & 1)
			oracle_silent(&oracle->slot[i], "did not come to the roll-call");
	return all && !look_at(&oracle->violations);
}

#endif /* JOBTRACK_TEST_ORACLE_H */
