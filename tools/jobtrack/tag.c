// SPDX-License-Identifier: GPL-2.0
/* jobtrack tag: put running processes into a job. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common.h"

static const char *why_not(int err)
{
	switch (err) {
	case ESRCH:
		return "no such process, or it is exiting; a thread's ID is not a process's";
	case ESTALE:
		return "it ended, and another process has its PID";
	case EINVAL:
		return "init and kernel threads cannot be in a job";
	case EAGAIN:
		return "it is being born; try again";
	case EPERM:
		return "not yours to signal, or the job is not yours to manage";
	case EACCES:
		return "in a job that you may not see";
	case EBUSY:
		return "in a job already; it can only move to one below that";
	case ECANCELED:
		return "the job was killed; nothing may enter it any more";
	case EINTR:
		return "interrupted; descendants found before are in the job";
	}
	return strerror(err);
}

static bool tag(int job, int dev, bool tree, pid_t pid)
{
	uint32_t tagged, denied;

	if (jobtrack_job_tag_pid(job, dev, tree ? JOBTRACK_TAG_TREE : 0, pid, &tagged,
				 &denied)) {
		complain("%d: %s", pid, why_not(errno));
		return false;
	}
	if (!tree)
		return true;
	printf("%u tagged", tagged);
	if (denied)
		printf(", %u denied", denied);
	putchar('\n');
	if (denied)
		complain("%d: %u descendants left out: not yours to signal, or in another job",
			 pid, denied);
	return !denied;
}

static int tag_main(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "tree", no_argument, NULL, 'T' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	int status = STATUS_OK;
	struct jobtrack_ref ref;
	int i, opt, dev, job;
	bool tree = false;

	while ((opt = next_option(argc, argv, "T", longopts)) != -1)
		if (opt == 'T')
			tree = true;
	if (optind == argc)
		bad_usage("a JOB is needed");
	if (optind + 1 == argc)
		bad_usage("a PID is needed");
	parse_job(argv[optind], &ref);
	for (i = optind + 1; i < argc; i++)
		parse_pid(argv[i]);

	dev = open_device();
	job = open_job(dev, JOBTRACK_OPEN_MANAGE, &ref, argv[optind]);
	if (job < 0)
		return STATUS_FAILED;
	for (i = optind + 1; i < argc; i++)
		if (!tag(job, dev, tree, parse_pid(argv[i])))
			status = STATUS_FAILED;
	return status;
}

const struct command tag_command = {
	.name = "tag",
	.synopsis = "[options] JOB PID...",
	.summary = "Put running processes into a job.",
	.options =
	" -T, --tree            and their descendants, as far as they can be found;\n"
	"                         prints 'N tagged'\n",
	.notes =
	"What a process created before it was tagged stays outside; the way without a\n"
	"gap is 'jobtrack run'. There is no way out of a job.\n",
	.main = tag_main,
};
