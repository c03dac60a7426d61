/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which processes belong to a job, as /proc alone lets it be told: by process
 * group, session, process tree, environment cookie or supplementary group ID.
 *
 * The ways are meant to be good ones: an entry is acted upon as soon as it may
 * be, and what has begun to exit is passed over.
 */
#ifndef JOBTRACK_TEST_OLDWAYS_H
#define JOBTRACK_TEST_OLDWAYS_H

#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COOKIE		"BATCH_JOB_COOKIE"
#define PF_EXITING	0x4	/* in the flags of /proc/PID/stat */

struct stat_line {
	pid_t ppid, pgrp, sid;
};

/**
 * struct oldway - one of the ways
 * @name: for the command line
 * @ours: whether the process belongs to the job @id: the job's first process, or
 *	a group ID. NULL for the tree, which takes a look at all processes first
 */
struct oldway {
	const char *name;
	bool (*ours)(const char *pid, long id);
};

static inline DIR *open_proc(void)
{
	DIR *dir = opendir("/proc");

	if (!dir)
		err(1, "/proc");
	return dir;
}

/* The next entry that is a process; NULL at the end */
static inline const char *next_process(DIR *dir)
{
	struct dirent *entry;

	while ((entry = readdir(dir)))
		if (isdigit(entry->d_name[0]))
			return entry->d_name;
	return NULL;
}

static inline ssize_t read_entry(const char *pid, const char *name, char *buf, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buf, size - 1);
	close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return n;
}

/* False for what is dead or has begun to exit */
static inline bool read_stat(const char *pid, struct stat_line *s)
{
	unsigned int flags;
	char buf[1024], *rest;

	read_entry(pid, "stat", buf, sizeof(buf));
	rest = strrchr(buf, ')');
	return rest && sscanf(rest, ") %*c %d %d %d %*d %*d %u", &s->ppid, &s->pgrp, &s->sid,
			      &flags) == 4 && !(flags & PF_EXITING);
}

/* What follows @name in @text; nothing if it isn't there */
static inline const char *field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? at + strlen(name) : "";
}

static inline bool in_pgrp(const char *pid, long id)
{
	struct stat_line s;

	return read_stat(pid, &s) && s.pgrp == id;
}

static inline bool in_session(const char *pid, long id)
{
	struct stat_line s;

	return read_stat(pid, &s) && s.sid == id;
}

static inline bool has_cookie(const char *pid, long id)
{
	static char environ[1 << 17];
	ssize_t n = read_entry(pid, "environ", environ, sizeof(environ));

	for (char *s = environ; n > 0 && s < environ + n; s += strlen(s) + 1)
		if (!strncmp(s, COOKIE "=", sizeof(COOKIE)) && atol(s + sizeof(COOKIE)) == id)
			return true;
	return false;
}

static inline bool has_gid(const char *pid, long id)
{
	char status[4096], *end;
	const char *at;

	read_entry(pid, "status", status, sizeof(status));
	at = field(status, "\nGroups:\t");
	for (long gid = strtol(at, &end, 10); end > at; gid = strtol(at = end, &end, 10))
		if (gid == id && *field(status, "\nState:\t") != 'Z')
			return true;
	return false;
}

/* ---------------------------------------------------------------- the tree */

struct link {
	pid_t pid, ppid;
};

static inline int by_pid(const void *a, const void *b)
{
	const struct link *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

static inline bool leads_to(const struct link *links, size_t n, pid_t pid, pid_t root)
{
	const struct link *link;

	while (pid != root) {
		link = bsearch(&(struct link){ .pid = pid }, links, n, sizeof(*links), by_pid);
		if (!link || link->ppid <= 1)
			return false;
		pid = link->ppid;
	}
	return true;
}

/*
 * Every parent link once, then those that lead to @root; from the youngest on,
 * as the first kill would break the links.
 */
static inline void each_in_tree(pid_t root, void (*act)(pid_t pid))
{
	struct link *links = NULL;
	size_t n = 0, room = 0;
	const char *pid;
	struct stat_line s;
	DIR *dir = open_proc();

	while ((pid = next_process(dir))) {
		if (!read_stat(pid, &s))
			continue;
		if (n == room) {
			room = room ? 2 * room : 1024;
			links = realloc(links, room * sizeof(*links));
			if (!links)
				err(1, "links");
		}
		links[n++] = (struct link){ atoi(pid), s.ppid };
	}
	closedir(dir);
	qsort(links, n, sizeof(*links), by_pid);
	for (size_t i = n; i--; )
		if (leads_to(links, n, links[i].pid, root))
			act(links[i].pid);
	free(links);
}

/* One pass over /proc: @act on whatever belongs to the job @id. */
static inline void oldway_each(const struct oldway *way, long id, void (*act)(pid_t pid))
{
	const char *pid;
	DIR *dir;

	if (!way->ours) {
		each_in_tree(id, act);
		return;
	}
	dir = open_proc();
	while ((pid = next_process(dir)))
		if (way->ours(pid, id))
			act(atoi(pid));
	closedir(dir);
}

static const struct oldway oldways[] = {
	{ "pgrp", in_pgrp },
	{ "session", in_session },
	{ "tree", NULL },
	{ "cookie", has_cookie },
	{ "gid", has_gid },
	{ 0 }
};

static inline const struct oldway *oldway(const char *name)
{
	const struct oldway *way = oldways;

	while (way->name && strcmp(name, way->name))
		way++;
	return way->name ? way : NULL;
}

#endif /* JOBTRACK_TEST_OLDWAYS_H */
