/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Leaving and gone.
 */
#ifndef _JT_EXIT_H
#define _JT_EXIT_H

#include <linux/sched.h>

#include "job.h"
#include "member.h"

void jt_exit_of_member(struct task_struct *task);

/* The sched_process_exit probe's work. @task is current, a last thread. */
static inline void jt_exit(struct task_struct *task)
{
	if (unlikely(jt_member_maybe(task_tgid(task))))
		jt_exit_of_member(task);
}

void jt_sweep_init(struct jt_tree *tree);
/* For what may wait; the last of it is cancelled before jt_sweeps_exit(). */
extern struct workqueue_struct *jt_sweeps;

bool jt_process_is_gone(struct task_struct *leader);
void jt_reap(struct jt_tree *tree, struct list_head *retired);
void jt_put_all(struct list_head *retired);
void jt_sweep_urge(struct jt_job *job);
void jt_sweep_flush(struct jt_tree *tree);

int jt_sweeps_init(void);
void jt_sweeps_stop(void);
void jt_sweeps_exit(void);

#endif /* _JT_EXIT_H */
