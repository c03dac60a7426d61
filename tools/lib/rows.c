// SPDX-License-Identifier: LGPL-2.1-or-later
/* Lists, snapshots and audits: rows that may be longer or shorter than this library's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "internal.h"
#include "libjobtrack.h"

void close_keep_errno(int fd)
{
	int err = errno;

	close(fd);
	errno = err;
}

static int read_exactly(int fd, char *buf, size_t size)
{
	while (size) {
		ssize_t n = read(fd, buf, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0) {
			errno = EPROTO;
			return -1;
		}
		buf += n;
		size -= n;
	}
	return 0;
}

/*
 * Both layouts live in one buffer, so the rows are moved in the direction in
 * which none is overwritten before it was moved itself.
 */
static void rows_fit(char *buf, size_t count, size_t have, size_t want)
{
	size_t i;

	if (have > want) {
		for (i = 1; i < count; i++)
			memmove(buf + i * want, buf + i * have, want);
	} else if (have < want) {
		for (i = count; i-- > 0;) {
			memmove(buf + i * want, buf + i * have, have);
			memset(buf + i * want + have, 0, want - have);
		}
	}
}

int rows_read(int fd, uint64_t count, uint32_t row_size, size_t want, void **rows)
{
	size_t larger = row_size > want ? row_size : want;
	char *buf = NULL;

	if (count && !row_size) {
		errno = EPROTO;
		goto fail;
	}
	if (count > SIZE_MAX / larger) {
		errno = ENOMEM;
		goto fail;
	}
	if (count) {
		buf = malloc(count * larger);
		if (!buf || read_exactly(fd, buf, count * row_size))
			goto fail;
		rows_fit(buf, count, row_size, want);
	}
	close(fd);
	*rows = buf;
	return 0;

fail:
	close_keep_errno(fd);
	free(buf);
	return -1;
}

int jobtrack_job_list(int dev, struct jobtrack_job **jobs, size_t *count)
{
	struct jobtrack_list list = { 0 };
	void *rows;
	int fd;

	fd = ioctl(dev, JOBTRACK_IOC_LIST, &list);
	if (fd < 0 || rows_read(fd, list.count, list.row_size, sizeof(**jobs), &rows))
		return -1;
	*jobs = rows;
	*count = list.count;
	return 0;
}

int jobtrack_job_snapshot(int job, struct jobtrack_row **rows, size_t *count,
			  uint64_t *time)
{
	struct jobtrack_snapshot snap = { 0 };
	void *array;
	int fd;

	fd = ioctl(job, JOBTRACK_IOC_SNAPSHOT, &snap);
	if (fd < 0 || rows_read(fd, snap.count, snap.row_size, sizeof(**rows), &array))
		return -1;
	*rows = array;
	*count = snap.count;
	if (time)
		*time = snap.time;
	return 0;
}

#define AUDIT_ROWS	1024	/* of more differences, the module gives the first */

int jobtrack_audit(int dev, struct jobtrack_audit *audit,
		   struct jobtrack_finding **findings, size_t *count)
{
	struct jobtrack_audit copy = { 0 };
	size_t given;
	void *rows;
	int fd;

	fd = ioctl(dev, JOBTRACK_IOC_AUDIT, &copy);
	if (fd < 0)
		return -1;
	given = copy.count < AUDIT_ROWS ? copy.count : AUDIT_ROWS;
	if (rows_read(fd, given, copy.row_size, sizeof(**findings), &rows))
		return -1;
	*audit = copy;
	*findings = rows;
	*count = given;
	return 0;
}

void jobtrack_free(void *array)
{
	free(array);
}
