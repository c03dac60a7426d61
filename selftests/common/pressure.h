/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What stretches the moments in which a fork can be overlooked: forkers that
 * linger at birth, are throttled, preempted anywhere or idle next to busy ones,
 * and PIDs that come back soon.
 */
#ifndef JOBTRACK_TEST_PRESSURE_H
#define JOBTRACK_TEST_PRESSURE_H

#include "adversary.h"
#include "chains.h"

#include <sys/mount.h>

#define PRESS_LINGER	0x01	/* forks take longer just before the birth probe */
#define PRESS_QUOTA	0x02	/* a CPU quota on the forkers, and one on the signaller */
#define PRESS_IDLE	0x04	/* SCHED_IDLE, and somebody busy on each CPU */
#define PRESS_PREEMPT	0x08	/* preempt=full, if the kernel can */
#define PRESS_PIDS	0x10	/* few PIDs */

#define CGROUPS		"/sys/fs/cgroup"
#define FEW_PIDS	480	/* the first 300 are not used again */
#define BUSY_MAX	64
#define PREEMPT_FILE	"/sys/kernel/debug/sched/preempt"

struct pressure {
	unsigned int what;
	pid_t busy[BUSY_MAX];
	int pid_max;
	char preempt[16];	/* as it was; empty: it cannot be changed */
};

/* What came of it */
struct pressed {
	uint64_t forkers_throttled, signaller_throttled;
};

static inline bool enter_cgroup(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), CGROUPS "/%s/cgroup.procs", name);
	return write_file(path, "0") == 0;
}

static inline bool make_cgroup(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), CGROUPS "/%s", name);
	return mkdir(path, 0755) == 0 || errno == EEXIST;
}

static inline bool limit_cgroup(const char *name, const char *quota)
{
	char path[128];

	snprintf(path, sizeof(path), CGROUPS "/%s/cpu.max", name);
	return write_file(path, quota) == 0;
}

static inline uint64_t times_throttled(const char *name)
{
	char path[128], text[1024], *p;

	snprintf(path, sizeof(path), CGROUPS "/%s/cpu.stat", name);
	if (read_file(path, text, sizeof(text)) < 0)
		return 0;
	p = strstr(text, "nr_throttled ");
	return p ? strtoull(p + strlen("nr_throttled "), NULL, 10) : 0;
}

static inline bool remove_cgroup(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), CGROUPS "/%s", name);
	return WAIT_UNTIL(rmdir(path) == 0);
}

/* Busy for a while, then not, so that what is idle gets on, too */
static inline pid_t keep_busy(int cpu)
{
	pid_t tester = getpid(), pid = fork();
	cpu_set_t one;

	if (pid)
		return pid;
	CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == tester);
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	CHECK(sched_setaffinity(0, sizeof(one), &one) == 0);
	for (;;) {
		uint64_t end = now_ns() + 2 * NSEC_PER_MSEC;

		while (now_ns() < end)
			;
		nap_us(2000);
	}
}

/* The model that is in use is the one in brackets. */
static inline bool preempt_fully(char *before, size_t size)
{
	char text[64], *open, *close;

	if (access(PREEMPT_FILE, F_OK))
		mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	if (read_file(PREEMPT_FILE, text, sizeof(text)) < 0)
		return true;
	open = strchr(text, '(');
	close = strchr(text, ')');
	if (!open || !close)
		return false;
	*close = 0;
	snprintf(before, size, "%s", open + 1);
	return write_file(PREEMPT_FILE, "full") == 0;
}

static inline bool press(struct pressure *pressure, unsigned int what)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	memset(pressure, 0, sizeof(*pressure));
	pressure->what = what;
	if (what & PRESS_LINGER && !linger_at_birth())
		return false;
	/*
	 * Nobody is in "quotas", and it stays: the first quota and the last make the
	 * kernel patch its scheduler, and an emulated CPU that is in the middle of
	 * that can go on executing the breakpoint for ever.
	 */
	if (what & PRESS_QUOTA &&
	    !(write_file(CGROUPS "/cgroup.subtree_control", "+cpu") == 0 &&
	      make_cgroup("quotas") && limit_cgroup("quotas", "10000 20000") &&
	      make_cgroup("forkers") && make_cgroup("signaller")))
		return false;
	if (what & PRESS_PREEMPT && !preempt_fully(pressure->preempt, sizeof(pressure->preempt)))
		return false;
	if (what & PRESS_PIDS) {
		pressure->pid_max = set_pid_max(FEW_PIDS);
		if (pressure->pid_max < 0)
			return false;
	}
	for (int i = 0; what & PRESS_IDLE && i < cpus && i < BUSY_MAX; i++) {
		pressure->busy[i] = keep_busy(i);
		if (pressure->busy[i] < 0)
			return false;
	}
	return true;
}

/* Before the racers are forked: they inherit it. */
static inline bool press_racers(const struct pressure *pressure)
{
	const struct sched_param none = { 0 };

	if (pressure->what & PRESS_QUOTA && !enter_cgroup("forkers"))
		return false;
	return !(pressure->what & PRESS_IDLE) || sched_setscheduler(0, SCHED_IDLE, &none) == 0;
}

/*
 * Once they are all there. The signaller goes to its own group before there is a
 * quota: a process cannot change its cgroup while a fork is held up by one.
 */
static inline bool press_signaller(const struct pressure *pressure)
{
	const struct sched_param none = { 0 };

	if (pressure->what & PRESS_QUOTA && !enter_cgroup("signaller"))
		return false;
	return !(pressure->what & PRESS_IDLE) || sched_setscheduler(0, SCHED_OTHER, &none) == 0;
}

static inline bool set_quota(const struct pressure *pressure, bool on)
{
	return !(pressure->what & PRESS_QUOTA) ||
		(limit_cgroup("forkers", on ? "10000 20000" : "max") &&
		 limit_cgroup("signaller", on ? "1000 10000" : "max"));
}

static inline bool is_pressed(const struct pressure *pressure, pid_t pid)
{
	return !(pressure->what & PRESS_IDLE) || sched_getscheduler(pid) == SCHED_IDLE;
}

/* Use up a part of the quota, so that the rest ends while signals are sent. */
static inline void spend_quota(const struct pressure *pressure, unsigned int *seed)
{
	uint64_t end = now_ns() + rand_r(seed) % NSEC_PER_MSEC;

	while (pressure->what & PRESS_QUOTA && now_ns() < end)
		;
}

static inline bool release_pressure(struct pressure *pressure, struct pressed *pressed)
{
	bool ok = true;

	for (int i = 0; i < BUSY_MAX && pressure->busy[i] > 0; i++) {
		kill(pressure->busy[i], SIGKILL);
		waitpid(pressure->busy[i], NULL, 0);
	}
	if (pressure->pid_max > 0)
		ok &= set_pid_max(pressure->pid_max) > 0;
	if (pressure->preempt[0])
		ok &= write_file(PREEMPT_FILE, pressure->preempt) == 0;
	if (pressure->what & PRESS_QUOTA) {
		pressed->forkers_throttled += times_throttled("forkers");
		pressed->signaller_throttled += times_throttled("signaller");
		ok &= enter_cgroup("") && remove_cgroup("forkers") && remove_cgroup("signaller");
	}
	return ok;
}

static inline bool was_pressed(const struct pressure *pressure, const struct pressed *pressed)
{
	return !(pressure->what & PRESS_QUOTA) ||
		(pressed->forkers_throttled && pressed->signaller_throttled);
}

#endif /* JOBTRACK_TEST_PRESSURE_H */
