/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ways to end a crowd. Each has it be tracked from its first process on, does
 * what it can in one pass, and may make as many passes as it likes.
 */
#ifndef JOBTRACK_BENCH_KILLERS_H
#define JOBTRACK_BENCH_KILLERS_H

#include "bench/crowd.h"
#include "bench/tracker.h"

#define KILL_CGROUP	"/sys/fs/cgroup/crowd"

/**
 * struct killer - a way to end a crowd
 * @name: in the tables
 * @prepare: before the crowd is begun
 * @enter: in its first process
 * @pass: once over all of the crowd
 * @finish: when the crowd is gone
 */
struct killer {
	const char *name;
	void (*prepare)(void);
	void (*enter)(void);
	void (*pass)(const struct crowd *crowd);
	void (*finish)(void);
};

/* ------------------------------------------------------------------- jobtrack */

static int the_job;

static void job_prepare(void)
{
	the_job = jt_create(0, 0, NULL, NULL);
	CHECK(the_job >= 0);
}

static void job_enter(void)
{
	CHECK_EQ(0, jt_enter(the_job));
}

static void job_kill(const struct crowd *crowd)
{
	(void)crowd;
	CHECK_EQ(0, jt_signal(the_job, SIGKILL, NULL));
}

static void job_finish(void)
{
	close(the_job);
}

/* ------------------------------------------------------------------- cgroup v2 */

static void cgroup_prepare(void)
{
	CHECK(mkdir(KILL_CGROUP, 0755) == 0);
}

static void cgroup_enter(void)
{
	CHECK_EQ(0, write_file(KILL_CGROUP "/cgroup.procs", "0"));
}

static void cgroup_kill(const struct crowd *crowd)
{
	(void)crowd;
	CHECK_EQ(0, write_file(KILL_CGROUP "/cgroup.kill", "1"));
}

/* One that goes while cgroup.procs is read stands there as 0: the reader's own group. */
static void kill_one(pid_t pid)
{
	if (pid > 0)
		kill(pid, SIGKILL);
}

static void cgroup_procs(const struct crowd *crowd)
{
	FILE *procs = fopen(KILL_CGROUP "/cgroup.procs", "re");
	pid_t pid;

	(void)crowd;
	CHECK(procs);
	while (fscanf(procs, "%d", &pid) == 1)
		kill_one(pid);
	fclose(procs);
}

static void cgroup_finish(void)
{
	CHECK(WAIT_UNTIL(rmdir(KILL_CGROUP) == 0));
}

/* ------------------------------------------------------ a tracker made of BPF */

static void bpf_prepare(void)
{
	tracker_begin(false);
}

static void bpf_enter(void)
{
	tracker_tag(getpid());
}

static void bpf_kill(const struct crowd *crowd)
{
	(void)crowd;
	tracker_kill();
}

/* ----------------------------------------------------------- by what /proc shows */

static void kill_group(const struct crowd *crowd)
{
	kill(-crowd->first, SIGKILL);
}

static void kill_tree(const struct crowd *crowd)
{
	oldway_each(oldway("tree"), crowd->first, kill_one);
}

static void kill_by_cookie(const struct crowd *crowd)
{
	oldway_each(oldway("cookie"), crowd->first, kill_one);
}

static void kill_by_gid(const struct crowd *crowd)
{
	(void)crowd;
	oldway_each(oldway("gid"), MARK_GROUP, kill_one);
}

static const struct killer killers[] = {
	{ "jobtrack", job_prepare, job_enter, job_kill, job_finish },
	{ "cgroup.kill", cgroup_prepare, cgroup_enter, cgroup_kill, cgroup_finish },
	{ "cgroup.procs loop", cgroup_prepare, cgroup_enter, cgroup_procs, cgroup_finish },
	{ "BPF tracker", bpf_prepare, bpf_enter, bpf_kill, tracker_end },
	{ .name = "killpg", .pass = kill_group },
	{ .name = "tree walk", .pass = kill_tree },
	{ .name = "cookie scan", .pass = kill_by_cookie },
	{ .name = "group ID scan", .pass = kill_by_gid },
};

#define NR_KILLERS	ARRAY_SIZE(killers)

static inline void killer_prepare(const struct killer *killer)
{
	if (killer->prepare)
		killer->prepare();
}

static inline void killer_finish(const struct killer *killer)
{
	if (killer->finish)
		killer->finish();
}

#endif /* JOBTRACK_BENCH_KILLERS_H */
