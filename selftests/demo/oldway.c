// SPDX-License-Identifier: GPL-2.0
/*
 * oldway - a batch job as it is started, tracked and killed without help from
 * the kernel: by process group, session, process tree, environment cookie or
 * supplementary group ID
 *
 * The killers are meant to be good ones: they signal what they find as soon as
 * they may, do it again and again for as long as told, and skip the dead.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define COOKIE		"BATCH_JOB_COOKIE"
#define EMPTY_PASSES	20	/* in a row, and a killer takes its work for done */
#define LOOK_S		0.5	/* how long to look at what doesn't keep still */
#define PF_EXITING	0x4	/* in the flags of /proc/PID/stat */

struct stat_line {
	pid_t ppid, pgrp, sid;
};

static long id;			/* the job's first process, its group ID, or a user */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static DIR *open_proc(void)
{
	DIR *dir = opendir("/proc");

	if (!dir)
		err(1, "/proc");
	return dir;
}

static ssize_t read_proc(const char *dir, const char *name, char *buf, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buf, size - 1);
	close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return n;
}

/* False for what is dead or has begun to exit */
static bool read_stat(const char *pid, struct stat_line *s)
{
	unsigned int flags;
	char buf[1024], *rest;

	read_proc(pid, "stat", buf, sizeof(buf));
	rest = strrchr(buf, ')');
	return rest && sscanf(rest, ") %*c %d %d %d %*d %*d %u", &s->ppid, &s->pgrp, &s->sid,
			      &flags) == 4 && !(flags & PF_EXITING);
}

static const char *field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? at + strlen(name) : "";
}

/* ------------------------------------------------------------ the strategies */

static bool in_pgrp(const char *pid)
{
	struct stat_line s;

	return read_stat(pid, &s) && s.pgrp == id;
}

static bool in_session(const char *pid)
{
	struct stat_line s;

	return read_stat(pid, &s) && s.sid == id;
}

static bool in_tree(const char *pid)
{
	struct stat_line s;
	char parent[16];

	if (!read_stat(pid, &s))
		return false;
	if (atol(pid) == id)
		return true;
	snprintf(parent, sizeof(parent), "%d", s.ppid);
	return s.ppid > 1 && in_tree(parent);
}

static bool has_cookie(const char *pid)
{
	static char environ[1 << 17];
	ssize_t n = read_proc(pid, "environ", environ, sizeof(environ));

	for (char *s = environ; n > 0 && s < environ + n; s += strlen(s) + 1)
		if (!strncmp(s, COOKIE "=", sizeof(COOKIE)) && atol(s + sizeof(COOKIE)) == id)
			return true;
	return false;
}

static bool has_gid(const char *pid)
{
	char status[4096], *end;
	const char *at;

	read_proc(pid, "status", status, sizeof(status));
	at = field(status, "\nGroups:\t");
	for (long gid = strtol(at, &end, 10); end > at; gid = strtol(at = end, &end, 10))
		if (gid == id && *field(status, "\nState:\t") != 'Z')
			return true;
	return false;
}

static const struct strategy {
	const char *name;
	bool (*ours)(const char *pid);
} strategies[] = {
	{ "pgrp", in_pgrp },
	{ "session", in_session },
	{ "tree", in_tree },
	{ "cookie", has_cookie },
	{ "gid", has_gid },
	{ 0 }
};

/* --------------------------------------------------------------- the killer */

static unsigned int found, signalled;

static void one_pass(const struct strategy *by)
{
	static pid_t later[1 << 16];
	size_t n = 0;
	struct dirent *entry;
	DIR *dir = open_proc();

	while ((entry = readdir(dir))) {
		pid_t pid = atoi(entry->d_name);

		if (!isdigit(entry->d_name[0]) || !by->ours(entry->d_name))
			continue;
		found++;
		if (by->ours == in_tree)	/* whose links the first kill would break */
			later[n++] = pid;
		else
			signalled += !kill(by->ours == in_pgrp ? -id : pid, SIGKILL);
	}
	closedir(dir);
	while (n)
		signalled += !kill(later[--n], SIGKILL);
}

static void kill_job(const struct strategy *by, double seconds)
{
	double start = now();
	int passes = 0, empty = 0;

	do {
		unsigned int before = found;

		one_pass(by);
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

	read_proc(".", "stat", buf, sizeof(buf));
	return strtoul(field(buf, "\nprocesses "), NULL, 10);
}

/* Of the user, and may still run (whoever escapes here has one thread) */
static bool is_alive(const char *pid)
{
	char status[4096];
	struct stat_line s;

	read_proc(pid, "status", status, sizeof(status));
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
		struct dirent *entry;
		DIR *dir = open_proc();

		before = births();
		alive = 0;
		while ((entry = readdir(dir))) {
			if (!isdigit(entry->d_name[0]) || !is_alive(entry->d_name))
				continue;
			alive++;
			snprintf(last, sizeof(last), "%.15s", entry->d_name);
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
	for (const struct strategy *by = strategies; by->name; by++) {
		if (!strcmp(argv[optind], by->name)) {
			kill_job(by, seconds);
			return 0;
		}
	}
usage:
	fprintf(stderr, "usage: oldway [-u UID] [-g GID] [-n PROCESSES] start CMD...\n"
		"       oldway [-t SECONDS] pgrp|session|tree|cookie PID\n"
		"       oldway [-t SECONDS] gid GID\n"
		"       oldway look UID\n");
	return 2;
}
