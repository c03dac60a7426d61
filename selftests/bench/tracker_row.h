/* SPDX-License-Identifier: GPL-2.0 */
/* What the tracker's two halves share */
#ifndef JOBTRACK_BENCH_TRACKER_ROW_H
#define JOBTRACK_BENCH_TRACKER_ROW_H

#include <linux/types.h>

#define TRACKER_JOBS	128
#define TRACKER_MEMBERS	(1 << 17)

struct tracker_row {
	__u64 start;
	__u32 pid;
	__u32 job;
};

#endif /* JOBTRACK_BENCH_TRACKER_ROW_H */
