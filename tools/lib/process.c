// SPDX-License-Identifier: LGPL-2.1-or-later
/* Naming a process so that a reused PID is never taken for it. */
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"
#include "libjobtrack.h"

int jobtrack_process_job(int dev, pid_t pid, struct jobtrack_which *which)
{
	struct jobtrack_which copy = { .pid = pid };

	if (ioctl(dev, JOBTRACK_IOC_WHICH, &copy) < 0)
		return -1;
	*which = copy;
	return 0;
}

/* A zombie has not given up its PID, and EPERM is said of a living process only. */
static int pidfd_holds_pid(int pidfd)
{
	if (!syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) || errno == EPERM)
		return 0;
	return -1;
}

int jobtrack_process_start(int dev, pid_t pid, int pidfd, uint64_t *start_time)
{
	struct jobtrack_which which;
	int opened = -1;
	int ret = -1;

	if (pid < 1) {
		errno = EINVAL;
		return -1;
	}
	if (pidfd < 0) {
		opened = syscall(SYS_pidfd_open, pid, 0);
		pidfd = opened;
		/* A thread's ID; kernels differ in how they say so. */
		if (opened < 0 && (errno == EINVAL || errno == ENOENT))
			errno = ESRCH;
		/*
		 * Kernels before 5.3 have no pidfd_open(). The pair that the
		 * module tells is one process's all the same.
		 */
		if (opened < 0 && errno != ENOSYS)
			return -1;
	}
	if (!jobtrack_process_job(dev, pid, &which) &&
	    (pidfd < 0 || !pidfd_holds_pid(pidfd))) {
		*start_time = which.start_time;
		ret = 0;
	}
	if (opened >= 0)
		close_keep_errno(opened);
	return ret;
}

int jobtrack_job_tag_pid(int job, int dev, uint64_t flags, pid_t pid,
			 uint32_t *tagged, uint32_t *denied)
{
	uint64_t start_time;

	if (jobtrack_process_start(dev, pid, -1, &start_time))
		return -1;
	return jobtrack_job_tag(job, flags, pid, start_time, tagged, denied);
}
