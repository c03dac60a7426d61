// SPDX-License-Identifier: GPL-2.0
/*
 * Births, and their independent witness.
 *
 * Both run in the creating thread, for a child that is on the task list but not
 * woken: it has run nothing, and it will not if it is sent SIGKILL now.
 */
#include <linux/gfp.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/sched/signal.h>

#include "account.h"
#include "birth.h"
#include "counters.h"
#include "debug.h"
#include "exit.h"
#include "member.h"
#include "signal.h"

/* The child never runs an instruction of user space. */
static void jt_kill_newborn(struct task_struct *child)
{
	kill_pid(task_tgid(child), SIGKILL, 1);
}

/**
 * jt_birth_of_member() - the child is born into its creator's job, if it has one
 * @child: a new process
 *
 * The creator is current, never real_parent (CLONE_PARENT). It stays a member
 * throughout: its record goes only after its last thread has begun to exit.
 *
 * Context: the creating thread, possibly with preemption disabled.
 */
void jt_birth_of_member(struct task_struct *child)
{
	struct jt_member *parent, *member;
	struct jt_tree *tree;
	LIST_HEAD(retired);
	u64 lost_by = 0;	/* the ID of a job */
	int err;

	if (jt_debug(JT_DEBUG_HIDE_BIRTH))
		return;
	jt_read_lock();
	parent = jt_member_find(task_tgid(current));
	if (likely(!parent)) {
		jt_read_unlock();
		return;
	}

	tree = jt_member_tree(parent);
	member = jt_debug(JT_DEBUG_LOSE_BIRTH) ? NULL : jt_member_alloc(GFP_ATOMIC);

	jt_tree_lock(tree);
	err = member ? jt_member_insert(member, parent->job, task_tgid(child),
					child->start_boottime) : -ENOMEM;
	if (likely(!err)) {
		jt_account_birth(parent->job);
		jt_count(JT_BIRTHS);
		jt_signal_newborn(parent, member, child);
		jt_reap(tree, &retired);
	} else {
		/*
		 * No memory. (A record cannot be there already: tagging refuses
		 * a task that is TASK_NEW. If it were, then the same: what
		 * cannot be recorded does not run.)
		 */
		lost_by = parent->job->id;
		jt_account_lost(parent->job);
		jt_count(JT_LOST);
		jt_kill_newborn(child);
	}
	jt_tree_unlock(tree);
	jt_put_all(&retired);
	jt_read_unlock();

	if (unlikely(lost_by)) {
		if (member)
			jt_member_free(member);
		pr_warn_ratelimited("job %llu: a child of process %d could not be recorded, killed before it ran\n",
				    lost_by, task_tgid_nr(current));
	}
}

/* Nothing has to be recorded of a child that will not run. */
static bool jt_is_dying(struct task_struct *child)
{
	return READ_ONCE(child->signal->flags) & SIGNAL_GROUP_EXIT;
}

/**
 * jt_witness_compare() - is the child recorded exactly if its creator is?
 * @child: a new process
 *
 * Asks the table anew and shares nothing with the birth probe but that. The one
 * innocent disagreement: the creator joined after the birth probe had looked.
 * Then the child was there before the creator was a member.
 *
 * Context: the creating thread, possibly with preemption disabled.
 */
void jt_witness_compare(struct task_struct *child)
{
	struct jt_member *parent, *member;
	struct jt_tree *tree;
	bool unseen = false;

	if (jt_debug(JT_DEBUG_BLIND))
		return;
	jt_read_lock();
	parent = jt_member_find(task_tgid(current));
	member = jt_member_find(task_tgid(child));
	if (unlikely(!parent != !member ||
		     (parent && jt_member_tree(parent) != jt_member_tree(member)))) {
		if (!parent || member) {
			unseen = true;
		} else if (!jt_is_dying(child)) {
			/* joined is set under the lock that the insertion holds. */
			tree = jt_member_tree(parent);
			jt_tree_lock(tree);
			unseen = !parent->joined || parent->joined < child->start_time;
			jt_tree_unlock(tree);
		}
	}
	jt_read_unlock();

	if (unlikely(unseen)) {
		jt_kill_newborn(child);
		jt_count(JT_UNSEEN);
		pr_err_ratelimited("the birth of process %d, child of %d, was not recorded as it should be; killed before it ran\n",
				   task_tgid_nr(child), task_tgid_nr(current));
	}
}
