// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common.h"
#include "proc.h"

struct stat_line {
	char name[64];
	char state;
	int ppid;
	uint64_t ticks;
};

/* The file's size, cut to what @buf holds with a NUL behind it; -1 if unreadable. */
static ssize_t read_file(int dir, const char *name, char *buf, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = -1;

	if (fd < 0)
		return -1;
	while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += n;
	close(fd);
	if (n < 0 && !len)
		return -1;
	buf[len] = 0;
	return len;
}

static bool read_stat(int dir, struct stat_line *line)
{
	uint64_t utime, stime;
	char buf[1024];
	char *name, *end;
	int len;

	if (read_file(dir, "stat", buf, sizeof(buf)) <= 0)
		return false;
	/* The name may hold anything, a ')' too. */
	name = strchr(buf, '(');
	end = strrchr(buf, ')');
	if (!name || !end ||
	    sscanf(end + 1, " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
		   &line->state, &line->ppid, &utime, &stime) != 4)
		return false;
	line->ticks = utime + stime;
	len = end - name - 1;
	if (len >= (int)sizeof(line->name))
		len = sizeof(line->name) - 1;
	memcpy(line->name, name + 1, len);
	line->name[len] = 0;
	return true;
}

/* How much a thread's state says about why its process is still there */
static int weight(char state)
{
	switch (state) {
	case 'Z':
	case 'X':
		return 0;	/* this thread is done */
	case 'D':
		return 3;
	case 'R':
		return 1;
	}
	return 2;
}

/* The directory of the thread with the weightiest state, and that state. */
static int choose_thread(int dir, char *state)
{
	int tasks = openat(dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	int best = -1;
	DIR *list;

	list = tasks < 0 ? NULL : fdopendir(tasks);
	if (!list) {
		if (tasks >= 0)
			close(tasks);
		return -1;
	}
	while ((entry = readdir(list))) {
		struct stat_line line;
		int thread;

		if (entry->d_name[0] == '.')
			continue;
		thread = openat(tasks, entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (thread < 0)
			continue;
		if (read_stat(thread, &line) &&
		    (best < 0 || weight(line.state) > weight(*state))) {
			if (best >= 0)
				close(best);
			best = thread;
			*state = line.state;
		} else {
			close(thread);
		}
	}
	closedir(list);
	return best;
}

static char *read_command(int thread, const char *name)
{
	static char buf[65536];
	ssize_t len = read_file(thread, "cmdline", buf, sizeof(buf));
	ssize_t i;

	while (len > 0 && !buf[len - 1])
		len--;
	if (len <= 0)
		return xasprintf("[%s]", name);
	for (i = 0; i < len; i++)
		if (!buf[i])
			buf[i] = ' ';
	return xasprintf("%s", buf);
}

/*
 * The innermost function of its kernel stack, which root alone may read; else
 * the one that it sleeps in ("0" when it does not, or not for this reader).
 */
static char *read_where(int thread)
{
	char buf[4096], name[128];

	if (read_file(thread, "stack", buf, sizeof(buf)) > 0 &&
	    sscanf(buf, "[<%*[^>]>] %127[^+ \n]", name) == 1)
		return xasprintf("%s", name);
	if (read_file(thread, "wchan", buf, sizeof(buf)) > 0 && strcmp(buf, "0"))
		return xasprintf("%.127s", buf);
	return NULL;
}

bool process_read(int dev, const struct jobtrack_row *row, enum thread_choice choice,
		  struct process *process)
{
	struct jobtrack_which which;
	struct stat_line line;
	int thread, dir;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", row->pid);
	dir = row->pid > 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (dir < 0)
		return false;
	if (!read_stat(dir, &line)) {
		close(dir);
		return false;
	}
	process->state = line.state;
	process->ppid = line.ppid;
	process->cpu_ms = line.ticks * 1000 / sysconf(_SC_CLK_TCK);

	/* A dead main thread says nothing: others of the process may live on. */
	thread = -1;
	if (choice == THREAD_STUCK || line.state == 'Z')
		thread = choose_thread(dir, &process->state);
	if (thread < 0)
		thread = openat(dir, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	process->command = read_command(thread, line.name);
	process->where = choice == THREAD_STUCK ? read_where(thread) : NULL;
	if (thread >= 0)
		close(thread);
	close(dir);

	/* If it has the PID still, it had it all the time. */
	if (!jobtrack_process_job(dev, row->pid, &which) &&
	    which.start_time == row->start_time)
		return true;
	process_free(process);
	return false;
}

void process_free(struct process *process)
{
	free(process->command);
	free(process->where);
}

const char *state_words(char state)
{
	switch (state) {
	case 'R':
		return "running";
	case 'S':
		return "sleeping";
	case 'D':
		return "uninterruptible";
	case 'T':
		return "stopped";
	case 't':
		return "traced";
	case 'Z':
		return "zombie";
	case 'X':
		return "dead";
	case 'I':
		return "idle";
	case 'P':
		return "parked";
	}
	return "unknown";
}
