// SPDX-License-Identifier: GPL-2.0
/* A signal reaches the forks in flight: signal->multiprocess. */
#include <linux/sched/signal.h>

void test(struct task_struct *task, struct multiprocess_signals *fork)
{
	hlist_add_head(&fork->node, &task->signal->multiprocess);
}
