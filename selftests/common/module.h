/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of P8 do with the module: load and unload it, open its files, and
 * fork and signal meanwhile.
 */
#ifndef JOBTRACK_TEST_MODULE_H
#define JOBTRACK_TEST_MODULE_H

#include "adversary.h"

#include <sys/resource.h>

#define MODULE		"jobtrack"
#define MODULE_FILE	"/lib/jobtrack/jobtrack.ko"
#define DEBUG_FILE	"/lib/jobtrack/debug/jobtrack.ko"
#define PROC_FILE	"/proc/jobtrack"
#define SYS_DIR		"/sys/module/" MODULE

static inline int load_file(const char *file, const char *parameters)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, parameters, 0) ? -errno : 0;
	close(fd);
	return ret;
}

/* As installed: for root. */
static inline int load_with(const char *parameters)
{
	return load_file(MODULE_FILE, parameters);
}

static inline int load(void)
{
	return load_with("") ?: chmod(JOBTRACK_DEVICE, 0666) ? -errno : 0;
}

static inline int unload(void)
{
	return syscall(SYS_delete_module, MODULE, O_NONBLOCK) ? -errno : 0;
}

static inline int force_unload(void)
{
	return syscall(SYS_delete_module, MODULE, O_NONBLOCK | O_TRUNC) ? -errno : 0;
}

static inline bool is_gone(void)
{
	return access(JOBTRACK_DEVICE, F_OK) && access(PROC_FILE, F_OK) && access(SYS_DIR, F_OK);
}

/* As soon as nobody needs the module any more */
static inline bool unload_in_time(void)
{
	return WAIT_UNTIL(unload() == 0) && is_gone();
}

/* ------------------------------------------------------------- open files */

enum kind { DEVICE, JOB, LOOK, SNAPSHOT, LIST, NR_KINDS };

static inline int open_kind(enum kind kind, int job)
{
	struct jobtrack_snapshot snapshot = { .flags = 0 };
	struct jobtrack_list list = { .flags = 0 };
	struct jobtrack_job state;

	switch (kind) {
	case DEVICE:
		return open(JOBTRACK_DEVICE, O_RDWR | O_CLOEXEC);
	case JOB:
		return jt_state(job, &state) ?: jt_open(state.id, JOBTRACK_OPEN_MANAGE);
	case LOOK:
		return jt_state(job, &state) ?: jt_open(state.id, 0);
	case SNAPSHOT:
		return jt_ioctl(job, JOBTRACK_IOC_SNAPSHOT, &snapshot);
	default:
		return jt_device(JOBTRACK_IOC_LIST, &list);
	}
}

static inline bool works(enum kind kind, int fd)
{
	struct jobtrack_info info;
	struct jobtrack_job state;

	switch (kind) {
	case DEVICE:
		return ioctl(fd, JOBTRACK_IOC_INFO, &info) == 0;
	case JOB:
	case LOOK:
		return jt_state(fd, &state) == 0;
	default:
		return pread(fd, &state, sizeof(state), 0) >= 0;
	}
}

/* ------------------------------------------------------------------ storms */

static struct storm {
	uint32_t births;
	uint32_t harmed;	/* children that ended otherwise than they meant to */
	uint32_t signals;
} *storm;

/* Who loads and unloads comes first: the more often it gets to it. */
static inline void be_nice(void)
{
	setpriority(PRIO_PROCESS, 0, 10);
}

static inline int fork_storm(void *arg)
{
	int status;
	pid_t pid;

	(void)arg;
	be_nice();
	syscall(SYS_close_range, 3, ~0U, 0);
	for (;;) {
		pid = fork();
		if (!pid)
			_exit(42);
		if (pid < 0 || waitpid(pid, &status, 0) != pid ||
		    !WIFEXITED(status) || WEXITSTATUS(status) != 42)
			add_to(&storm->harmed, 1);
		add_to(&storm->births, 1);
	}
	return 0;
}

/* To all of the same user, who don't mind */
static inline int signal_storm(void *arg)
{
	(void)arg;
	be_nice();
	for (;;) {
		kill(-1, add_to(&storm->signals, 1) & 1 ? SIGURG : SIGCONT);
		sched_yield();
	}
	return 0;
}

static inline bool blows(void)
{
	uint32_t births = look_at(&storm->births);

	return WAIT_UNTIL(look_at(&storm->births) > births + 50);
}

#endif /* JOBTRACK_TEST_MODULE_H */
