/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The account of a job, and how it is held against what wait4(2) says.
 */
#ifndef JOBTRACK_TEST_ACCOUNT_H
#define JOBTRACK_TEST_ACCOUNT_H

#include "adversary.h"

#include <sys/resource.h>
#include <sys/time.h>

static inline int jt_account(int fd, uint64_t flags, struct jobtrack_account *account)
{
	memset(account, 0, sizeof(*account));
	account->flags = flags;
	return jt_ioctl(fd, JOBTRACK_IOC_ACCOUNT, account);
}

/* Wait until @n that were sent into the job have come and are gone; not for anybody. */
static inline bool wait_gone(int job, uint64_t n)
{
	struct jobtrack_account account;

	return WAIT_UNTIL(!jt_account(job, 0, &account) && account.gone >= n) &&
		jt_wait_empty(job);
}

static inline uint64_t micros(const struct timeval *tv)
{
	return tv->tv_sec * 1000000ULL + tv->tv_usec;
}

static inline void add_rusage(struct rusage *sum, const struct rusage *usage)
{
	timeradd(&sum->ru_utime, &usage->ru_utime, &sum->ru_utime);
	timeradd(&sum->ru_stime, &usage->ru_stime, &sum->ru_stime);
	if (sum->ru_maxrss < usage->ru_maxrss)
		sum->ru_maxrss = usage->ru_maxrss;
	sum->ru_minflt += usage->ru_minflt;
	sum->ru_majflt += usage->ru_majflt;
	sum->ru_nvcsw += usage->ru_nvcsw;
	sum->ru_nivcsw += usage->ru_nivcsw;
}

static inline bool differs(const char *what, uint64_t account, uint64_t rusage)
{
	fprintf(stderr, "# %s: %llu by the account, %llu by wait4()\n", what,
		(unsigned long long)account, (unsigned long long)rusage);
	return false;
}

/* Nanoseconds that are the sum of @n times, each of which was cut to microseconds */
static inline bool is_time_of(uint64_t ns, const struct timeval *tv, unsigned int n)
{
	return ns / 1000 >= micros(tv) && ns / 1000 < micros(tv) + n;
}

/* Is the account the sum of what wait4() said about @n processes? */
static inline bool account_is_sum(const struct jobtrack_account *account,
				  const struct rusage *sum, unsigned int n)
{
	if (!is_time_of(account->utime, &sum->ru_utime, n))
		return differs("user time, us", account->utime / 1000, micros(&sum->ru_utime));
	if (!is_time_of(account->stime, &sum->ru_stime, n))
		return differs("system time, us", account->stime / 1000, micros(&sum->ru_stime));
	if (account->maxrss != (uint64_t)sum->ru_maxrss * 1024)
		return differs("resident set", account->maxrss, sum->ru_maxrss * 1024);
	if (account->minflt != (uint64_t)sum->ru_minflt)
		return differs("minor faults", account->minflt, sum->ru_minflt);
	if (account->majflt != (uint64_t)sum->ru_majflt)
		return differs("major faults", account->majflt, sum->ru_majflt);
	if (account->nvcsw != (uint64_t)sum->ru_nvcsw)
		return differs("voluntary switches", account->nvcsw, sum->ru_nvcsw);
	if (account->nivcsw != (uint64_t)sum->ru_nivcsw)
		return differs("involuntary switches", account->nivcsw, sum->ru_nivcsw);
	return true;
}

static inline bool account_is(const struct jobtrack_account *account, const struct rusage *usage)
{
	return account_is_sum(account, usage, 1);
}

/* Are there @n that ended as wait4()'s status says? */
static inline bool account_has_status(const struct jobtrack_account *account, int status,
				      uint64_t n)
{
	if (WIFSIGNALED(status))
		return account->signaled[WTERMSIG(status) - 1] == n;
	return WIFEXITED(status) && account->exited[WEXITSTATUS(status)] == n;
}

#endif /* JOBTRACK_TEST_ACCOUNT_H */
