/* SPDX-License-Identifier: GPL-2.0 */
#ifndef JOBTRACK_RUN_H
#define JOBTRACK_RUN_H

#include <stdbool.h>
#include <stdint.h>

/* Become @argv; what execvp(3) leaves is the exit status of a failure. */
int exec_command(char **argv);

/*
 * Run @argv in @job as a child. @kill: end the job when it ends. @timeout_ms: end
 * the job then, if not below 0. Returns the exit status.
 */
int run_supervised(int job, char **argv, int64_t timeout_ms, bool kill);

#endif
