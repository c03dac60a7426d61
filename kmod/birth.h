/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Births, and their independent witness.
 */
#ifndef _JT_BIRTH_H
#define _JT_BIRTH_H

#include <linux/sched.h>

void jt_birth(struct task_struct *child);
void jt_witness(struct task_struct *child);

#endif /* _JT_BIRTH_H */
