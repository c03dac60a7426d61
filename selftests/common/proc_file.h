/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /proc/jobtrack, read and taken apart. Its format is checked to the byte.
 */
#ifndef JOBTRACK_TEST_PROC_FILE_H
#define JOBTRACK_TEST_PROC_FILE_H

#include "proc.h"

#define PROC_FILE	"/proc/jobtrack"
#define HEAD		"ID PARENT UID STATE PROCS LEAVING BIRTHS LOST AGE_S LABEL"

struct line {
	uint64_t id, parent, births, lost, age;
	unsigned int uid, procs, leaving;
	char state[16], label[JOBTRACK_LABEL_SIZE + 8];
};

/* The line of a job; false if there is none or it is not as it should be, to the byte */
static inline bool find_line(const char *text, uint64_t id, struct line *line)
{
	char start[32], same[256], *p;

	snprintf(start, sizeof(start), "\n%llu ", (unsigned long long)id);
	p = strstr(text, start);
	if (!p)
		return false;
	p++;
	memset(line, 0, sizeof(*line));
	if (sscanf(p, "%lu %lu %u %15s %u %u %lu %lu %lu %71s", &line->id, &line->parent,
		   &line->uid, line->state, &line->procs, &line->leaving, &line->births,
		   &line->lost, &line->age, line->label) != 10)
		return false;
	snprintf(same, sizeof(same), "%lu %lu %u %s %u %u %lu %lu %lu %s\n", line->id,
		 line->parent, line->uid, line->state, line->procs, line->leaving,
		 line->births, line->lost, line->age, line->label);
	return !strncmp(p, same, strlen(same));
}

static inline bool read_proc(char *text, size_t size)
{
	return read_file(PROC_FILE, text, size) > 0;
}

/* Into the tail of the struct, in the order of the file */
static inline bool read_counters(struct jobtrack_info *info)
{
	char text[1 << 14], *at = text;

	if (!read_proc(text, sizeof(text)))
		return false;
	for (uint64_t *value = (uint64_t *)&info->jobs; value < (uint64_t *)(info + 1); value++) {
		if (sscanf(at, "# %*s %lu", value) != 1)
			return false;
		at = strchr(at, '\n') + 1;
	}
	return true;
}

/* Read on to the end in pieces, each at an offset of its own if @at; the length */
static inline size_t read_pieces(int fd, char *text, size_t used, size_t room, size_t piece,
				 bool at)
{
	ssize_t n;

	while (used + piece < room) {
		n = at ? pread(fd, text + used, piece, used) : read(fd, text + used, piece);
		if (n <= 0)
			break;
		used += n;
	}
	text[used] = 0;
	return used;
}

#endif /* JOBTRACK_TEST_PROC_FILE_H */
