// SPDX-License-Identifier: GPL-2.0
/*
 * oldway - a batch job as it is started, tracked and killed without help from
 * the kernel: by process group, session, process tree, environment cookie or
 * supplementary group ID
 *
 * The killers are meant to be good ones: they do it again and again for as long
 * as told. common/oldways.h has how they find what they kill.
 */
#define _GNU_SOURCE
#include "common/oldways.h"

#include <grp.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#define EMPTY_PASSES	20	/* in a row, and a killer takes its work for done */
#define LOOK_S		0.5	/* how long to look at what doesn't keep still */

static long id;			/* the job's first process, its group ID, or a user */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* --------------------------------------------------------------- the killer */

static unsigned int found, signalled;
static bool whole_group;

static void kill_one(pid_t pid)
{
	found++;
	signalled += !kill(whole_group ? -id : pid, SIGKILL);
}

static void kill_job(const struct oldway *by, double seconds)
{
	double start = now();
	int passes = 0, empty = 0;

	whole_group = by->ours == in_pgrp;
	do {
		unsigned int before = found;

		oldway_each(by, id, kill_one);
		passes++;
		empty = found == before ? empty + 1 : 0;
	} while (empty < EMPTY_PASSES && now() - start < seconds);
	printf("%d pass%s over /proc in %.1f s: found %u, signalled %u%s\n", passes,
	       passes == 1 ? "" : "es", now() - start, found, signalled,
	       empty == EMPTY_PASSES ? "; nothing more to be found" : "");
}

/* ------------------------------------------------- before, and afterwards */

static void start_job(uid_t uid, gid_t gid, rlim_t limit, char **argv)
{
	struct rlimit nproc = { limit, limit };
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv(COOKIE, pid, 1);
	if (setsid() < 0 || setrlimit(RLIMIT_NPROC, &nproc) || setgroups(1, &gid) ||
	    setgid(uid) || setuid(uid))
		err(1, "start");
	execvp(argv[0], argv);
	err(1, "%s", argv[0]);
}

static unsigned long births(void)
{
	static char buf[1 << 16];

	read_entry(".", "stat", buf, sizeof(buf));
	return strtoul(field(buf, "\nprocesses "), NULL, 10);
}

/* Of the user, and may still run (whoever escapes here has one thread) */
static bool is_alive(const char *pid)
{
	char status[4096];
	struct stat_line s;

	read_entry(pid, "status", status, sizeof(status));
	return atol(field(status, "\nUid:\t")) == id && read_stat(pid, &s) &&
	       !(strtoull(field(status, "\nSigPnd:\t"), NULL, 16) & 1ULL << (SIGKILL - 1));
}

/*
 * Exact if nothing was born meanwhile; of what never stands still, the most that
 * was seen at once, with a + behind it.
 */
static void count_alive(void)
{
	unsigned long before, first = births();
	unsigned int alive, most = 0, looks = 0;
	struct stat_line s;
	double start = now();
	char last[16] = "";
	bool exact;

	do {
		DIR *dir = open_proc();
		const char *pid;

		before = births();
		alive = 0;
		while ((pid = next_process(dir))) {
			if (!is_alive(pid))
				continue;
			alive++;
			snprintf(last, sizeof(last), "%.15s", pid);
		}
		closedir(dir);
		exact = births() == before;
		most = alive > most ? alive : most;
		looks++;
	} while (!exact && now() - start < LOOK_S);

	if (!exact)
		printf("%u+ alive (in %u look%s no more at once; %lu were born meanwhile)\n",
		       most, looks, looks == 1 ? "" : "s", births() - first);
	else if (alive && read_stat(last, &s))
		printf("%u alive (PID %s: parent %d, process group %d, session %d)\n",
		       alive, last, s.ppid, s.pgrp, s.sid);
	else
		printf("%u alive\n", alive);
}

int main(int argc, char **argv)
{
	long uid = 1000, gid = 20001, limit = 300;
	const struct oldway *by;
	double seconds = 0;
	int c;

	while ((c = getopt(argc, argv, "+u:g:n:t:")) != -1) {
		if (c == 'u')
			uid = atol(optarg);
		else if (c == 'g')
			gid = atol(optarg);
		else if (c == 'n')
			limit = atol(optarg);
		else if (c == 't')
			seconds = atof(optarg);
		else
			goto usage;
	}
	if (argc - optind < 2)
		goto usage;
	if (!strcmp(argv[optind], "start"))
		start_job(uid, gid, limit, argv + optind + 1);
	id = atol(argv[optind + 1]);
	if (id < 2 || argc - optind > 2)
		goto usage;
	if (!strcmp(argv[optind], "look")) {
		count_alive();
		return 0;
	}
	by = oldway(argv[optind]);
	if (by) {
		kill_job(by, seconds);
		return 0;
	}
usage:
	fprintf(stderr, "usage: oldway [-u UID] [-g GID] [-n PROCESSES] start CMD...\n"
		"       oldway [-t SECONDS] pgrp|session|tree|cookie PID\n"
		"       oldway [-t SECONDS] gid GID\n"
		"       oldway look UID\n");
	return 2;
}
