/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The job object and its tree.
 *
 * Lock order, over the whole module:
 *
 *   the SRCU of file.c -> jt_tree.signal_mutex or jt_tree.list_mutex -> jt_tree.lock
 *     -> a bucket's lock (member.c) or the receiver's siglock
 *     -> scheduler, or the slot of a newborn's SIGCONT (signal.c)
 *   jt_tree.lock -> signal->stats_lock, alloc_lock, prev_cputime.lock (account.c),
 *     the locks of work queues and timers (exit.c), of wait queues (job.c)
 *
 * jt_jobs.lock, the lock of jt_jobs.by_id, jt_quotas.lock, jt_files_lock and
 * jt_hooks_mutex nest in none of them but that SRCU and list_mutex, and none nests in
 * them. No lock of ours but
 * that slot's is ever taken in interrupt context, under a siglock or by the
 * signal_generate probe. Log lines come after jt_tree.lock is dropped.
 */
#ifndef _JT_JOB_H
#define _JT_JOB_H

#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/jobtrack.h>

#include "debug.h"

struct jt_operation;
struct jt_quota;

/**
 * struct jt_tree - a top-level job with all its sub-jobs: one order of events
 * @signal_mutex: held by the one signal operation under way; SIGKILL needs none
 * @list_mutex: held by the one census under way, and by whoever enters or moves:
 *	it meets each member in the job where it was at its instant
 * @lock: protects what follows, and of every job and member of the tree what says
 *	so. Taken and dropped by jt_tree_lock() and jt_tree_unlock()
 * @number: operations begun so far. Changed under @signal_mutex and @lock
 * @op: the signal operation under way, or NULL; on its caller's stack
 * @members: members in joining order, with the walks' markers among them
 * @leaving: members whose last thread has begun to exit, by jt_member.leaving; those
 *	that a sweep looks at are in a list of its own
 * @deferred: gone members that the census under way may still have to meet in
 *	@members
 * @census: its instant, CLOCK_BOOTTIME, ns; 0 if there is none
 * @user_subjobs: living sub-jobs that unprivileged members made
 * @sweep: looks at @leaving until it is empty; while queued or running it holds
 *	a reference to @root
 * @sweep_delay: jiffies after which it was last told to. Under @lock
 * @stopped: no sweep is to be queued any more: a forced unload. Under @lock
 * @root: the top-level job; the tree is freed with it. Constant
 * @rcu: frees the tree
 */
struct jt_tree {
	struct mutex signal_mutex;	/* serialises signal operations */
	struct mutex list_mutex;	/* serialises censuses, and moves against them */
	spinlock_t lock;		/* protects all below, and the jobs and members */
	u64 number;
	struct jt_operation *op;
	struct list_head members;
	struct list_head leaving;
	struct list_head deferred;
	u64 census;
	unsigned int user_subjobs;
	struct delayed_work sweep;
	unsigned int sweep_delay;
	bool stopped;
	struct jt_job *root;
#ifdef JT_DEBUG
	struct jt_debug_hold hold;	/* under @lock */
#endif
	struct rcu_head rcu;
};

/*
 * How many members may still run (the lower half), and how many are leaving. In one
 * word, which is read at one instant: who goes from one half into the other is
 * never in neither.
 */
typedef u64 jt_population;

static inline u32 jt_procs(jt_population population)
{
	return lower_32_bits(population);
}

static inline u32 jt_leaving(jt_population population)
{
	return upper_32_bits(population);
}

/**
 * struct jt_io - what processes have read and written, as struct jobtrack_account
 */
struct jt_io {
	u64 rchar;
	u64 wchar;
	u64 read_bytes;
	u64 write_bytes;
	u64 cancelled_write_bytes;
};

/**
 * struct jt_account - an account as it is kept
 * @sum: of all
 * @foreign: in @sum, and not for the owner to see
 */
struct jt_account {
	struct jobtrack_account sum;
	struct jt_io foreign;
};

/**
 * struct jt_job - a job
 * @id: its ID. Constant, as all up to @label
 * @tree: its tree
 * @parent: the job above, a reference held; NULL for a top-level job
 * @depth: 1 for a top-level job
 * @owner: may look, wait and signal
 * @creator: may manage, too
 * @created: CLOCK_BOOTTIME, ns
 * @kill_on_close: SIGKILL when @managers falls to 0
 * @user_made: counts in @tree's user_subjobs
 * @quota: what it was charged to, or NULL
 * @label: NUL-terminated, empty for none
 * @ref: one for each fd, member and sub-job. At 0 the job is unlinked, and its
 *	memory goes after a grace period
 * @managers: managing fds
 * @label_node: in jt_jobs.labels, under jt_jobs.lock
 * @wait: poll()ers, woken when the job becomes empty
 * @condemned: SIGKILL was sent to the whole of it. Set under tree->lock, for ever
 * @population: its members, a jt_population. This and the next two are changed
 *	under tree->lock, and read without it, too
 * @tree_population: those of the job and all below it
 * @subjobs: jobs directly below
 * @account: of the job and all that were ever below it: what is counted at once
 *	(births, joined, lost), and what those who are gone have left. Under tree->lock;
 *	what is counted at once may be read without
 * @own: of the job alone; NULL as long as there was never a sub-job, which is
 *	when both are the same. Set under tree->lock with release semantics
 * @rcu: frees the job
 */
struct jt_job {
	u64 id;
	struct jt_tree *tree;
	struct jt_job *parent;
	unsigned int depth;
	kuid_t owner;
	kuid_t creator;
	u64 created;
	bool kill_on_close;
	bool user_made;
	struct jt_quota *quota;
	char label[JOBTRACK_LABEL_SIZE];

	refcount_t ref;
	atomic_t managers;
	struct hlist_node label_node;
	wait_queue_head_t wait;

	bool condemned;
	jt_population population;
	jt_population tree_population;
	unsigned int subjobs;
	struct jt_account account;
	struct jt_account *own;
	struct rcu_head rcu;
};

/**
 * struct jt_job_spec - what jt_job_create() makes
 * @parent: the job above, or NULL
 * @owner: see struct jt_job
 * @label: valid, or empty
 * @kill_on_close: see struct jt_job
 * @user_made: see struct jt_job
 */
struct jt_job_spec {
	struct jt_job *parent;
	kuid_t owner;
	const char *label;
	bool kill_on_close;
	bool user_made;
};

struct jt_job *jt_job_create(const struct jt_job_spec *spec);
struct jt_job *jt_job_find(u64 id);
struct jt_job *jt_job_find_label(kuid_t owner, const char *label);
struct jt_job *jt_job_next(unsigned long *id);
void jt_job_put(struct jt_job *job);
int jt_job_check_label(const char label[JOBTRACK_LABEL_SIZE]);
void jt_job_populate(struct jt_job *job, int procs, int leaving);
void jt_job_move(struct jt_job *old, struct jt_job *job);
void jt_job_wake(struct jt_job *job);
void jt_job_state(struct jt_job *job, struct jobtrack_job *state);

bool jt_job_belongs_to(struct jt_job *job, kuid_t uid);
bool jt_job_may_look(struct jt_job *job);
bool jt_job_could_signal(struct jt_job *job);
bool jt_job_may_signal(struct jt_job *job);
bool jt_job_may_manage(struct jt_job *job);
bool jt_job_may_use(struct jt_job *job);

int jt_jobs_init(void);
void jt_jobs_exit(void);

static inline void jt_tree_lock(struct jt_tree *tree)
	__acquires(&tree->lock)
{
	spin_lock(&tree->lock);
	jt_debug_hold_begin(tree);
}

static inline void jt_tree_unlock(struct jt_tree *tree)
	__releases(&tree->lock)
{
	jt_debug_hold_end(tree);
	spin_unlock(&tree->lock);
}

/* The caller already has a reference, or holds tree->lock over a member. */
static inline struct jt_job *jt_job_get(struct jt_job *job)
{
	refcount_inc(&job->ref);
	return job;
}

/* Is @job @above itself or below it? Constant: may be asked without a lock. */
static inline bool jt_job_within(const struct jt_job *job, const struct jt_job *above)
{
	while (job && job->depth > above->depth)
		job = job->parent;
	return job == above;
}

/* The account of @job alone. Under tree->lock, or to read single fields. */
static inline struct jt_account *jt_job_own(struct jt_job *job)
{
	/* pairs with jt_job_attach() */
	return smp_load_acquire(&job->own) ?: &job->account;
}

/* Was @job, or one above it, sent SIGKILL? Final under tree->lock. */
static inline bool jt_job_condemned(const struct jt_job *job)
{
	for (; job; job = job->parent)
		if (READ_ONCE(job->condemned))
			return true;
	return false;
}

/* No member here or below that is not gone. Final under tree->lock. */
static inline bool jt_job_empty(const struct jt_job *job)
{
	return !READ_ONCE(job->tree_population);
}

#endif /* _JT_JOB_H */
