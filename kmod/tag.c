// SPDX-License-Identifier: GPL-2.0
/*
 * Tagging: putting a running process, or its tree, into a job.
 */
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "member.h"
#include "process.h"
#include "tag.h"

#define JT_SCAN_BATCH	256	/* tasks looked at per RCU read-side section */
#define JT_SCAN_FOUND	64	/* descendants gathered before they are tagged */
#define JT_SCAN_PASSES	64	/* passes at the most */

/*
 * One process. Its pid is referenced besides its task: a task that is reaped lets
 * go of it.
 */
static int jt_tag_process(struct jt_job *job, struct pid *pid, struct task_struct *task)
{
	int err;

	if (task->flags & PF_KTHREAD || is_global_init(task))
		return -EINVAL;
	/*
	 * Visible, but its birth probe may not have run yet: its parent's job is
	 * the one that counts. A task does not become TASK_NEW again; and one
	 * that is woken has its record, which jt_member_insert() finds under the
	 * bucket's lock that the birth held before.
	 */
	if (jt_task_is_new(task))
		return -EAGAIN;
	/* As kill(2): with the caller's credentials, security modules included. */
	err = kill_pid(pid, 0, 0);
	if (err)
		return err;
	return jt_member_join(job, pid, task, task->start_boottime);
}

/* By parent links, which need not lead up to @root for ever: best effort. */
static bool jt_is_descendant(struct task_struct *task, struct pid *root, unsigned int *steps)
{
	while (task != &init_task && !is_global_init(task)) {
		task = rcu_dereference(task->real_parent);
		++*steps;
		if (task_tgid(task) == root)
			return true;
	}
	return false;
}

/**
 * struct jt_scan - a scan over all processes of the machine
 * @root: whose descendants are sought; the caller has a reference
 * @nr: where it is, see jt_next_pid()
 * @found: descendants, pinned
 * @n: how many
 * @again: this pass met a descendant that was not born yet
 */
struct jt_scan {
	struct pid *root;
	int nr;
	struct task_struct *found[JT_SCAN_FOUND];
	unsigned int n;
	bool again;
};

/* Go on for a batch. Return: false at the end. */
static bool jt_scan_batch(struct jt_scan *scan)
{
	struct task_struct *task;
	unsigned int steps = 0;
	bool more = true;

	scan->n = 0;
	rcu_read_lock();
	while (steps++ < JT_SCAN_BATCH && scan->n < JT_SCAN_FOUND) {
		more = jt_next_pid(&scan->nr, &task);
		if (!more)
			break;
		if (!task || !jt_is_descendant(task, scan->root, &steps))
			continue;
		/* Its creator may have been tagged after its birth probe. */
		if (jt_task_is_new(task))
			scan->again = true;
		else
			scan->found[scan->n++] = get_task_struct(task);
	}
	rcu_read_unlock();
	return more;
}

/*
 * A descendant, once. Return: 1 if it is newly in the job, 0 if it has ended or
 * was there already, or an error.
 */
static int jt_tag_descendant(struct jt_job *job, struct task_struct *task)
{
	struct pid *pid = get_task_pid(task, PIDTYPE_TGID);
	struct jt_job *old;
	int err = 0;

	if (!pid)
		return 0;
	old = jt_member_job(pid);
	if (!old || !jt_job_within(old, job))
		err = jt_tag_process(job, pid, task) ?: 1;
	jt_job_put(old);
	put_pid(pid);
	return err == -ESRCH ? 0 : err;
}

/* One pass. Return: 0 or an error that ends it all. */
static int jt_tag_pass(struct jt_scan *scan, struct jt_job *job, u32 *tagged, u32 *denied)
{
	bool more = true;
	int err = 0;

	*tagged = 0;
	*denied = 0;
	scan->nr = 1;
	scan->again = false;
	while (more && !err) {
		more = jt_scan_batch(scan);
		while (scan->n--) {
			struct task_struct *task = scan->found[scan->n];
			int ret = err ?: jt_tag_descendant(job, task);

			put_task_struct(task);
			if (ret == -EPERM || ret == -EBUSY || ret == -EINVAL)
				++*denied;
			else if (ret < 0)
				err = ret;
			else
				*tagged += ret;
		}
		if (signal_pending(current))
			err = err ?: -EINTR;
		cond_resched();
	}
	return err;
}

/*
 * Passes until one finds nobody new: what a process forks before it is tagged is
 * found by the next, for its parent's record was there before the look
 * (jt_member_admit()'s barrier). model: join.pml, tagger().
 */
static int jt_tag_tree(struct jt_job *job, struct pid *root, struct jobtrack_tag *tag)
{
	struct jt_scan *scan;
	unsigned int passes = 0;
	u32 tagged;
	int err;

	scan = kzalloc(sizeof(*scan), GFP_KERNEL);
	if (!scan)
		return -ENOMEM;
	scan->root = root;
	do {
		err = jt_tag_pass(scan, job, &tagged, &tag->denied);
		tag->tagged += tagged;
		if (!err && passes++ == JT_SCAN_PASSES)
			err = -ELOOP;
	} while (!err && (tagged || scan->again));
	kfree(scan);
	return err;
}

/**
 * jt_tag() - put a running process, or its tree, into a job
 * @job: the job; the caller may manage it
 * @tag: checked; out: tagged and denied
 *
 * Context: process, may sleep. Return: as in struct jobtrack_tag.
 */
int jt_tag(struct jt_job *job, struct jobtrack_tag *tag)
{
	struct task_struct *task = jt_find_process(tag->pid);
	struct pid *pid;
	int err;

	if (!task)
		return -ESRCH;
	/* exec from another thread exchanges the leader: keep what stays. */
	pid = get_task_pid(task, PIDTYPE_TGID);
	if (!pid) {
		put_task_struct(task);
		return -ESRCH;
	}

	if (tag->start_time != task->start_boottime) {
		err = -ESTALE;
		goto out;
	}
	err = jt_tag_process(job, pid, task);
	if (err)
		goto out;
	tag->tagged = 1;
	if (tag->flags & JOBTRACK_TAG_TREE)
		err = jt_tag_tree(job, pid, tag);
out:
	put_pid(pid);
	put_task_struct(task);
	return err;
}
