// SPDX-License-Identifier: GPL-2.0
/* jobtrack run: a command in a job of its own. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common.h"
#include "run.h"

int exec_command(char **argv)
{
	int err;

	execvp(argv[0], argv);
	err = errno;
	complain("%s: %s", argv[0], strerror(err));
	return err == ENOENT ? STATUS_NOCMD : STATUS_NOEXEC;
}

static void __attribute__((noreturn)) die_uncreated(const char *label)
{
	switch (errno) {
	case EEXIST:
		die(STATUS_FAILED, "a job of yours has the label %s; see 'jobtrack list'", label);
	case ECANCELED:
		die(STATUS_FAILED, "the job that this runs in was killed");
	case EMLINK:
		die(STATUS_FAILED, "jobs are nested %d deep already", JOBTRACK_MAX_DEPTH);
	case EDQUOT:
		die(STATUS_FAILED, "too many jobs: of yours, or of this job's members");
	}
	die(STATUS_FAILED, "cannot make a job: %s", strerror(errno));
}

static const char *parse_label(const char *text)
{
	if (jobtrack_label_check(text))
		bad_usage("'%s' is no label: a letter and at most %d of A-Za-z0-9._:@+-",
			  text, JOBTRACK_LABEL_SIZE - 2);
	return text;
}

static int run_main(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "label", required_argument, NULL, 'l' },
		{ "print-id", no_argument, NULL, 'p' },
		{ "timeout", required_argument, NULL, 't' },
		{ "kill", no_argument, NULL, 'k' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	bool print_id = false, kill = false, supervise;
	const char *label = NULL;
	int64_t timeout = -1;
	uint64_t flags, id;
	int opt, job;

	while ((opt = next_option(argc, argv, "+l:pt:k", longopts)) != -1) {
		switch (opt) {
		case 'l':
			label = parse_label(optarg);
			break;
		case 'p':
			print_id = true;
			break;
		case 't':
			timeout = parse_seconds(optarg);
			if (!timeout)
				bad_usage("the time for the job must be more than 0");
			break;
		case 'k':
			kill = true;
			break;
		}
	}
	if (optind == argc)
		bad_usage("a CMD is needed");

	/*
	 * Every fd here is close-on-exec, and where nothing is to be supervised
	 * this process itself becomes the command: it finds the job in nothing
	 * that it can see of itself.
	 */
	supervise = kill || timeout >= 0;
	flags = supervise ? 0 : JOBTRACK_CREATE_ENTER;
	if (kill)
		flags |= JOBTRACK_CREATE_KILL_ON_CLOSE;
	job = jobtrack_job_create(open_device(), flags, 0, 0, label, &id);
	if (job < 0)
		die_uncreated(label);
	if (print_id)
		fprintf(stderr, "%" PRIu64 "\n", id);
	if (supervise)
		return run_supervised(job, argv + optind, timeout, kill);
	return exec_command(argv + optind);
}

const struct command run_command = {
	.name = "run",
	.synopsis = "[options] [--] CMD [ARG...]",
	.summary = "Run a command in a new job, which everything that it starts is born into.",
	.options =
	" -l, --label LABEL     name the job; no other of your jobs may have the label\n"
	" -p, --print-id        print the job's ID on stderr\n"
	" -t, --timeout SEC     kill the job after SEC seconds, and exit with 3\n"
	" -k, --kill            kill the job when CMD ends, or this command in any way\n",
	.notes =
	"Within a job, the new one is below it. With neither -t nor -k, this process\n"
	"becomes CMD. With -t alone, waits for what CMD leaves behind as well.\n\n"
	"Exit status: CMD's, or 128+N if it died of signal N; 126 if it cannot be\n"
	"executed, 127 if there is none; 1 if the job could not be made; 2 usage or\n"
	"module not there; 3 if the time was up.\n",
	.main = run_main,
};
