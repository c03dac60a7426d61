// SPDX-License-Identifier: GPL-2.0
/*
 * The atomic signal as a whole: a walk over the members of one instant.
 *
 * The instant T is when the operation gets its number, under the tree's lock:
 * there it puts its marker behind everybody who is a member. The lock is dropped
 * between batches; whoever is born then is behind the marker, and jt_keep_order()
 * settles there and then whether the operation is for it. So the walk ends, no
 * matter how fast they fork. model: T and D in cut.pml, killer() in kill.pml.
 */
#include <linux/sched.h>
#include <linux/timekeeping.h>

#include "counters.h"
#include "debug.h"
#include "hooks.h"
#include "signal.h"

#define JT_SIGNAL_BATCH	32	/* members of one thread, per hold of the tree's lock */

/* Is the operation for this member, or marker? */
static bool jt_operation_wants(const struct jt_operation *op, const struct jt_member *member)
{
	return member && member->entry.state == JT_LIVING && jt_operation_covers(op, member->job);
}

/*
 * What a delivery takes, in those to a process of one thread: a stop, a SIGCONT and
 * whatever ends the process make the kernel wake each of its threads.
 */
static unsigned int jt_delivery_cost(const struct jt_member *member)
{
	struct task_struct *leader;
	unsigned int cost = 1;

	rcu_read_lock();
	leader = pid_task(member->pid, PIDTYPE_TGID);
	if (leader)
		cost += READ_ONCE(leader->signal->nr_threads) / 2;
	rcu_read_unlock();
	return cost;
}

/*
 * Deliver to all in the walk. Not interruptible: it has begun. The lock is held
 * on entry and on return, and never longer than for a batch.
 */
static void jt_operation_walk(struct jt_operation *op, struct jt_walk *walk)
{
	struct jt_tree *tree = op->job->tree;
	struct jt_member *member;
	unsigned int n = 0, cost;

	lockdep_assert_held(&tree->lock);

	while (jt_walk_next(walk, &member)) {
		cost = 1;
		if (jt_operation_wants(op, member)) {
			cost = jt_delivery_cost(member);
			if (op->sig == SIGKILL) {
				/* The job's own authority: nobody is asked. */
				jt_deliver(member, SIGKILL, 1, &op->counts);
			} else if (member->seen < op->number) {
				jt_deliver(member, op->sig, 0, &op->counts);
				/* Refused or not: its children go with it. */
				member->seen = op->number;
			}
		}
		n += cost;
		if (n >= jt_debug_signal_batch(JT_SIGNAL_BATCH)) {
			n = 0;
			jt_tree_unlock(tree);
			cond_resched();
			jt_debug_pause();
			jt_tree_lock(tree);
		}
	}
}

/**
 * jt_kill_job() - send SIGKILL to a job and all below it, and condemn it
 * @job: the job; the caller has a reference
 * @counts: what became of it
 *
 * Condemning comes first, under the lock that births take: what is born from
 * here on is killed there. Forks in flight end at the kernel's own check for a
 * fatal signal, or at their birth. So no mutex, no number and no log are needed,
 * and a killer does not wait for other signallers. model: kill.pml.
 *
 * Context: process, may sleep.
 */
void jt_kill_job(struct jt_job *job, struct jobtrack_signal *counts)
{
	struct jt_operation op = { .job = job, .sig = SIGKILL };
	struct jt_tree *tree = job->tree;
	struct jt_walk walk;

	jt_count(JT_SIGNALS);
	jt_tree_lock(tree);
	WRITE_ONCE(job->condemned, true);
	jt_walk_begin(&walk, tree);
	jt_operation_walk(&op, &walk);
	jt_walk_end(&walk);
	jt_tree_unlock(tree);

	jt_count_add(JT_SIGNALLED, op.counts.signalled);
	op.counts.sig = SIGKILL;
	*counts = op.counts;
}

/**
 * jt_signal_job() - send a signal to a job and all below it
 * @job: the job; the caller has a reference
 * @counts: in: the signal; out: what became of it
 *
 * Context: process, may sleep. Once begun it is not interruptible.
 * Return: 0, -EINTR if the caller was killed before it began, or -ENOMEM, -ENODEV.
 */
int jt_signal_job(struct jt_job *job, struct jobtrack_signal *counts)
{
	struct jt_operation op = { .job = job, .sig = counts->sig };
	struct jt_tree *tree = job->tree;
	struct jt_walk walk;
	int err;

	if (counts->sig == SIGKILL) {
		jt_kill_job(job, counts);
		return 0;
	}
	err = jt_hooks_need_signal();
	if (err)
		return err;

	if (mutex_lock_killable(&tree->signal_mutex))
		return -EINTR;
	jt_count(JT_SIGNALS);
	op.cred = get_current_cred();

	jt_tree_lock(tree);
	op.number = ++tree->number;		/* T */
	op.began = ktime_get_ns();
	tree->op = &op;
	jt_walk_begin(&walk, tree);
	jt_operation_walk(&op, &walk);
	jt_walk_end(&walk);
	tree->op = NULL;
	jt_tree_unlock(tree);

	put_cred(op.cred);
	mutex_unlock(&tree->signal_mutex);

	jt_count_add(JT_SIGNALLED, op.counts.signalled);
	op.counts.sig = counts->sig;
	*counts = op.counts;
	return 0;
}
