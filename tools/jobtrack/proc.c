// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common.h"
#include "proc.h"
#include "procfs.h"
#include "why.h"

/* How much a thread's state says about why its process is still there */
static int weight(char state)
{
	switch (state) {
	case 'Z':
	case 'X':
		return 0;	/* this thread is done */
	case 'D':
	case 't':
		return 3;
	case 'R':
		return 1;
	}
	return 2;
}

/* The directory of the thread with the weightiest state, and that state. */
static int choose_thread(int dir, char *state)
{
	DIR *tasks = open_threads(dir);
	int best = -1, thread;

	while (tasks && (thread = next_thread(tasks)) >= 0) {
		struct stat_line line;

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
	if (tasks)
		closedir(tasks);
	return best;
}

char *read_command(int thread, const char *name)
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

/* Why the process remains, told by the thread that explains most */
static void read_reasons(int dir, char main_state, int thread, struct process *process)
{
	char functions[4096];
	int len;

	read_functions(thread, functions, sizeof(functions));
	len = strcspn(functions, "\n");
	if (len)
		process->where = xasprintf("%.*s", len, functions);
	process->why = why_it_remains(dir, main_state, thread, process->state, functions);
}

bool process_read(int dev, const struct jobtrack_row *row, enum thread_choice choice,
		  struct process *process)
{
	struct jobtrack_which which;
	struct stat_line line;
	int thread = -1, dir;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", row->pid);
	dir = row->pid > 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (dir < 0)
		return false;
	if (!read_stat(dir, &line)) {
		close(dir);
		return false;
	}
	*process = (struct process){
		.state = line.state,
		.ppid = line.ppid,
		.cpu_ms = line.ticks * 1000 / sysconf(_SC_CLK_TCK),
	};

	/* A dead main thread says nothing: others of the process may live on. */
	if (line.threads > 1 && (choice == THREAD_STUCK || line.state == 'Z'))
		thread = choose_thread(dir, &process->state);
	if (thread < 0)
		thread = dir;
	if (choice == THREAD_STUCK)
		read_reasons(dir, line.state, thread, process);
	/*
	 * Not the command line of a process that may hold its own mmap_lock (mmap(2) of
	 * a file on a dead server does): who reads it waits for the same server.
	 */
	if (choice == THREAD_STUCK && process->state == 'D')
		process->command = xasprintf("[%s]", line.name);
	else
		process->command = read_command(thread, line.name);
	if (thread != dir)
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
	free(process->why);
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
