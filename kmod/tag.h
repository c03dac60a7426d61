/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Running processes, by PID.
 */
#ifndef _JT_TAG_H
#define _JT_TAG_H

#include <linux/sched.h>

#include "job.h"

struct task_struct *jt_find_process(pid_t nr);
int jt_tag(struct jt_job *job, struct jobtrack_tag *tag);

#endif /* _JT_TAG_H */
