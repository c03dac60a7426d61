/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Files of /proc/PID and of its threads. A directory's fd names the process or
 * thread: once it is gone, reading fails, whoever has its ID then.
 */
#ifndef JOBTRACK_PROCFS_H
#define JOBTRACK_PROCFS_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The file's size, cut to what @buf holds with a NUL behind it; -1 if unreadable. */
ssize_t read_file(int dir, const char *name, char *buf, size_t size);

/**
 * struct stat_line - from /proc/PID/stat
 * @name: the thread's name, 15 characters and all that may be in them
 * @state: a letter
 * @ppid: its parent
 * @pgid: its process group
 * @sid: its session
 * @tty: device number of its terminal, 0 for none
 * @kernel: it is the kernel's own
 * @ticks: CPU time, of the whole process if read in a process's directory
 * @threads: how many it has, the zombie of an ended main thread included
 */
struct stat_line {
	char name[64];
	char state;
	int ppid;
	int pgid;
	int sid;
	int tty;
	bool kernel;
	uint64_t ticks;
	int threads;
};

bool read_stat(int dir, struct stat_line *line);

/*
 * The kernel functions that a thread sleeps in, one a line, the innermost first.
 * Only root may read all of them; others get the innermost one of their own
 * processes. Empty if there is none to tell.
 */
void read_functions(int thread, char *buf, size_t size);

/* All threads of a process: its tasks, the next one's directory (-1: no more). */
DIR *open_threads(int dir);
int next_thread(DIR *tasks);

#endif
