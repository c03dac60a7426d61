// SPDX-License-Identifier: GPL-2.0
/*
 * The audit: membership against the process table.
 *
 * It shares nothing with births and exits but the table of members itself, and
 * tells of what it is sure of only. What is on its way is no difference: a newborn
 * whose birth probe has not run, a process that is leaving, one that joins. And a
 * child need not be that of its parent's making: CLONE_PARENT makes siblings, and
 * orphans are adopted. Where a parent has been a member ever since it had
 * children, both are of its descendants' making, who are all members.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "audit.h"
#include "census.h"
#include "exit.h"
#include "process.h"

#define JT_AUDIT_BATCH		256	/* PIDs per RCU read-side section */
#define JT_AUDIT_FINDINGS	1024	/* told at the most; all that are found are counted */
#define JT_AUDIT_SWEEP_MS	10000	/* by then a sweep has come by */
#define JT_AUDIT_AGAIN_MS	1000	/* where one has not */
#define JT_AUDIT_FORGOTTEN	8	/* then so many that were waited for in vain will do */

/**
 * struct jt_audit - an audit under way
 * @audit: the caller's
 * @rows: what it finds
 * @ns: whose PIDs it tells
 * @forgotten: members that no sweep came by for
 */
struct jt_audit {
	struct jobtrack_audit *audit;
	struct jt_rows *rows;
	struct pid_namespace *ns;
	unsigned int forgotten;
};

static void jt_audit_tell(struct jt_audit *audit, const struct jobtrack_finding *finding)
{
	struct jobtrack_finding *row = (void *)audit->rows->data;

	if (audit->audit->count < JT_AUDIT_FINDINGS)
		row[audit->audit->count] = *finding;
	audit->audit->count++;
}

/* ------------------------------------------------------------------- processes */

enum jt_audit_verdict {
	JT_AUDIT_RIGHT,
	JT_AUDIT_UNDECIDED,
	JT_AUDIT_WRONG,
};

/* A child that is not where its parent, a member, is: may that be? */
static enum jt_audit_verdict jt_audit_child(struct task_struct *child,
					    struct jt_member *parent)
{
	struct jt_tree *tree = jt_member_tree(parent);
	enum jt_audit_verdict verdict;

	jt_tree_lock(tree);
	if (is_child_reaper(parent->pid))
		verdict = JT_AUDIT_UNDECIDED;	/* who comes by setns(2) is adopted by it */
	else if (parent->entry.state != JT_LIVING)
		verdict = JT_AUDIT_UNDECIDED;	/* and the child is about to be an orphan */
	else if (parent->joined && child->start_time < parent->joined)
		verdict = JT_AUDIT_RIGHT;	/* as jt_witness_compare() */
	else if (!parent->entry.always)
		verdict = JT_AUDIT_UNDECIDED;
	else
		verdict = JT_AUDIT_WRONG;
	jt_tree_unlock(tree);
	return verdict;
}

/* Under RCU. */
static void jt_audit_process(struct jt_audit *audit, struct task_struct *process)
{
	struct pid *pid = task_tgid(process), *parent_pid;
	struct jt_member *member, *parent;

	audit->audit->processes++;
	/*
	 * Not born yet; or on its way out, so that it may have its record no more, or
	 * never was given one: a newborn that is not to run.
	 */
	if (jt_task_is_new(process) || !atomic_read(&process->signal->live) ||
	    READ_ONCE(process->signal->flags) & SIGNAL_GROUP_EXIT)
		return;
	member = jt_member_find(pid);
	audit->audit->members += !!member;
	parent_pid = task_tgid(rcu_dereference(process->real_parent));
	parent = parent_pid ? jt_member_find(parent_pid) : NULL;
	if (!parent || (member && jt_member_tree(member) == jt_member_tree(parent)))
		return;

	switch (jt_audit_child(process, parent)) {
	case JT_AUDIT_RIGHT:
		break;
	case JT_AUDIT_UNDECIDED:
		audit->audit->undecided++;
		break;
	case JT_AUDIT_WRONG:
		/* It may have begun to leave since it was looked up. */
		if (!atomic_read(&process->signal->live))
			break;
		jt_audit_tell(audit, &(struct jobtrack_finding){
			.kind = member ? JOBTRACK_FINDING_ASTRAY : JOBTRACK_FINDING_ESCAPED,
			.pid = pid_nr_ns(pid, audit->ns),
			.parent = pid_nr_ns(parent_pid, audit->ns),
			.start_time = process->start_boottime,
			.job = READ_ONCE(parent->job)->id,
		});
	}
}

static int jt_audit_processes(struct jt_audit *audit)
{
	struct task_struct *process;
	bool more = true;
	int nr = 1, n;

	while (more) {
		rcu_read_lock();
		for (n = 0; n < JT_AUDIT_BATCH; n++) {
			more = jt_next_pid(&nr, &process);
			if (!more)
				break;
			if (process && !(process->flags & PF_KTHREAD))
				jt_audit_process(audit, process);
		}
		rcu_read_unlock();
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/* --------------------------------------------------------------------- records */

/* Does the kernel know the process? An exit that was seen has made it leaving. */
static bool jt_audit_known(struct jt_member *member)
{
	struct task_struct *process;
	bool known;

	if (member->entry.state != JT_LIVING)
		return true;
	rcu_read_lock();
	process = pid_task(member->pid, PIDTYPE_TGID);
	known = process && process->start_boottime == member->start_time;
	rcu_read_unlock();
	return known;
}

/*
 * Is one that is gone still taken for leaving? Not if a sweep comes by soon: it is
 * waited for, which holds up ENTER and TAG in this tree. Where the sweeps have failed
 * altogether the first few will do. Returns with the lock held again; the member,
 * which was there when the census began, stays met.
 */
static bool jt_audit_forgotten(struct jt_audit *audit, struct jt_census *census,
			       struct jt_member *member)
{
	const unsigned int patience = audit->forgotten ? JT_AUDIT_AGAIN_MS : JT_AUDIT_SWEEP_MS;
	const unsigned long end = jiffies + msecs_to_jiffies(patience);
	struct task_struct *leader;
	bool gone;

	if (member->entry.state != JT_LEAVING || audit->forgotten == JT_AUDIT_FORGOTTEN)
		return false;
	leader = get_task_struct(member->leader);
	do {
		jt_census_pause(census);
		gone = jt_process_is_gone(leader);
		if (gone)
			msleep(20);
		jt_census_resume(census);
	} while (gone && member->entry.state == JT_LEAVING && time_before(jiffies, end) &&
		 !fatal_signal_pending(current));
	put_task_struct(leader);
	if (!gone || member->entry.state != JT_LEAVING)
		return false;
	audit->forgotten++;
	return true;
}

static void jt_audit_count(struct jt_audit *audit, struct jt_job *job, u32 kind, u64 counted,
			   u64 found)
{
	if (counted == found)
		return;
	jt_audit_tell(audit, &(struct jobtrack_finding){
		.kind = kind,
		.job = job->id,
		.counted = counted,
		.found = found,
	});
}

/* A job's own members, one by one, and how many it and those below it have. */
static int jt_audit_job(struct jt_audit *audit, struct jt_job *job)
{
	struct jobtrack_finding finding;
	u64 own = 0, below = 0, counted_own, counted;
	struct jt_tree *tree = job->tree;
	struct jt_census census;
	struct jt_member *member;
	bool known;

	if (mutex_lock_killable(&tree->list_mutex))
		return -EINTR;
	jt_census_begin(&census, tree);
	counted_own = jt_procs(job->population) + jt_leaving(job->population);
	counted = jt_procs(job->tree_population) + jt_leaving(job->tree_population);
	while ((member = jt_census_next(&census))) {
		if (!jt_job_within(member->job, job))
			continue;
		below++;
		if (member->job != job)
			continue;
		own++;
		finding = (struct jobtrack_finding){
			.kind = JOBTRACK_FINDING_UNKNOWN,
			.pid = pid_nr_ns(member->pid, audit->ns),
			.start_time = member->start_time,
			.job = job->id,
		};
		known = jt_audit_known(member) && !jt_audit_forgotten(audit, &census, member);
		if (!known)
			jt_audit_tell(audit, &finding);
	}
	jt_census_end(&census);
	mutex_unlock(&tree->list_mutex);

	jt_audit_count(audit, job, JOBTRACK_FINDING_COUNT, counted_own, own);
	jt_audit_count(audit, job, JOBTRACK_FINDING_TREE_COUNT, counted, below);
	return fatal_signal_pending(current) ? -EINTR : 0;
}

static int jt_audit_jobs(struct jt_audit *audit)
{
	unsigned long id = 0;
	struct jt_job *job;
	int err = 0;

	for (; !err; id++) {
		rcu_read_lock();
		job = jt_job_next(&id);
		if (job && !refcount_inc_not_zero(&job->ref)) {
			rcu_read_unlock();
			continue;
		}
		rcu_read_unlock();
		if (!job)
			break;
		audit->audit->jobs++;
		err = jt_audit_job(audit, job);
		jt_job_put(job);
		cond_resched();
	}
	return err;
}

/**
 * jt_audit_take() - compare the membership with the process table
 * @audit: out: all but flags
 *
 * Context: process, may sleep. Return: the findings, which the caller owns, or
 * -ENOMEM, -EINTR.
 */
struct jt_rows *jt_audit_take(struct jobtrack_audit *audit)
{
	struct jt_audit own = { .audit = audit, .ns = task_active_pid_ns(current) };
	int err;

	own.rows = jt_rows_alloc(JT_AUDIT_FINDINGS, sizeof(struct jobtrack_finding));
	if (IS_ERR(own.rows))
		return own.rows;
	err = jt_audit_processes(&own) ?: jt_audit_jobs(&own);
	if (err) {
		jt_rows_free(own.rows);
		return ERR_PTR(err);
	}
	audit->row_size = sizeof(struct jobtrack_finding);
	own.rows->size = min_t(u64, audit->count, JT_AUDIT_FINDINGS) * audit->row_size;
	return own.rows;
}
