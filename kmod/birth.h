/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Births, and their independent witness.
 */
#ifndef _JT_BIRTH_H
#define _JT_BIRTH_H

#include <linux/sched.h>

#include "member.h"

void jt_birth_of_member(struct task_struct *child);
void jt_witness_compare(struct task_struct *child);

/* The task_newtask probe's work. @child is a new process, current its creator. */
static inline void jt_birth(struct task_struct *child)
{
	/*
	 * Pairs with jt_member_admit()'s smp_mb(): either this look-up finds a
	 * process that has just joined, or who joined it finds the child on the
	 * task list. model: join.pml, B.
	 */
	smp_mb();
	if (unlikely(jt_member_maybe(task_tgid(current))))
		jt_birth_of_member(child);
}

/* The sched_process_fork probe's work, for the same child a little later. */
static inline void jt_witness(struct task_struct *child)
{
	if (unlikely(jt_member_maybe(task_tgid(current)) || jt_member_maybe(task_tgid(child))))
		jt_witness_compare(child);
}

#endif /* _JT_BIRTH_H */
