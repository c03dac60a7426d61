/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory that fails, by the kernel's fault injection: the Nth allocation of a call
 * (fail-nth), or all of some processes that must not sleep (failslab).
 */
#ifndef JOBTRACK_TEST_FAULTS_H
#define JOBTRACK_TEST_FAULTS_H

#include "proc.h"

#include <sys/mount.h>

#define DEBUGFS		"/sys/kernel/debug"
#define FAILSLAB	DEBUGFS "/failslab/"
#define FAIL_PAGES	DEBUGFS "/fail_page_alloc/"	/* counts in fail-nth, too */

static inline bool set_failslab(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), FAILSLAB "%s", name);
	return write_file(path, value) == 0;
}

/* Can memory be made to fail? By default it is not; none of it is logged. */
static inline bool faults_begin(void)
{
	if (access(FAILSLAB, F_OK))
		mount("debugfs", DEBUGFS, "debugfs", 0, NULL);
	return access("/proc/self/fail-nth", F_OK) == 0 &&
		write_file(FAIL_PAGES "verbose", "0") == 0 &&
		set_failslab("verbose", "0") && set_failslab("probability", "0") &&
		set_failslab("ignore-gfp-wait", "N") &&	/* those that may sleep fail, too */
		set_failslab("times", "2000000000");
}

/* For fail_next(): the caller's own */
static inline int fail_open(void)
{
	return open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
}

/* The caller's @n-th allocation from here on fails; 0: none does. */
static inline bool fail_next(int fd, unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	return pwrite(fd, text, len, 0) == len;
}

/* How many allocations there would have had to be more for it to fail */
static inline unsigned int fail_left(int fd)
{
	char text[16] = "";

	return pread(fd, text, sizeof(text) - 1, 0) > 0 ? atoi(text) : UINT32_MAX;
}

/* As an interrupt's: what must not sleep fails, in those who fail_births_here() */
static inline bool fail_births(bool on)
{
	/* in between nobody's fails who is not meant */
	return set_failslab("probability", "0") &&
		set_failslab("ignore-gfp-wait", on ? "Y" : "N") &&
		set_failslab("task-filter", on ? "Y" : "N") &&
		(!on || set_failslab("probability", "100"));
}

/* The caller, who is root, and all that it creates */
static inline bool fail_births_here(void)
{
	return write_file("/proc/self/make-it-fail", "1") == 0;
}

#endif /* JOBTRACK_TEST_FAULTS_H */
