// SPDX-License-Identifier: GPL-2.0
/*
 * Leaving and gone.
 *
 * sched_process_exit fires before a task closes its files: the process may hold
 * a device, a port or a mount for a long time after. So a member whose last
 * thread gets there is *leaving*, and a sweep looks at it until it is *gone*:
 * until every thread has an exit state and has run its last instruction. A birth
 * looks, too, at one at a time.
 */
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>

#include "account.h"
#include "counters.h"
#include "exit.h"
#include "member.h"

#define JT_SWEEP_BATCH	8	/* members, per hold of the tree's lock */
#define JT_FLUSH_BATCH	32

#define JT_SWEEP_URGENT_MS	1	/* the job is about to be empty, or somebody waits */
#define JT_SWEEP_MS		20	/* else: see also jt_reap() */
#define JT_SWEEP_MAX_MS		100	/* for who does not go */

struct workqueue_struct *jt_sweeps;

/*
 * Let the tree be swept within @delay jiffies. A sweep that is due sooner is left
 * alone, or exits that come fast would put it off for ever. One that is being
 * begun waits for the lock, and will see what the caller has done under it. The
 * work holds a reference to the root, for its tree.
 */
static void jt_sweep_within(struct jt_tree *tree, unsigned int delay)
{
	lockdep_assert_held(&tree->lock);
	if (tree->stopped || (delayed_work_pending(&tree->sweep) && tree->sweep_delay <= delay))
		return;
	tree->sweep_delay = delay;
	if (!mod_delayed_work(jt_sweeps, &tree->sweep, delay))
		jt_job_get(tree->root);
}

/*
 * When a sweep is to look at members of the job that have just begun to leave: soon
 * if nobody else lives in it, for it may end with them, or if somebody waits.
 */
static unsigned int jt_sweep_first(struct jt_job *job)
{
	/*
	 * jt_sweep_urge() looks at the members under the tree's lock after it put
	 * itself on the queue: it sees the member leave, or we see it wait.
	 */
	for (; job; job = job->parent) {
		/* the barrier is tree->lock, as said above */
		if (!jt_procs(job->tree_population) || waitqueue_active(&job->wait))
			return msecs_to_jiffies(JT_SWEEP_URGENT_MS);
	}
	return msecs_to_jiffies(JT_SWEEP_MS);
}

/**
 * jt_sweep_urge() - somebody waits for a job to be empty
 * @job: the job, on whose queue the caller is
 *
 * Context: under tree->lock.
 */
void jt_sweep_urge(struct jt_job *job)
{
	if (jt_leaving(job->tree_population))
		jt_sweep_within(job->tree, msecs_to_jiffies(JT_SWEEP_URGENT_MS));
}

/* Give back members that have been retired. tree->lock is not held. */
void jt_put_all(struct list_head *retired)
{
	struct jt_member *member, *next;

	list_for_each_entry_safe(member, next, retired, leaving)
		jt_member_put(member);
	INIT_LIST_HEAD(retired);
}

/**
 * jt_exit_of_member() - the process begins to leave, if it is a member
 * @task: the task that exits: current, a last thread of its process
 *
 * Several last threads can each see that none is live: the second finds the
 * member leaving. live cannot rise from 0, and no process that has begun to
 * exit forks, so the member stays a member until here for all its births.
 * model: exit.pml, thread().
 *
 * Context: process, possibly with preemption disabled.
 */
void jt_exit_of_member(struct task_struct *task)
{
	struct jt_member *member;
	struct jt_tree *tree;

	if (jt_debug(JT_DEBUG_HIDE_EXIT))
		return;
	jt_read_lock();
	member = jt_member_find(task_tgid(task));
	if (member) {
		tree = jt_member_tree(member);
		jt_tree_lock(tree);
		if (member->entry.state == JT_LIVING) {
			member->entry.state = JT_LEAVING;
			member->leaving_since = ktime_get_boottime_ns();
			/* No exec puts another in its place any more. */
			member->leader = get_task_struct(task->group_leader);
			list_add_tail(&member->leaving, &tree->leaving);
			jt_job_populate(member->job, -1, 1);
			jt_count(JT_LEAVING_NOW);
			jt_sweep_within(tree, jt_sweep_first(member->job));
		}
		jt_tree_unlock(tree);
	}
	jt_read_unlock();
}

/*
 * Gone: reaped, or each thread has an exit state and is dead, so that it uses
 * nothing any more. exit_notify() sets the exit state after files are closed and
 * devices released. A thread may keep it for long and stay in its group, until a
 * tracer waits for it.
 */
bool jt_process_is_gone(struct task_struct *leader)
{
	struct task_struct *thread;
	bool gone = true;

	rcu_read_lock();
	for_each_thread(leader, thread) {
		gone = jt_task_is_dead(thread);
		if (!gone)
			break;
	}
	rcu_read_unlock();
	return gone;
}

/**
 * struct jt_gone - members that a sweep has found to be gone
 * @n: how many
 * @member: they are still in the sweep's own list
 * @usage: what they have used
 */
struct jt_gone {
	unsigned int n;
	struct jt_member *member[JT_SWEEP_BATCH];
	struct jt_usage usage[JT_SWEEP_BATCH];
};

/*
 * Look at the first members of @todo: those who stay are moved to @staying. Under
 * no lock: a leaving member is the sweep's alone, and may have many threads.
 */
static void jt_sweep_look(struct list_head *todo, struct list_head *staying,
			  struct jt_gone *gone)
{
	struct jt_member *member, *next;

	gone->n = 0;
	list_for_each_entry_safe(member, next, todo, leaving) {
		cond_resched();
		if (jt_debug(JT_DEBUG_FORGET) || !jt_process_is_gone(member->leader)) {
			list_move_tail(&member->leaving, staying);
			continue;
		}
		/* A leaving member does not move. */
		jt_usage_read(&gone->usage[gone->n], member->leader, member->job->owner);
		gone->member[gone->n++] = member;
		if (gone->n == JT_SWEEP_BATCH)
			break;
	}
}

/* Account for and forget one that is gone, but for the census under way. */
static void jt_sweep_away(struct jt_tree *tree, struct jt_member *member,
			  const struct jt_usage *usage, struct list_head *retired)
{
	lockdep_assert_held(&tree->lock);
	jt_account_gone(member->job, usage, jt_process_exit_code(member->leader));
	jt_member_gone(member);
	/*
	 * A process that started after the census began was born behind its end, so
	 * that a census that takes long keeps none but those who were there. (One
	 * that started before may have been born behind it, too: a fork in flight.)
	 */
	if (tree->census && member->start_time <= tree->census) {
		list_move_tail(&member->leaving, &tree->deferred);
		/* Who waits for the job is not to wait for who lists it. */
		jt_job_wake(member->job);
	} else {
		jt_member_retire(member);
		list_move_tail(&member->leaving, retired);
	}
}

/**
 * jt_reap() - look after one member that has been leaving for long
 * @tree: the tree
 * @retired: gets it if it is gone; for jt_put_all() once the lock is dropped
 *
 * Whoever is born pays for one who has gone: where processes come and go the sweep
 * finds little to do, and few tasks are kept for longer than the kernel itself keeps
 * them. One with many threads is left to the sweep, which looks under no lock.
 *
 * Context: under tree->lock.
 */
void jt_reap(struct jt_tree *tree, struct list_head *retired)
{
	struct jt_member *member;
	struct list_head *threads;
	struct jt_usage usage;

	lockdep_assert_held(&tree->lock);
	member = list_first_entry_or_null(&tree->leaving, struct jt_member, leaving);
	if (!member)
		return;
	threads = &member->leader->signal->thread_head;
	if (jt_debug(JT_DEBUG_FORGET) ||
	    (!list_empty(threads) && !list_is_singular(threads)) ||
	    !jt_process_is_gone(member->leader)) {
		list_move_tail(&member->leaving, &tree->leaving);	/* another's turn */
		return;
	}
	jt_usage_read(&usage, member->leader, member->job->owner);
	jt_sweep_away(tree, member, &usage, retired);
}

static void jt_sweep(struct work_struct *work)
{
	struct jt_tree *tree = container_of(to_delayed_work(work), struct jt_tree, sweep);
	struct jt_job *root = tree->root;
	struct jt_member *member;
	struct jt_gone gone;
	unsigned int i;
	bool found = false;
	LIST_HEAD(todo);
	LIST_HEAD(staying);
	LIST_HEAD(retired);

	jt_tree_lock(tree);
	list_splice_init(&tree->leaving, &todo);
	jt_tree_unlock(tree);

	for (;;) {
		jt_sweep_look(&todo, &staying, &gone);
		if (!gone.n)
			break;
		found = true;
		jt_tree_lock(tree);
		for (i = 0; i < gone.n; i++)
			jt_sweep_away(tree, gone.member[i], &gone.usage[i], &retired);
		jt_tree_unlock(tree);
		jt_put_all(&retired);
		cond_resched();
	}

	jt_tree_lock(tree);
	list_splice(&staying, &tree->leaving);
	if (!list_empty(&tree->leaving)) {
		member = list_first_entry(&tree->leaving, struct jt_member, leaving);
		/*
		 * As soon as was last asked for: the first need not be of the job
		 * that somebody waits for. A process that is stuck for long is
		 * looked at less and less often.
		 */
		jt_sweep_within(tree, found ? min(tree->sweep_delay, jt_sweep_first(member->job)) :
				min_t(unsigned int, tree->sweep_delay + 1,
				      msecs_to_jiffies(JT_SWEEP_MAX_MS)));
	}
	jt_tree_unlock(tree);

	jt_job_put(root);
}

/**
 * jt_sweep_flush() - retire those who went while a census was under way
 * @tree: the tree; the caller has ended the census and holds list_mutex
 *
 * Context: process, may sleep.
 */
void jt_sweep_flush(struct jt_tree *tree)
{
	struct jt_member *member;
	LIST_HEAD(gone);
	int n;

	lockdep_assert_held(&tree->list_mutex);
	do {
		jt_tree_lock(tree);
		for (n = 0; n < JT_FLUSH_BATCH && !list_empty(&tree->deferred); n++) {
			member = list_first_entry(&tree->deferred, struct jt_member, leaving);
			jt_member_retire(member);
			list_move_tail(&member->leaving, &gone);
		}
		jt_tree_unlock(tree);

		jt_put_all(&gone);
		cond_resched();
	} while (n);
}

void jt_sweep_init(struct jt_tree *tree)
{
	INIT_DELAYED_WORK(&tree->sweep, jt_sweep);
}

/**
 * jt_sweeps_stop() - stop every sweep for good
 *
 * Context: process, may sleep; no exit probe is registered any more, and who is
 * a member stays one. For a forced unload only.
 */
void jt_sweeps_stop(void)
{
	unsigned long id = 0;
	struct jt_job *job;

	for (;; id++) {
		rcu_read_lock();
		job = jt_job_next(&id);
		/* One without a reference left has no sweep, which holds one. */
		if (job && (job->parent || !refcount_inc_not_zero(&job->ref))) {
			rcu_read_unlock();
			continue;
		}
		rcu_read_unlock();
		if (!job)
			return;
		jt_tree_lock(job->tree);
		job->tree->stopped = true;
		jt_tree_unlock(job->tree);
		if (cancel_delayed_work_sync(&job->tree->sweep))
			jt_job_put(job);
		jt_job_put(job);
	}
}

int __init jt_sweeps_init(void)
{
	jt_sweeps = alloc_workqueue("jobtrack", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return jt_sweeps ? 0 : -ENOMEM;
}

void jt_sweeps_exit(void)
{
	destroy_workqueue(jt_sweeps);
}
