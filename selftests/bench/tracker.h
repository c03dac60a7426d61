/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The user's half of the tracker made of BPF, see tracker.bpf.c. There is one at a
 * time, and whoever has begun it lists and kills.
 */
#ifndef JOBTRACK_BENCH_TRACKER_H
#define JOBTRACK_BENCH_TRACKER_H

#include "tracker_row.h"
#include "tracker.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TRACKER_JOB	1

static struct tracker_bpf *tracker;
static bool tracker_has_table;
static int tracker_jobs;	/* the map of jobs by task, also of those who have inherited it */

static inline void tracker_begin(bool with_table)
{
	tracker = tracker_bpf__open();
	if (!tracker)
		err(1, "BPF tracker: opening");
	bpf_program__set_autoload(tracker->progs.enlist, with_table);
	bpf_program__set_autoload(tracker->progs.strike_out, with_table);
	if (!with_table)
		bpf_map__set_max_entries(tracker->maps.members, 1);
	if (tracker_bpf__load(tracker) || tracker_bpf__attach(tracker))
		err(1, "BPF tracker: loading");
	tracker_has_table = with_table;
	tracker_jobs = bpf_map__fd(tracker->maps.job_of);
}

static inline void tracker_end(void)
{
	tracker_bpf__destroy(tracker);
}

/* A process that is known by a pidfd; it must not have forked, nor have threads. */
static inline void tracker_tag(pid_t pid)
{
	int fd = syscall(SYS_pidfd_open, pid, 0);
	struct tracker_row row = { .pid = pid, .job = TRACKER_JOB };

	if (fd < 0 || bpf_map_update_elem(tracker_jobs, &fd, &row.job, BPF_ANY) ||
	    (tracker_has_table &&
	     bpf_map_update_elem(bpf_map__fd(tracker->maps.members), &row.pid, &row, BPF_ANY)))
		err(1, "BPF tracker: tagging %d", pid);
	close(fd);
}

/* The job's members, found among all tasks. Returns how many */
static inline size_t tracker_list(struct tracker_row *rows, size_t max)
{
	int fd = bpf_iter_create(bpf_link__fd(tracker->links.list));
	size_t size = 0, limit = max * sizeof(*rows);
	ssize_t n;

	if (fd < 0)
		err(1, "BPF tracker: listing");
	tracker->bss->listed = TRACKER_JOB;
	while ((n = read(fd, (char *)rows + size, limit - size)) > 0)
		size += n;
	if (n)
		err(1, "BPF tracker: reading the list");
	close(fd);
	return size / sizeof(*rows);
}

/* The members of all jobs, with a table of them */
static inline size_t tracker_list_table(struct tracker_row *rows, size_t max)
{
	int fd = bpf_map__fd(tracker->maps.members);
	static __u32 keys[TRACKER_MEMBERS];
	__u32 in, out, n;
	size_t got = 0;
	int ret;

	do {
		n = max - got;
		ret = bpf_map_lookup_batch(fd, got ? &in : NULL, &out, keys, rows + got, &n, NULL);
		if (ret && errno != ENOENT)
			err(1, "BPF tracker: reading the table");
		got += n;
		in = out;
	} while (!ret && got < max);
	return got;
}

/* One pass over the job, which is condemned. Returns how many were found */
static inline size_t tracker_kill(void)
{
	static struct tracker_row rows[TRACKER_MEMBERS];
	size_t i, n;
	__u32 job;
	int fd;

	tracker->bss->condemned[TRACKER_JOB] = true;
	n = tracker_list(rows, TRACKER_MEMBERS);
	for (i = 0; i < n; i++) {
		fd = syscall(SYS_pidfd_open, rows[i].pid, 0);
		if (fd < 0)
			continue;
		/* The PID may be another's by now. */
		if (!bpf_map_lookup_elem(tracker_jobs, &fd, &job) && job == TRACKER_JOB)
			syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
		close(fd);
	}
	return n;
}

#endif /* JOBTRACK_BENCH_TRACKER_H */
