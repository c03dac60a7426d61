// SPDX-License-Identifier: GPL-2.0
/* What every kernel has: that tests compile at all. */
#include <linux/sched/signal.h>

pid_t test(struct task_struct *task)
{
	return task->pid + task->signal->nr_threads;
}
