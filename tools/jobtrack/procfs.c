// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "procfs.h"

#define PF_KTHREAD	0x200000	/* of the kernel's <linux/sched.h> */

ssize_t read_file(int dir, const char *name, char *buf, size_t size)
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

bool read_stat(int dir, struct stat_line *line)
{
	uint64_t utime, stime;
	unsigned int flags;
	char buf[1024];
	char *name, *end;
	int len;

	if (read_file(dir, "stat", buf, sizeof(buf)) <= 0)
		return false;
	/* The name may hold anything, a ')' too. */
	name = strchr(buf, '(');
	end = strrchr(buf, ')');
	if (!name || !end || end < name ||
	    sscanf(end + 1, " %c %d %d %d %d %*d %u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
		   " %*d %*d %*d %*d %d",
		   &line->state, &line->ppid, &line->pgid, &line->sid, &line->tty, &flags,
		   &utime, &stime, &line->threads) != 9)
		return false;
	line->kernel = flags & PF_KTHREAD;
	line->ticks = utime + stime;
	len = end - name - 1;
	if (len >= (int)sizeof(line->name))
		len = sizeof(line->name) - 1;
	memcpy(line->name, name + 1, len);
	line->name[len] = 0;
	return true;
}

void read_functions(int thread, char *buf, size_t size)
{
	char stack[4096], *rest = stack, *line;
	char *end = buf;

	*buf = 0;
	if (read_file(thread, "stack", stack, sizeof(stack)) <= 0) {
		/* "0" when it does not sleep, or not for this reader */
		if (read_file(thread, "wchan", buf, size) < 0 || !strcmp(buf, "0"))
			*buf = 0;
		return;
	}
	/* "[<0>] function+0x1/0x2 [module]" */
	while ((line = strsep(&rest, "\n"))) {
		char name[128];

		if (sscanf(line, "[<%*[^>]>] %127[^+ ]", name) == 1 &&
		    strlen(name) + 2 <= size - (end - buf))
			end += sprintf(end, "%s\n", name);
	}
}

DIR *open_threads(int dir)
{
	int fd = openat(dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *tasks = fd < 0 ? NULL : fdopendir(fd);

	if (!tasks && fd >= 0)
		close(fd);
	return tasks;
}

int next_thread(DIR *tasks)
{
	struct dirent *entry;

	while ((entry = readdir(tasks))) {
		int fd = -1;

		if (entry->d_name[0] != '.')
			fd = openat(dirfd(tasks), entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	return -1;
}
