/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The atomic list, and the read-only fds that lists are read from.
 */
#ifndef _JT_SNAPSHOT_H
#define _JT_SNAPSHOT_H

#include "command.h"
#include "file.h"
#include "job.h"

struct jt_quota;

/**
 * struct jt_rows - rows to be read, all of one size
 * @file: the fd's side
 * @quota: what they were charged to, or NULL
 * @charged: bytes
 * @size: bytes that can be read
 * @data: what read() gives. Constant once there is a file
 */
struct jt_rows {
	struct jt_file file;
	struct jt_quota *quota;
	size_t charged;
	size_t size;
	char data[] __aligned(8);
};

struct jt_rows *jt_rows_alloc(size_t count, size_t row_size);
void jt_rows_free(struct jt_rows *rows);
long jt_rows_return(struct jt_call *call, struct jt_rows *rows, const char *name,
		    const void *src, size_t size);

struct jt_rows *jt_snapshot_take(struct jt_job *job, struct jobtrack_snapshot *snapshot);

#endif /* _JT_SNAPSHOT_H */
