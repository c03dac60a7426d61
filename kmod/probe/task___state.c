// SPDX-License-Identifier: GPL-2.0
/* A task has __state, instead of state. */
#include <linux/sched.h>

unsigned int test(struct task_struct *task)
{
	return task->__state;
}
