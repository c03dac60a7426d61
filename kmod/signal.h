/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The atomic signal: what is delivered, and what a birth owes.
 */
#ifndef _JT_SIGNAL_H
#define _JT_SIGNAL_H

#include <linux/cred.h>
#include <linux/sched/signal.h>

#include "member.h"

/**
 * struct jt_operation - a signal that is being sent to a job
 * @job: the job; its caller has a reference
 * @sig: the signal
 * @number: its place in the order of the tree's operations; SIGKILL has none
 * @began: CLOCK_MONOTONIC, ns
 * @cred: whose permissions count
 * @counts: what user space is told; under tree->lock
 */
struct jt_operation {
	struct jt_job *job;
	int sig;
	u64 number;
	u64 began;
	const struct cred *cred;
	struct jobtrack_signal counts;
};

/* Is @op for @job? Under tree->lock. */
static inline bool jt_operation_covers(const struct jt_operation *op, const struct jt_job *job)
{
	return op && jt_job_within(job, op->job);
}

void jt_deliver(struct jt_member *member, int sig, int priv, struct jobtrack_signal *counts);
void jt_signal_newborn(struct jt_member *parent, struct jt_member *child,
		       struct task_struct *task);
void jt_signal_generated(int sig, struct task_struct *task, int result);
bool jt_signal_selftest(struct pid *pid);

int jt_signal_job(struct jt_job *job, struct jobtrack_signal *counts);
void jt_kill_job(struct jt_job *job, struct jobtrack_signal *counts);

#endif /* _JT_SIGNAL_H */
