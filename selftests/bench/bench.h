/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the measuring programs share. A figure is a line of JSON on stdout, see
 * `run`; what is wrong with the surroundings ends the program.
 */
#ifndef JOBTRACK_BENCH_H
#define JOBTRACK_BENCH_H

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libjobtrack.h"

#define ARRAY_SIZE(a)	((int)(sizeof(a) / sizeof(*(a))))
#define MODULE_FILE	"/lib/jobtrack/jobtrack.ko"

/* Measure roughly, and be done soon */
static inline bool is_quick(void)
{
	const char *quick = getenv("QUICK");

	return quick && *quick;
}

/*
 * What has been executed so far, in a guest that counts: the TSC is then the
 * number of instructions.
 */
static inline uint64_t instructions(void)
{
	return __builtin_ia32_rdtsc();
}

/* Time is free in a guest that counts, while it has nothing to do. */
static inline void sleep_ms(unsigned int ms)
{
	usleep(ms * 1000);
}

static inline void *shared_memory(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		err(1, "mmap");
	return p;
}

/* ----------------------------------------------------------------- figures */

static inline int compare_values(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts the values */
static inline double quantile(double *values, int n, double q)
{
	int i = q * (n - 1);
	double rest = q * (n - 1) - i;

	qsort(values, n, sizeof(*values), compare_values);
	return values[i] + (i + 1 < n ? rest * (values[i + 1] - values[i]) : 0);
}

static inline double median(double *values, int n)
{
	return quantile(values, n, .5);
}

/* @more: further members of the object, beginning with a comma, or "" */
static inline void figure_with(const char *table, const char *row, const char *column,
			       double value, const char *unit, unsigned long n, const char *more)
{
	printf("{\"table\":\"%s\",\"row\":\"%s\",\"column\":\"%s\",", table, row, column);
	printf("\"value\":%.10g,\"unit\":\"%s\",\"n\":%lu%s}\n", value, unit, n, more);
	fflush(stdout);
}

static inline void figure(const char *table, const char *row, const char *column,
			  double value, const char *unit, unsigned long n)
{
	figure_with(table, row, column, value, unit, n, "");
}

/* ------------------------------------------------------------- the module */

static inline void load_module(void)
{
	int fd = open(MODULE_FILE, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		err(1, "%s", MODULE_FILE);
	close(fd);
}

/* Its last processes may have begun to exit only now. */
static inline void unload_module(void)
{
	while (syscall(SYS_delete_module, "jobtrack", O_NONBLOCK)) {
		if (errno != EAGAIN && errno != EBUSY)
			err(1, "rmmod jobtrack");
		sleep_ms(2);
	}
}

static inline int new_job(void)
{
	int dev = jobtrack_device_open();
	int job = dev < 0 ? -1 : jobtrack_job_create(dev, 0, 0, 0, NULL, NULL);

	if (job < 0)
		err(1, "making a job");
	close(dev);
	return job;
}

static inline void end_job(int job)
{
	if (jobtrack_job_signal(job, 9, NULL) || jobtrack_job_wait(job, -1))
		err(1, "ending a job");
	close(job);
}

#endif /* JOBTRACK_BENCH_H */
