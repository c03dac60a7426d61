/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Leaving and gone.
 */
#ifndef _JT_EXIT_H
#define _JT_EXIT_H

#include <linux/sched.h>

#include "job.h"

void jt_exit(struct task_struct *task);
void jt_sweep_init(struct jt_tree *tree);
void jt_sweep_flush(struct jt_tree *tree);

int jt_sweeps_init(void);
void jt_sweeps_stop(void);
void jt_sweeps_exit(void);

#endif /* _JT_EXIT_H */
