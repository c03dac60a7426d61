// SPDX-License-Identifier: GPL-2.0
/* jobtrack wait: until a job is empty, or say what keeps it from that. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "proc.h"

static void print_process(int dev, const struct jobtrack_row *row, uint64_t now)
{
	bool leaving = row->leaving_since;
	uint64_t since = leaving ? row->leaving_since : row->start_time;
	uint64_t ms = now > since ? (now - since) / 1000000 : 0;
	struct process process = { .state = '?' };
	bool there = process_read(dev, row, THREAD_STUCK, &process);
	char *command = printable(there ? process.command : "?");

	printf("%d %c (%s), %s for %" PRIu64 ".%03u s, in %s: %s\n", row->pid, process.state,
	       there ? state_words(process.state) : "gone by now",
	       leaving ? "leaving" : "alive", ms / 1000, (unsigned int)(ms % 1000),
	       there && process.where ? process.where : "?", command);
	free(command);
	if (there)
		process_free(&process);
}

/* Empty after all, or STATUS_TIMEOUT with a line for each process that remains. */
static int report(int dev, int job, const char *name)
{
	struct jobtrack_row *rows;
	uint64_t now;
	size_t count, i;

	if (jobtrack_job_snapshot(job, &rows, &count, &now))
		die(STATUS_FAILED, "%s: %s", name, strerror(errno));
	if (!count && !jobtrack_job_wait(job, 0))
		return STATUS_OK;
	for (i = 0; i < count; i++)
		print_process(dev, &rows[i], now);
	jobtrack_free(rows);
	complain("%s is not empty: %zu process%s", name, count,
		 count == 1 ? " remains" : "es remain");
	return STATUS_TIMEOUT;
}

static int wait_main(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct jobtrack_ref ref;
	int64_t timeout = -1;
	int opt, dev, job;

	while ((opt = next_option(argc, argv, "t:", longopts)) != -1)
		if (opt == 't')
			timeout = parse_seconds(optarg);
	if (optind + 1 != argc)
		bad_usage(optind < argc ? "only one JOB at a time" : "a JOB is needed");
	parse_job(argv[optind], &ref);

	dev = open_device();
	job = open_job(dev, 0, &ref, argv[optind]);
	if (job < 0)
		return STATUS_FAILED;
	if (!jobtrack_job_wait(job, timeout))
		return STATUS_OK;
	if (errno != ETIMEDOUT)
		die(STATUS_FAILED, "%s: %s", argv[optind], strerror(errno));
	return report(dev, job, argv[optind]);
}

const struct command wait_command = {
	.name = "wait",
	.synopsis = "[options] JOB",
	.summary = "Wait until a job is empty: all that were in it have gone, their files closed.",
	.options =
	" -t, --timeout SEC     give up after SEC seconds (0: only look), exit with 3, and\n"
	"                         print a line for each process that remains\n",
	.notes =
	"A line has: PID, state (letter and word), for how long it has been leaving (or\n"
	"alive, if it does not exit), the kernel function that it sleeps in ('?' if not\n"
	"known or not for you), and the command line.\n",
	.main = wait_main,
};
