// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/jobtrack: the module's counters, and a line per job.
 *
 * The format is fixed: lines "# name value", one line of column names, then the
 * jobs. Columns are only ever added before LABEL.
 */
#include <linux/cred.h>
#include <linux/moduleparam.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/timekeeping.h>

#include "counters.h"
#include "job.h"
#include "procfs.h"

static bool jt_visible;
module_param_named(visible, jt_visible, bool, 0644);
MODULE_PARM_DESC(visible, "show every job's line in /proc/jobtrack to everybody (default: to its owner and creator, those of jobs above, its tree's members and administrators)");

static const char * const jt_state_names[] = {
	[JOBTRACK_EMPTY]	= "empty",
	[JOBTRACK_RUNNING]	= "running",
	[JOBTRACK_KILLING]	= "killing",
	[JOBTRACK_KILLED]	= "killed",
};

/*
 * A position is 0 for the head, else the least ID that the next line may have.
 * A job that ends while its line is made keeps its memory: from start or next to
 * show it is under RCU.
 */
static void *jt_seq_job(loff_t *pos)
{
	unsigned long id = *pos;
	struct jt_job *job = jt_job_next(&id);

	if (job)
		*pos = id;
	return job;
}

static void *jt_seq_start(struct seq_file *seq, loff_t *pos)
	__acquires(RCU)
{
	rcu_read_lock();
	return *pos ? jt_seq_job(pos) : SEQ_START_TOKEN;
}

static void *jt_seq_next(struct seq_file *seq, void *v, loff_t *pos)
{
	/* Between two lines nothing needs to stay: there may be very many. */
	rcu_read_unlock();
	cond_resched();
	rcu_read_lock();
	++*pos;
	return jt_seq_job(pos);
}

/*
 * May whoever opened the file see the job? Who reads it may be a setuid program. (That
 * a member sees its own tree is asked of the reader: it may look anyway.)
 */
static bool jt_seq_may_look(struct seq_file *seq, struct jt_job *job)
{
	const struct cred *old = override_creds(seq->file->f_cred);
	bool may = jt_job_may_look(job);

	revert_creds(old);
	return may;
}

static void jt_seq_stop(struct seq_file *seq, void *v)
	__releases(RCU)
{
	rcu_read_unlock();
}

static void jt_seq_head(struct seq_file *seq)
{
	int i;

	for (i = 0; i < JT_NR_COUNTERS; i++)
		seq_printf(seq, "# %s %llu\n", jt_counter_name(i), jt_counter_sum(i));
	seq_puts(seq, "ID PARENT UID STATE PROCS LEAVING BIRTHS LOST AGE_S LABEL\n");
}

static int jt_seq_show(struct seq_file *seq, void *v)
{
	struct jobtrack_job state;

	if (v == SEQ_START_TOKEN) {
		jt_seq_head(seq);
		return 0;
	}
	if (!READ_ONCE(jt_visible) && !jt_seq_may_look(seq, v))
		return 0;

	jt_job_state(v, &state);
	seq_printf(seq, "%llu %llu %u %s %u %u %llu %llu %llu %s\n", state.id, state.parent,
		   state.uid, jt_state_names[state.state], state.procs, state.leaving,
		   state.births, state.lost,
		   div_u64(ktime_get_boottime_ns() - state.created, NSEC_PER_SEC),
		   *state.label ? state.label : "-");
	return 0;
}

static const struct seq_operations jt_seq_ops = {
	.start = jt_seq_start,
	.next = jt_seq_next,
	.stop = jt_seq_stop,
	.show = jt_seq_show,
};

int __init jt_procfs_init(void)
{
	return proc_create_seq("jobtrack", 0444, NULL, &jt_seq_ops) ? 0 : -ENOMEM;
}

void jt_procfs_exit(void)
{
	/* Waits for readers, those of a forced unload included. */
	remove_proc_entry("jobtrack", NULL);
}
