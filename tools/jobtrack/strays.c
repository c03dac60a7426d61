// SPDX-License-Identifier: GPL-2.0
/*
 * Who is in no job is asked process by process, cheapest question first: most are
 * in a job, or not a user's, and of those no more is read than says so.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "common.h"
#include "jobtable.h"
#include "proc.h"
#include "procfs.h"
#include "strays.h"

enum {
	COL_PID, COL_PPID, COL_UID, COL_USER, COL_AGE, COL_SID, COL_UNIT, COL_EUID, COL_PGID,
	COL_TTY, COL_STATE, COL_START, COL_PARENT, COL_COMMAND,
};

#define NUMBER	.flags = SCOLS_FL_RIGHT, .json = SCOLS_JSON_NUMBER, .none = "-"
#define TEXT	.json = SCOLS_JSON_STRING, .none = "-"

const struct column stray_columns[] = {
	[COL_PID] = { "PID", "the process", NUMBER },
	[COL_PPID] = { "PPID", "its parent", NUMBER },
	[COL_UID] = { "UID", "its real user ID", NUMBER },
	[COL_USER] = { "USER", "that user's name", TEXT },
	[COL_AGE] = { "AGE_S", "seconds since it was started", NUMBER },
	[COL_SID] = { "SID", "its session", NUMBER },
	[COL_UNIT] = { "UNIT", "systemd's innermost unit around it", TEXT },
	[COL_EUID] = { "EUID", "its effective user ID", NUMBER, .extra = true },
	[COL_PGID] = { "PGID", "its process group", NUMBER, .extra = true },
	[COL_TTY] = { "TTY", "its terminal", TEXT, .extra = true },
	[COL_STATE] = { "STATE", "R, S, D, T, ... as in ps(1)", TEXT, .extra = true },
	[COL_START] = { "START", "when it was started, local time", TEXT, .extra = true },
	[COL_PARENT] = { "PARENT", "its parent's command line", .flags = SCOLS_FL_TRUNC,
		.json = SCOLS_JSON_STRING, .none = "-", .extra = true },
	[COL_COMMAND] = { "COMMAND", "its command line", .flags = SCOLS_FL_TRUNC,
		.json = SCOLS_JSON_STRING, .none = "?" },
	{ 0 }
};

/* ------------------------------------------------------------------------- */
/* Users                                                                     */
/* ------------------------------------------------------------------------- */

/* Whose processes are looked for */
struct users {
	uid_t min;
	uid_t max;
	uid_t *except;
	size_t n_except;
};

/* Up to @end; (uid_t)-1 is nobody's. */
static bool parse_uid(const char *text, const char *end, uid_t *uid)
{
	uint64_t n = 0;
	const char *p;

	for (p = text; p < end && isdigit((unsigned char)*p) && n < UINT32_MAX; p++)
		n = n * 10 + (*p - '0');
	if (p != end || p == text || n >= UINT32_MAX)
		return false;
	*uid = n;
	return true;
}

/* What the system calls users' IDs, as useradd(8) reads it */
static void usual_uids(struct users *users)
{
	FILE *file = fopen("/etc/login.defs", "re");
	unsigned long min = 1000, max = 60000, n;
	char line[1024], name[16], value[32];

	while (file && fgets(line, sizeof(line), file)) {
		char *end;

		if (sscanf(line, "%15s %31s", name, value) != 2)
			continue;
		n = strtoul(value, &end, 0);
		if (*end || n >= UINT32_MAX)
			continue;
		if (!strcmp(name, "UID_MIN"))
			min = n;
		else if (!strcmp(name, "UID_MAX"))
			max = n;
	}
	if (file)
		fclose(file);
	if (min > max)
		die(STATUS_FAILED, "/etc/login.defs: UID_MIN is above UID_MAX; give --uid");
	users->min = min;
	users->max = max;
}

static void parse_uids(const char *text, struct users *users)
{
	const char *end = text + strlen(text);
	const char *dash = strchr(text, '-');

	if (!parse_uid(text, dash ? dash : end, &users->min) ||
	    !parse_uid(dash ? dash + 1 : text, end, &users->max))
		bad_usage("'%s' is neither a user ID nor a range of them, like 1000-60000", text);
	if (users->min > users->max)
		bad_usage("no user ID is in the range '%s'", text);
}

static void parse_except(const char *names, struct users *users)
{
	char *copy = xasprintf("%s", names);
	char *rest = copy, *name;

	users->except = xalloc((strlen(names) + 1) * sizeof(*users->except));
	while ((name = strsep(&rest, ","))) {
		uid_t *uid = &users->except[users->n_except++];
		struct passwd *user;

		if (parse_uid(name, name + strlen(name), uid))
			continue;
		user = getpwnam(name);
		if (!user)
			bad_usage("no user '%s'", name);
		*uid = user->pw_uid;
	}
	free(copy);
}

static bool wanted(const struct users *users, uid_t uid)
{
	size_t i;

	if (uid < users->min || uid > users->max)
		return false;
	for (i = 0; i < users->n_except; i++)
		if (users->except[i] == uid)
			return false;
	return true;
}

/* NULL if the user has none. Who asks a directory server asks for each user once. */
static const char *user_name(uid_t uid)
{
	static struct known { uid_t uid; char *name; } *known;
	static size_t count;
	struct passwd *user;
	size_t i;

	for (i = 0; i < count; i++)
		if (known[i].uid == uid)
			return known[i].name;
	known = realloc(known, (count + 1) * sizeof(*known));
	if (!known)
		die(STATUS_FAILED, "out of memory");
	user = getpwuid(uid);
	known[count].uid = uid;
	known[count].name = user ? xasprintf("%s", user->pw_name) : NULL;
	return known[count++].name;
}

/* ------------------------------------------------------------------------- */
/* One process                                                               */
/* ------------------------------------------------------------------------- */

/**
 * struct stray - a user's process that is in no job
 * @row: its PID and start time
 * @uid: its real user ID
 * @euid: its effective one
 * @line: what its stat says
 * @unit: systemd's innermost unit around it, or NULL
 * @parent: its parent's command, or NULL
 * @is_read: @process is filled
 * @process: the rest
 */
struct stray {
	struct jobtrack_row row;
	uid_t uid;
	uid_t euid;
	struct stat_line line;
	char *unit;
	char *parent;
	bool is_read;
	struct process process;
};

/* For most there is nothing more to be read: no directory is opened for it. */
static bool read_uids(int proc, const char *name, uid_t *uid, uid_t *euid)
{
	char file[32], buf[1024];
	const char *p;

	snprintf(file, sizeof(file), "%.16s/status", name);
	if (read_file(proc, file, buf, sizeof(buf)) <= 0)
		return false;
	/* The name comes before it, its newlines escaped. */
	p = strstr(buf, "\nUid:\t");
	return p && sscanf(p, "\nUid:\t%u %u", uid, euid) == 2;
}

static bool is_unit(const char *name)
{
	static const char * const types[] = { ".service", ".scope", ".slice" };
	const char *type = strrchr(name, '.');
	size_t i;

	for (i = 0; type && type > name && i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(type, types[i]))
			return true;
	return false;
}

static char *read_unit(int dir)
{
	char buf[16384], *rest = buf, *line, *unit = NULL;

	if (read_file(dir, "cgroup", buf, sizeof(buf)) <= 0)
		return NULL;
	/* "ID:CONTROLLERS:PATH"; version 2 has no controllers there, and comes last */
	while ((line = strsep(&rest, "\n"))) {
		char *controllers, *path = line, *name;

		strsep(&path, ":");
		controllers = strsep(&path, ":");
		if (!path || (*controllers && strcmp(controllers, "name=systemd")))
			continue;
		while ((name = strsep(&path, "/")))
			if (is_unit(name))
				unit = name;
	}
	return unit ? xasprintf("%s", unit) : NULL;
}

/* The parent's command, if the process still has that parent afterwards */
static char *read_parent(int dir, int ppid)
{
	struct stat_line line, parent;
	char *command = NULL;
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d", ppid);
	fd = ppid > 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd < 0)
		return NULL;
	if (read_stat(fd, &parent))
		command = read_command(fd, parent.name);
	close(fd);
	if (!read_stat(dir, &line) || line.ppid != ppid) {
		free(command);
		return NULL;
	}
	return command;
}

static void stray_free(struct stray *stray)
{
	if (stray->is_read)
		process_free(&stray->process);
	free(stray->unit);
	free(stray->parent);
}

static bool stray_read_rest(int dev, int dir, bool with_parent, struct stray *stray)
{
	if (!read_stat(dir, &stray->line) || stray->line.kernel)
		return false;
	stray->unit = read_unit(dir);
	if (with_parent)
		stray->parent = read_parent(dir, stray->line.ppid);
	stray->is_read = process_read(dev, &stray->row, THREAD_MAIN, &stray->process);
	/* The dead are in no job any more, whatever they were in. */
	return stray->is_read && !strchr("ZX", stray->process.state);
}

/*
 * False unless it is one, and is there still at the end. The module tells its start
 * time before and after: whatever was read between is of this one process.
 */
static bool stray_read(int dev, int proc, const char *name, const struct users *users,
		       bool with_parent, struct stray *stray)
{
	struct jobtrack_which which;
	bool is_one = false;
	int dir;

	*stray = (struct stray){ .row.pid = atoi(name) };
	/* EACCES is a job that the caller may not see; EAGAIN and ESRCH nobody yet, or no more. */
	if (jobtrack_process_job(dev, stray->row.pid, &which)) {
		if (errno == EACCES || errno == EAGAIN || errno == ESRCH)
			return false;
		die(STATUS_FAILED, "%s: %s", name, strerror(errno));
	}
	if (which.id)
		return false;
	stray->row.start_time = which.start_time;
	if (!read_uids(proc, name, &stray->uid, &stray->euid) || !wanted(users, stray->uid))
		return false;
	dir = openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return false;
	/* Who has entered a job meanwhile is none. */
	is_one = stray_read_rest(dev, dir, with_parent, stray) &&
		 !jobtrack_process_job(dev, stray->row.pid, &which) && !which.id;
	close(dir);
	if (!is_one)
		stray_free(stray);
	return is_one;
}

/* ------------------------------------------------------------------------- */
/* All                                                                       */
/* ------------------------------------------------------------------------- */

static void tty_cell(struct table *table, int tty)
{
	/* As the kernel packs it for user space */
	unsigned int maj = (tty >> 8) & 0xfff, min = (tty & 0xff) | ((tty >> 12) & 0xfff00);

	if (!tty)
		return;
	if (maj >= 136 && maj <= 143)
		table_cell(table, COL_TTY, "pts/%u", (maj - 136) * 256 + min);
	else if (maj == 4 && min < 64)
		table_cell(table, COL_TTY, "tty%u", min);
	else if (maj == 4)
		table_cell(table, COL_TTY, "ttyS%u", min - 64);
	else
		table_cell(table, COL_TTY, "%u:%u", maj, min);
}

static void start_cell(struct table *table, uint64_t age)
{
	time_t start = time(NULL) - age / 1000000000;
	char text[64];
	struct tm tm;

	if (localtime_r(&start, &tm) && strftime(text, sizeof(text), "%FT%T%z", &tm))
		table_cell(table, COL_START, "%s", text);
}

static void stray_row(struct table *table, const struct stray *stray)
{
	const struct stat_line *line = &stray->line;
	uint64_t start = stray->row.start_time, now = boottime_ns();
	uint64_t age = now > start ? now - start : 0;
	const char *user = table_has(table, COL_USER) ? user_name(stray->uid) : NULL;

	table_row(table);
	table_cell(table, COL_PID, "%d", stray->row.pid);
	table_cell(table, COL_PPID, "%d", line->ppid);
	table_cell(table, COL_UID, "%u", stray->uid);
	if (user)
		table_cell(table, COL_USER, "%s", user);
	table_cell(table, COL_AGE, "%" PRIu64, age / 1000000000);
	table_cell(table, COL_SID, "%d", line->sid);
	if (stray->unit)
		table_cell(table, COL_UNIT, "%s", stray->unit);
	table_cell(table, COL_EUID, "%u", stray->euid);
	table_cell(table, COL_PGID, "%d", line->pgid);
	tty_cell(table, line->tty);
	table_cell(table, COL_STATE, "%c", stray->process.state);
	start_cell(table, age);
	if (stray->parent)
		table_cell(table, COL_PARENT, "%s", stray->parent);
	table_cell(table, COL_COMMAND, "%s", stray->process.command);
}

int list_strays(const char *uids, const char *except, const char *chosen, bool json)
{
	struct users users = { 0 };
	int dev, status = STATUS_OK;
	struct dirent *entry;
	struct table *table;
	struct stray stray;
	DIR *proc;

	if (uids)
		parse_uids(uids, &users);
	else
		usual_uids(&users);
	if (except)
		parse_except(except, &users);
	table = table_new("strays", stray_columns, chosen, json);

	dev = open_device();
	proc = opendir("/proc");
	if (!proc)
		die(STATUS_FAILED, "/proc: %s", strerror(errno));
	while ((entry = readdir(proc))) {
		const char *name = entry->d_name;

		if (!isdigit((unsigned char)*name) || atoi(name) == getpid())
			continue;
		if (!stray_read(dev, dirfd(proc), name, &users, table_has(table, COL_PARENT),
				&stray))
			continue;
		stray_row(table, &stray);
		stray_free(&stray);
		status = STATUS_FAILED;
	}
	closedir(proc);
	free(users.except);
	table_print(table);
	return status;
}
