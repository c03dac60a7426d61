/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The account: what the processes of a job have used, the gone included.
 */
#ifndef _JT_ACCOUNT_H
#define _JT_ACCOUNT_H

#include <linux/sched.h>

#include "job.h"

/**
 * struct jt_usage - what one process has used
 * @foreign: its I/O is not for its job's owner to see
 *
 * Units and meaning of the others are those of struct jobtrack_account.
 */
struct jt_usage {
	u64 utime;
	u64 stime;
	u64 maxrss;
	u64 minflt;
	u64 majflt;
	u64 nvcsw;
	u64 nivcsw;
	struct jt_io io;
	bool foreign;
};

void jt_account_birth(struct jt_job *job);
void jt_account_lost(struct jt_job *job);
void jt_account_joined(struct jt_job *job, struct jt_job *from);

void jt_usage_read(struct jt_usage *usage, struct task_struct *leader, kuid_t owner);
void jt_account_gone(struct jt_job *job, const struct jt_usage *usage, int code);
int jt_process_exit_code(struct task_struct *leader);

int jt_account_take(struct jt_job *job, struct jobtrack_account *account);

#endif /* _JT_ACCOUNT_H */
