// SPDX-License-Identifier: GPL-2.0
/* jobtrack kill: signal every process of a job, atomically. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common.h"
#include "remaining.h"

struct target {
	const char *name;
	struct jobtrack_ref ref;
	int fd;
};

static void print_count(uint64_t n, const char *what)
{
	if (n)
		printf(", %" PRIu64 " %s", n, what);
}

/* What was asked for is @verb'ed; the job is named where there are several. */
static bool signal_job(const struct target *target, int sig, const char *verb, bool several)
{
	struct jobtrack_signal counts;

	if (jobtrack_job_signal(target->fd, sig, &counts)) {
		if (errno == EPERM)
			complain("%s: the job is not yours to signal", target->name);
		else
			complain("%s: %s", target->name, strerror(errno));
		return false;
	}
	printf("%" PRIu64 " %s", (uint64_t)(counts.signalled + counts.newborns), verb);
	print_count(counts.newborns, "newborn");
	print_count(counts.ignored, "ignored");
	print_count(counts.pending, "pending");
	print_count(counts.info_lost, "without siginfo");
	print_count(counts.denied, "denied");
	if (several)
		printf(" (%s)", target->name);
	putchar('\n');
	/* Whoever waits on a pipe should see it before a -w is over. */
	fflush(stdout);
	if (!counts.denied)
		return true;
	complain("%s: %" PRIu64 " process%s not yours to signal; KILL would reach every one",
		 target->name, (uint64_t)counts.denied, counts.denied == 1 ? " is" : "es are");
	return false;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* True also where there is nothing to wait for. */
static bool empty_by(const struct target *target, int64_t deadline)
{
	int64_t left = deadline - now_ms();

	return target->fd < 0 || !jobtrack_job_wait(target->fd, left > 0 ? left : 0) ||
	       errno != ETIMEDOUT;
}

/*
 * All jobs were signalled at the same time: the time is up for all at once, and
 * none waits for another to get its KILL. After that there is nothing stronger:
 * say once what remains, and wait on.
 */
static bool wait_and_kill(struct target *targets, int count, int dev, int sig, int64_t timeout)
{
	int64_t deadline = now_ms() + timeout;
	bool all = true;
	int i;

	for (i = 0; i < count && sig != SIGKILL; i++) {
		if (empty_by(&targets[i], deadline) ||
		    signal_job(&targets[i], SIGKILL, "killed", count > 1))
			continue;
		targets[i].fd = -1;
		all = false;
	}
	deadline = now_ms() + (timeout > 1000 ? timeout : 1000);
	for (i = 0; i < count; i++)
		if (!empty_by(&targets[i], deadline))
			empty_or_tell(stderr, dev, targets[i].fd, targets[i].name);
	for (i = 0; i < count; i++) {
		if (targets[i].fd < 0 || !jobtrack_job_wait(targets[i].fd, -1))
			continue;
		complain("%s: %s", targets[i].name, strerror(errno));
		all = false;
	}
	return all;
}

static int kill_jobs(struct target *targets, int count, int sig, int64_t timeout)
{
	int dev = open_device();
	int status = STATUS_OK;
	int i;

	for (i = 0; i < count; i++) {
		struct target *target = &targets[i];

		target->fd = open_job(dev, 0, &target->ref, target->name);
		if (target->fd < 0 || !signal_job(target, sig, "signalled", count > 1))
			status = STATUS_FAILED;
	}
	if (timeout >= 0 && !wait_and_kill(targets, count, dev, sig, timeout))
		status = STATUS_FAILED;
	return status;
}

/*
 * As kill(1) takes a signal, -9 or -TERM; in capitals, since small letters are
 * options. What belongs to an option is let be.
 */
static void take_bare_signals(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		const char *arg = argv[i];

		if (!strcmp(arg, "-s") || !strcmp(arg, "--signal") ||
		    !strcmp(arg, "-w") || !strcmp(arg, "--wait"))
			i++;
		else if (arg[0] == '-' && (isdigit((unsigned char)arg[1]) ||
					   isupper((unsigned char)arg[1])))
			argv[i] = xasprintf("--signal=%s", arg + 1);
	}
}

static int kill_main(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "signal", required_argument, NULL, 's' },
		{ "wait", required_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct target *targets;
	int64_t timeout = -1;
	int sig = SIGTERM;
	int i, opt, count;

	take_bare_signals(argc, argv);
	while ((opt = next_option(argc, argv, "s:w:", longopts)) != -1) {
		switch (opt) {
		case 's':
			sig = parse_signal(optarg);
			break;
		case 'w':
			timeout = parse_seconds(optarg);
			break;
		}
	}
	count = argc - optind;
	if (!count)
		bad_usage("a JOB is needed");
	targets = xalloc(count * sizeof(*targets));
	for (i = 0; i < count; i++) {
		targets[i].name = argv[optind + i];
		parse_job(targets[i].name, &targets[i].ref);
	}
	return kill_jobs(targets, count, sig, timeout);
}

const struct command kill_command = {
	.name = "kill",
	.synopsis = "[options] JOB...",
	.summary = "Signal every process of a job and of all below it, atomically.",
	.options =
	" -s, --signal SIG      a name (TERM, SIGTERM, RTMIN+1) or number; default TERM\n"
	" -9, -KILL, ...        the same, as kill(1) takes it\n"
	" -w, --wait SEC        then wait until the job is empty; after SEC seconds, KILL;\n"
	"                         if that takes as long again, tell once what remains\n",
	.notes =
	"Prints 'N signalled', and behind it what was special about them. KILL reaches\n"
	"every member of a job; any other signal those that kill(2) would let you signal.\n\n"
	"What remains goes to standard error as 'jobtrack wait --help' describes it.\n\n"
	"Exit status: 1 if a job does not exist or a process could not be signalled.\n",
	.main = kill_main,
};
