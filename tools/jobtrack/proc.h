/* SPDX-License-Identifier: GPL-2.0 */
/* What /proc says about a process of a snapshot. */
#ifndef JOBTRACK_PROC_H
#define JOBTRACK_PROC_H

#include <libjobtrack.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * struct process - one process, seen through its most telling thread
 * @ppid: its parent
 * @state: the letter that /proc/PID/stat has
 * @cpu_ms: CPU time of all its threads
 * @command: its command line, or its name in brackets; control characters and all
 * @where: kernel function that it sleeps in, or NULL
 * @why: in plain words what keeps it, or NULL; control characters and all
 *
 * The last two are for THREAD_STUCK only.
 */
struct process {
	int ppid;
	char state;
	uint64_t cpu_ms;
	char *command;
	char *where;
	char *why;
};

/* Which thread speaks for the process when there is a choice */
enum thread_choice {
	THREAD_MAIN,	/* the main thread while it lives, like ps(1) */
	THREAD_STUCK,	/* one that cannot be killed, if there is one */
};

/*
 * False if the process is gone: what /proc has under a reused PID is never taken
 * for it. process_free() after true.
 */
bool process_read(int dev, const struct jobtrack_row *row, enum thread_choice choice,
		  struct process *process);
void process_free(struct process *process);

/*
 * The command line of a process or thread by its directory, for free(): @name in
 * brackets if it has none; control characters and all.
 */
char *read_command(int thread, const char *name);

const char *state_words(char state);

#endif
