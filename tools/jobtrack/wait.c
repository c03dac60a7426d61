// SPDX-License-Identifier: GPL-2.0
/* jobtrack wait: until a job is empty, or say what keeps it from that. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common.h"
#include "remaining.h"

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
	return empty_or_tell(stdout, dev, job, argv[optind]) ? STATUS_OK : STATUS_TIMEOUT;
}

const struct command wait_command = {
	.name = "wait",
	.synopsis = "[options] JOB",
	.summary = "Wait until a job is empty: all that were in it have gone, their files closed.",
	.options =
	" -t, --timeout SEC     give up after SEC seconds (0: only look), exit with 3, and\n"
	"                         print a line for each process that remains\n",
	.notes =
	REMAINING_LINE,
	.main = wait_main,
};
