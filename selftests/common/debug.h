/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The debug module's switches, and the kernel's log.
 */
#ifndef JOBTRACK_TEST_DEBUG_H
#define JOBTRACK_TEST_DEBUG_H

#include "proc.h"

#include <sys/klog.h>

#define NO_MARK		0x01	/* forks in flight get no mark */
#define NO_LOG		0x02	/* a birth does not look at its parent's log */
#define NO_ORDER	0x04	/* a birth ignores the operation under way */
#define NO_CONDEMN	0x08	/* births into a killed job live */
#define LOSE_BIRTH	0x10	/* the birth probe finds no memory */
#define HIDE_BIRTH	0x20	/* the birth probe does not see the birth */
#define NO_CONT		0x40	/* a SIGCONT does not cancel an older stop */
#define PAUSE_CENSUS	0x80	/* no rule: lists and accounts pause as signals do */
#define BLIND		0x100	/* the witness does not look */
#define HIDE_EXIT	0x200	/* the exit probe does not see the exit */
#define FORGET		0x400	/* the leaving stay leaving */
#define MISCOUNT	0x800	/* a job counts each member twice */

#define DEFAULT_BATCH	32

static inline bool set_parameter(const char *name, unsigned int value)
{
	char path[64], text[16];

	snprintf(path, sizeof(path), "/sys/module/jobtrack/parameters/%s", name);
	snprintf(text, sizeof(text), "%u", value);
	return write_file(path, text) == 0;
}

/* Which rules are off, and how a signal's walk goes about it */
/* A pause until the rules are set again */
#define UNTIL_TOLD	UINT32_MAX

static inline bool set_rules(unsigned int off, unsigned int batch, unsigned int pause_us)
{
	return set_parameter("debug", off) && set_parameter("batch", batch) &&
		set_parameter("pause_us", pause_us);
}

/* As the module is loaded */
static inline bool reset_rules(void)
{
	return set_rules(0, DEFAULT_BATCH, 0);
}

/* The kernel's log, from now on: see log_tells() */
static inline int log_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

/* Is there a line with @text in it since log_open()? Reads the log up to it. */
static inline bool log_tells(int fd, const char *text)
{
	char line[2048];
	ssize_t n;

	while ((n = read(fd, line, sizeof(line) - 1)) >= 0 || errno == EPIPE) {
		line[n < 0 ? 0 : n] = 0;
		if (strstr(line, text))
			return true;
	}
	return false;
}

/*
 * Have a trace of calls forgotten that the kernel logs of what the test has done to
 * it, and that the runner would take for a complaint. False if there is anything worse
 * in the log since log_open().
 */
static inline bool log_forget_traces(int fd)
{
	static const char * const worse[] = {
		"WARNING", "BUG", "KASAN", "UBSAN", "possible ", "inconsistent", "Oops",
		"general protection", "refcount", "blocked for more than", "stall",
		"scheduling while atomic", "leak", "Objects remaining", "bad page",
		"Out of memory: ",	/* of the machine, not of a group */
	};
	char line[2048];
	ssize_t n;

	while ((n = read(fd, line, sizeof(line) - 1)) >= 0 || errno == EPIPE) {
		line[n < 0 ? 0 : n] = 0;
		for (size_t i = 0; i < ARRAY_SIZE(worse); i++)
			if (strstr(line, worse[i]))
				return false;
	}
	return klogctl(5, NULL, 0) == 0;	/* SYSLOG_ACTION_CLEAR */
}

#endif /* JOBTRACK_TEST_DEBUG_H */
