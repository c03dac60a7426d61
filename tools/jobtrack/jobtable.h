/* SPDX-License-Identifier: GPL-2.0 */
/* The columns that list and stat have in common. */
#ifndef JOBTRACK_JOBTABLE_H
#define JOBTRACK_JOBTABLE_H

#include <libjobtrack.h>

#include "table.h"

extern const struct column job_columns[];

/* Add a row; @now is CLOCK_BOOTTIME (ns), for the job's age. */
void job_row(struct table *table, const struct jobtrack_job *job, uint64_t now);

uint64_t boottime_ns(void);

#endif
