/* SPDX-License-Identifier: GPL-2.0 */
/* A job that does not get empty: what remains of it. */
#ifndef JOBTRACK_REMAINING_H
#define JOBTRACK_REMAINING_H

#include <stdbool.h>
#include <stdio.h>

/*
 * True if the job is empty after all; else a line to @out for each process that
 * remains, and a complaint. @name is how the user named the job.
 */
bool empty_or_tell(FILE *out, int dev, int job, const char *name);

/* What such a line has, for --help */
#define REMAINING_LINE \
	"A line has: PID, state (letter and word), for how long it has been leaving (or\n" \
	"alive, if it does not exit), the kernel function that it sleeps in ('?' if not\n" \
	"known or not for you), what it waits for where that is known, and the command.\n"

#endif
