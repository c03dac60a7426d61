// SPDX-License-Identifier: GPL-2.0
/* jobtrack which: the job that a process is in. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common.h"

static bool print_job_of(int dev, pid_t pid)
{
	struct jobtrack_which which;

	if (jobtrack_process_job(dev, pid, &which)) {
		if (errno == ESRCH)
			complain("no such process: %d", pid);
		else if (errno == EACCES)
			complain("%d: in a job that you may not see", pid);
		else
			complain("%d: %s", pid, strerror(errno));
		return false;
	}
	if (!which.id) {
		complain("%d: in no job", pid);
		return false;
	}
	printf("%d %" PRIu64 " %.*s\n", pid, (uint64_t)which.id, JOBTRACK_LABEL_SIZE,
	       which.label[0] ? which.label : "-");
	return true;
}

static int which_main(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	int status = STATUS_OK;
	int i, dev;

	while (next_option(argc, argv, "", longopts) != -1)
		;
	if (optind == argc)
		bad_usage("a PID is needed");
	for (i = optind; i < argc; i++)
		parse_pid(argv[i]);

	dev = open_device();
	for (i = optind; i < argc; i++)
		if (!print_job_of(dev, parse_pid(argv[i])))
			status = STATUS_FAILED;
	return status;
}

const struct command which_command = {
	.name = "which",
	.synopsis = "PID...",
	.summary = "Print PID, ID and LABEL of the job that each process is in.",
	.options = "",
	.notes =
	"Exit status: 1 if one of the processes is in no job. LABEL is '-' where the\n"
	"job has none.\n",
	.main = which_main,
};
