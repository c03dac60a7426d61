/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Running processes, by PID.
 */
#ifndef _JT_PROCESS_H
#define _JT_PROCESS_H

#include <linux/sched.h>

struct task_struct *jt_find_process(pid_t nr);
bool jt_next_pid(int *nr, struct task_struct **process);

#endif /* _JT_PROCESS_H */
