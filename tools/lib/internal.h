/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef JOBTRACK_INTERNAL_H
#define JOBTRACK_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

/*
 * Take a read-only fd of @count rows of @row_size bytes each, close it, and hand
 * out an array of rows of @want bytes: cut where the module's are longer, filled
 * with zeros where they are shorter.
 */
int rows_read(int fd, uint64_t count, uint32_t row_size, size_t want, void **rows);

/* close() in an error path: errno says what went wrong before. */
void close_keep_errno(int fd);

#endif
