// SPDX-License-Identifier: GPL-2.0
/* What no kernel has: that tests can fail. */
#include <linux/sched/signal.h>

pid_t test(struct task_struct *task)
{
	return task->jt_no_such_member;
}
