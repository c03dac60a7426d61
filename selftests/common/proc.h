/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An independent look at processes, by /proc alone: what the tests hold against
 * what the module says.
 */
#ifndef JOBTRACK_TEST_PROC_H
#define JOBTRACK_TEST_PROC_H

#include "test.h"

#include <ctype.h>
#include <dirent.h>

/* A small file into @buf, NUL-terminated; its length or -errno */
static inline int read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n, used = 0;
	int err;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, buf + used, size - 1 - used)) > 0)
		used += n;
	err = n < 0 ? -errno : 0;
	close(fd);
	buf[used] = 0;
	return err ? err : used;
}

static inline int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

struct proc_stat {
	char state;
	pid_t ppid;
	int threads;
	uint64_t start_ticks;		/* since boot, in clock ticks */
};

/* @tid 0: of the process */
static inline int proc_stat(pid_t pid, pid_t tid, struct proc_stat *st)
{
	char path[64], buf[1024], *p;
	unsigned long long start;
	int ret;

	if (tid)
		snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	else
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	ret = read_file(path, buf, sizeof(buf));
	if (ret < 0)
		return ret;
	p = strrchr(buf, ')');		/* the name may hold anything */
	if (!p)
		return -EPROTO;
	if (sscanf(p + 1,
		   " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d %*d %llu",
		   &st->state, &st->ppid, &st->threads, &start) != 4)
		return -EPROTO;
	st->start_ticks = start;
	return 0;
}

static inline char proc_state(pid_t pid)
{
	struct proc_stat st;

	return proc_stat(pid, 0, &st) ? 0 : st.state;
}

static inline bool state_is_dead(char state)
{
	return state == 'Z' || state == 'X' || !state;
}

/* The start time that the module tells, as field 22 of /proc/PID/stat shows it */
static inline uint64_t ticks_of(uint64_t ns)
{
	return ns / (NSEC_PER_SEC / sysconf(_SC_CLK_TCK));
}

/* The next number in a directory of PIDs or TIDs; 0 at its end */
static inline pid_t next_pid(DIR *dir)
{
	struct dirent *d;

	while ((d = readdir(dir)))
		if (isdigit(d->d_name[0]))
			return atoi(d->d_name);
	return 0;
}

/*
 * Threads of a process that are neither zombie nor dead. A process whose main
 * thread has exited looks like a zombie and may yet run: ask every thread.
 */
static inline int live_threads(pid_t pid)
{
	struct proc_stat st;
	char path[64];
	int live = 0;
	pid_t tid;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		return 0;
	while ((tid = next_pid(dir)))
		if (!proc_stat(pid, tid, &st) && !state_is_dead(st.state))
			live++;
	closedir(dir);
	return live;
}

/* The process of a thread, 0 if there is none */
static inline pid_t proc_tgid(pid_t tid)
{
	char path[64], buf[4096], *p;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	if (read_file(path, buf, sizeof(buf)) < 0)
		return 0;
	p = strstr(buf, "\nTgid:");
	return p ? atoi(p + 6) : 0;
}

/* Whether a process is the user's, by any of its user IDs, or has MARK_GROUP */
static inline bool belongs_to(pid_t pid, uid_t uid)
{
	char path[64], buf[4096], mark[16], *p;
	unsigned int id[4];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (read_file(path, buf, sizeof(buf)) < 0)
		return false;
	p = strstr(buf, "\nUid:");
	if (!p || sscanf(p, "\nUid: %u %u %u %u", &id[0], &id[1], &id[2], &id[3]) != 4)
		return false;
	for (int i = 0; i < 4; i++)
		if (id[i] == uid)
			return true;
	p = strstr(buf, "\nGroups:");
	if (!p)
		return false;
	*strchrnul(p + 1, '\n') = 0;
	snprintf(mark, sizeof(mark), "%d", MARK_GROUP);
	return strstr(p, mark);
}

/* How many processes of the user can still run code; the first @max into @pids */
static inline int user_processes(uid_t uid, pid_t *pids, int max)
{
	DIR *dir = opendir("/proc");
	int n = 0;
	pid_t pid;

	if (!dir)
		return -errno;
	while ((pid = next_pid(dir))) {
		if (!belongs_to(pid, uid) || !live_threads(pid))
			continue;
		if (n < max)
			pids[n] = pid;
		n++;
	}
	closedir(dir);
	return n;
}

/* End whatever a test has left of its users: their next test starts with none */
static inline bool clear_user(uid_t uid)
{
	/* first the kill, which is of one instant: who forks fast outruns a look at /proc */
	kill_user(uid);
	return WAIT_UNTIL(user_processes(uid, NULL, 0) == 0 || (kill_user(uid), 0));
}

#endif /* JOBTRACK_TEST_PROC_H */
