// SPDX-License-Identifier: GPL-2.0
/*
 * What a process waits for, in plain words, told from the kernel functions that
 * it sleeps in, from /proc/PID/status and from its cgroups. Names of functions
 * change: those of one kernel are no promise for the next, and a name that is not
 * known here says nothing.
 */
#include <mntent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common.h"
#include "procfs.h"
#include "why.h"

/* Words put together, with commas between */
struct words {
	char *text;
};

static void __attribute__((format(printf, 2, 3)))
add(struct words *words, const char *fmt, ...)
{
	char *more, *all;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&more, fmt, args) < 0)
		die(STATUS_FAILED, "out of memory");
	va_end(args);
	all = words->text ? xasprintf("%s, %s", words->text, more) : more;
	if (all != more) {
		free(words->text);
		free(more);
	}
	words->text = all;
}

/* ------------------------------------------------------------------------- */
/* By the functions on its stack                                             */
/* ------------------------------------------------------------------------- */

enum sign_counts {
	ANYWHERE,	/* whatever function that one calls */
	INNERMOST,	/* only if that very function sleeps */
	IN_D,		/* only if the sleep cannot be interrupted */
};

/* A function whose name begins so says this; the first one of the table counts. */
static const struct sign {
	const char *name;
	enum sign_counts counts;
	const char *words;	/* NULL: this is no waiting for anybody */
} signs[] = {
	{ "zap_pid_ns_processes", ANYWHERE, "waits until its PID namespace is empty" },
	{ "wait_for_vfork_done", ANYWHERE, "waits for its vfork child to exec or exit" },
	/* the only caller of that one, where the compiler has merged the two */
	{ "kernel_clone", INNERMOST, "waits for its vfork child to exec or exit" },
	{ "_do_fork", INNERMOST, "waits for its vfork child to exec or exit" },

	/* servers that wait for work */
	{ "fuse_dev_", ANYWHERE, NULL },
	{ "rpc_pipe", ANYWHERE, NULL },

	{ "request_wait_answer", ANYWHERE, "waits for a FUSE server" },
	{ "fuse_", ANYWHERE, "waits for a FUSE server" },
	{ "nfs", ANYWHERE, "waits for an NFS server" },
	{ "rpc_", ANYWHERE, "waits for an NFS server" },
	{ "nlmclnt_", ANYWHERE, "waits for an NFS server" },
	{ "cifs_", ANYWHERE, "waits for an SMB server" },
	{ "smb2_", ANYWHERE, "waits for an SMB server" },
	{ "ceph_", ANYWHERE, "waits for a Ceph server" },
	{ "ptlrpc_", ANYWHERE, "waits for a Lustre server" },
	{ "ldlm_", ANYWHERE, "waits for a Lustre server" },
	{ "autofs_wait", ANYWHERE, "waits for an automount" },

	{ "folio_wait_", IN_D, "waits for disk I/O" },
	{ "wait_on_page_", IN_D, "waits for disk I/O" },
	{ "__wait_on_buffer", IN_D, "waits for disk I/O" },
	{ "submit_bio_wait", IN_D, "waits for disk I/O" },
	{ "blk_", IN_D, "waits for disk I/O" },
	{ "blkdev_", IN_D, "waits for disk I/O" },
	{ "rq_qos_wait", IN_D, "waits for disk I/O" },
	{ "jbd2_", IN_D, "waits for disk I/O" },
	{ "xfs_buf_", IN_D, "waits for disk I/O" },
	{ "balance_dirty_pages", IN_D, "waits for disk I/O" },
};

static bool on_stack(const char *functions, const struct sign *sign)
{
	const char *line = functions;
	size_t len = strlen(sign->name);

	while (strncmp(line, sign->name, len)) {
		line = strchr(line, '\n');
		if (!line || sign->counts == INNERMOST)
			return false;
		line++;
	}
	return true;
}

static const char *told_by_stack(const char *functions, char state)
{
	size_t i;

	for (i = 0; *functions && i < sizeof(signs) / sizeof(signs[0]); i++)
		if ((signs[i].counts != IN_D || state == 'D') && on_stack(functions, &signs[i]))
			return signs[i].words;
	return NULL;
}

/* ------------------------------------------------------------------------- */
/* Frozen by its cgroup                                                      */
/* ------------------------------------------------------------------------- */

static struct hierarchy {
	const char *type;	/* of its file system */
	const char *controller;	/* that it has, in version 1 */
	const char *file;	/* says 1 in a cgroup that is told to freeze all below it */
	char *mount;		/* "" if there is none */
	/* The last question and its answer: a job's processes mostly share a cgroup. */
	char *path;
	char *frozen;
} hierarchies[] = {
	{ .type = "cgroup2", .controller = "", .file = "cgroup.freeze" },
	{ .type = "cgroup", .controller = "freezer", .file = "freezer.self_freezing" },
};

#define N_HIERARCHIES (sizeof(hierarchies) / sizeof(hierarchies[0]))

static void find_mounts(void)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *entry;
	size_t i;

	while (mounts && (entry = getmntent(mounts)))
		for (i = 0; i < N_HIERARCHIES; i++) {
			struct hierarchy *h = &hierarchies[i];

			if (!h->mount && !strcmp(entry->mnt_type, h->type) &&
			    (!*h->controller || hasmntopt(entry, h->controller)))
				h->mount = xasprintf("%s", entry->mnt_dir);
		}
	if (mounts)
		endmntent(mounts);
	for (i = 0; i < N_HIERARCHIES; i++)
		if (!hierarchies[i].mount)
			hierarchies[i].mount = xasprintf("%s", "");
}

/* The nearest cgroup from @path up that is told to freeze, or NULL */
static const char *frozen_from(struct hierarchy *h, const char *path)
{
	char *up, *file, answer[8];
	bool frozen = false;

	if (!h->mount)
		find_mounts();
	if (h->path && !strcmp(h->path, path))
		return h->frozen;
	free(h->path);
	free(h->frozen);
	h->path = xasprintf("%s", path);
	h->frozen = NULL;

	up = xasprintf("%s", path);
	while (*h->mount && *up == '/') {
		file = xasprintf("%s%s/%s", h->mount, up, h->file);
		frozen = read_file(-1, file, answer, sizeof(answer)) > 0 && *answer == '1';
		free(file);
		if (frozen) {
			h->frozen = up;
			return up;
		}
		*strrchr(up, '/') = 0;
	}
	free(up);
	return NULL;
}

static void add_frozen(struct words *words, int thread)
{
	char buf[16384], *rest = buf, *line;
	size_t i;

	if (read_file(thread, "cgroup", buf, sizeof(buf)) <= 0)
		return;
	/* "ID:CONTROLLERS:PATH"; version 2 has no controllers there */
	while ((line = strsep(&rest, "\n"))) {
		char *controllers, *path = line;
		const char *frozen;

		strsep(&path, ":");
		controllers = strsep(&path, ":");
		for (i = 0; path && i < N_HIERARCHIES; i++) {
			const char *wanted = hierarchies[i].controller;

			if (*wanted ? !strstr(controllers, wanted) : *controllers)
				continue;
			frozen = frozen_from(&hierarchies[i], path);
			if (frozen)
				add(words, "frozen by cgroup %s", frozen);
		}
	}
}

/* ------------------------------------------------------------------------- */
/* By its status                                                             */
/* ------------------------------------------------------------------------- */

/* The number behind "\n@name:\t", 0 without it */
static long status_number(const char *status, const char *name)
{
	const char *p = strstr(status, name);

	return p ? atol(p + strlen(name)) : 0;
}

static void add_tracer(struct words *words, long tracer)
{
	char *file = xasprintf("/proc/%ld/comm", tracer);
	char name[64];

	if (!tracer)	/* it is outside of this PID namespace */
		add(words, "stopped by its tracer");
	else if (read_file(-1, file, name, sizeof(name)) <= 0)
		add(words, "stopped by its tracer %ld", tracer);
	else
		add(words, "stopped by its tracer %ld (%.*s)", tracer,
		    (int)strcspn(name, "\n"), name);
	free(file);
}

static void add_status(struct words *words, int thread, char state)
{
	char buf[8192];

	if (read_file(thread, "status", buf, sizeof(buf)) <= 0)
		return;
	if (status_number(buf, "\nCoreDumping:\t"))
		add(words, "dumps core");
	if (state == 't')
		add_tracer(words, status_number(buf, "\nTracerPid:\t"));
	if (state == 'T')
		add(words, "until SIGCONT");
}

/* ------------------------------------------------------------------------- */
/* By its threads                                                            */
/* ------------------------------------------------------------------------- */

/* Where the living threads are: those places that have the first eight of them */
static void add_threads(struct words *words, int dir)
{
	struct { char function[128]; int threads; } places[8] = { 0 };
	int i, thread, used = 0, elsewhere = 0;
	DIR *tasks = open_threads(dir);
	char *text = xasprintf("%s", "");

	while (tasks && (thread = next_thread(tasks)) >= 0) {
		char functions[4096];
		struct stat_line line;
		bool lives = read_stat(thread, &line) && !strchr("ZX", line.state);

		if (lives)
			read_functions(thread, functions, sizeof(functions));
		close(thread);
		if (!lives)
			continue;
		functions[strcspn(functions, "\n")] = 0;
		functions[sizeof(places[0].function) - 1] = 0;
		for (i = 0; i < used && strcmp(places[i].function, functions); i++)
			;
		if (i == 8) {
			elsewhere++;
			continue;
		}
		used += i == used;
		strcpy(places[i].function, functions);
		places[i].threads++;
	}
	if (tasks)
		closedir(tasks);
	for (i = 0; i < used; i++) {
		char *more = xasprintf("%s%s%d in %s", text, i ? ", " : "", places[i].threads,
				       *places[i].function ? places[i].function : "?");

		free(text);
		text = more;
	}
	if (elsewhere)
		add(words, "main thread ended (living: %s, %d elsewhere)", text, elsewhere);
	else if (used)
		add(words, "main thread ended (living: %s)", text);
	free(text);
}

char *why_it_remains(int dir, char main_state, int thread, char state, const char *functions)
{
	struct words words = { 0 };
	const char *told;

	if (main_state == 'Z' && state != 'Z')
		add_threads(&words, dir);
	add_status(&words, thread, state);
	add_frozen(&words, thread);
	told = told_by_stack(functions, state);
	if (told)
		add(&words, "%s", told);
	return words.text;
}
