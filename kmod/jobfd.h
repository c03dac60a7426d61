/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Job fds.
 */
#ifndef _JT_JOBFD_H
#define _JT_JOBFD_H

#include <linux/fs.h>

#include "job.h"

struct file *jt_jobfd_open(struct jt_job *job, bool manage);
int jt_jobfd_enter(struct file *file);

#endif /* _JT_JOBFD_H */
