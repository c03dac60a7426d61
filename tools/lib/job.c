// SPDX-License-Identifier: LGPL-2.1-or-later
/* What is asked of a job's fd, and waiting for it. */
#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <time.h>

#include "libjobtrack.h"

int jobtrack_job_state(int job, struct jobtrack_job *state)
{
	struct jobtrack_job copy = { 0 };

	if (ioctl(job, JOBTRACK_IOC_STATE, &copy) < 0)
		return -1;
	*state = copy;
	return 0;
}

const char *jobtrack_state_name(uint32_t state)
{
	switch (state) {
	case JOBTRACK_EMPTY:
		return "empty";
	case JOBTRACK_RUNNING:
		return "running";
	case JOBTRACK_KILLING:
		return "killing";
	case JOBTRACK_KILLED:
		return "killed";
	}
	return "unknown";
}

int jobtrack_job_account(int job, uint64_t flags, struct jobtrack_account *account)
{
	struct jobtrack_account copy = { .flags = flags };

	if (ioctl(job, JOBTRACK_IOC_ACCOUNT, &copy) < 0)
		return -1;
	*account = copy;
	return 0;
}

int jobtrack_job_enter(int job)
{
	struct jobtrack_enter enter = { 0 };

	return ioctl(job, JOBTRACK_IOC_ENTER, &enter) < 0 ? -1 : 0;
}

int jobtrack_job_tag(int job, uint64_t flags, pid_t pid, uint64_t start_time,
		     uint32_t *tagged, uint32_t *denied)
{
	struct jobtrack_tag tag = {
		.flags = flags,
		.start_time = start_time,
		.pid = pid,
	};

	if (ioctl(job, JOBTRACK_IOC_TAG, &tag) < 0)
		return -1;
	if (tagged)
		*tagged = tag.tagged;
	if (denied)
		*denied = tag.denied;
	return 0;
}

int jobtrack_job_signal(int job, int sig, struct jobtrack_signal *counts)
{
	struct jobtrack_signal signal = { .sig = sig };

	if (ioctl(job, JOBTRACK_IOC_SIGNAL, &signal) < 0)
		return -1;
	if (counts)
		*counts = signal;
	return 0;
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int jobtrack_job_wait(int job, int64_t timeout_ms)
{
	/* poll(2) counts in int: a longer wait is several of a day each. */
	const int64_t most = 24 * 3600 * 1000;
	struct pollfd pfd = { .fd = job, .events = POLLIN };
	int64_t start = now_ns();
	int n;

	do {
		int64_t left = most;

		if (timeout_ms >= 0) {
			left = timeout_ms - (now_ns() - start) / 1000000;
			if (left < 0)
				left = 0;
		}
		n = poll(&pfd, 1, left < most ? left : most);
		if (n == 0 && timeout_ms >= 0 && left < most) {
			errno = ETIMEDOUT;
			return -1;
		}
	} while (n == 0 || (n < 0 && errno == EINTR));

	if (n < 0)
		return -1;
	if (pfd.revents & POLLIN)
		return 0;
	errno = (pfd.revents & POLLNVAL) ? EBADF : EIO;
	return -1;
}
