/* SPDX-License-Identifier: GPL-2.0 */
/* The processes of users that are in no job. */
#ifndef JOBTRACK_STRAYS_H
#define JOBTRACK_STRAYS_H

#include <stdbool.h>

#include "table.h"

extern const struct column stray_columns[];

/*
 * Print them as a table. Each of the first three is an option's argument or NULL:
 * a range of user IDs, users to leave out, columns. Returns STATUS_FAILED if there
 * are some; a bad argument ends the program with STATUS_USAGE.
 */
int list_strays(const char *uids, const char *except, const char *chosen, bool json);

#endif
