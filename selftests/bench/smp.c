// SPDX-License-Identifier: GPL-2.0
/*
 * smp - how fast many processors fork: what the lock of a tree costs
 *
 * For a guest with four of them, by the clock, which is noise: the host has other
 * things to do, and an emulated processor stands still when its thread does. So all
 * places take turns in short windows, and what is told is the median of the ratios to
 * the bare kernel in the same round, with their quartiles. "bare again" is the bare
 * kernel once more: what it is off 1 is noise.
 *
 * One process alone in a job shows what the module costs, four in four jobs that they
 * share a module, and four in one job that they share a job.
 */
#define _GNU_SOURCE
#include "setups.h"

#include <time.h>

#define PROCESSES	4
#define WINDOW_MS	200
#define MAX_ROUNDS	200

static volatile struct {
	int ready;
	bool begin, end;
	uint64_t forks[PROCESSES];
} *race;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/* ------------------------------------------------------------------ places */


static void jobs_begin(int n)
{
	load_module();
	while (n--)
		job_of(0);
}

static void jobs_join(int i)
{
	if (jobtrack_job_enter(jobs[i % nr_jobs]))
		err(1, "entering a job");
}

static void cgroup_3_join(int i)
{
	(void)i;
	cgroup_join(3);
}

/* @join gets which of the processes it is */
static const struct setup places[] = {
	{ "bare",		0, NULL, NULL, NULL },
	{ "bare again",		0, NULL, NULL, NULL },
	{ "next to a job",	1, neighbours_begin, NULL, loaded_end },
	{ "each in its job",	PROCESSES, jobs_begin, jobs_join, loaded_end },
	{ "all in one job",	1, jobs_begin, jobs_join, loaded_end },
	{ "cgroup 3 deep",	3, cgroup_begin, cgroup_3_join, cgroup_end },
};
#define NR_PLACES	ARRAY_SIZE(places)

/* --------------------------------------------------------------- measuring */

static void fork_on(const struct setup *place, int i)
{
	cpu_set_t cpu;
	pid_t pid;

	CPU_ZERO(&cpu);
	CPU_SET(i, &cpu);
	if (sched_setaffinity(0, sizeof(cpu), &cpu))
		err(1, "sched_setaffinity");
	if (place->join)
		place->join(i);
	syscall(SYS_close_range, 3, ~0U, 0);
	__atomic_add_fetch(&race->ready, 1, __ATOMIC_SEQ_CST);
	while (!race->end) {
		pid = fork();
		if (!pid)
			_exit(0);
		if (waitpid(pid, NULL, 0) != pid)
			err(1, "fork");
		if (race->begin)
			race->forks[i]++;
	}
	_exit(0);
}

/* Forks a second of so many processes together */
static double rate(const struct setup *place, int processes)
{
	uint64_t start, forks = 0;
	pid_t pids[PROCESSES];
	int i;

	if (place->begin)
		place->begin(place->arg);
	memset((void *)race, 0, sizeof(*race));
	for (i = 0; i < processes; i++) {
		pids[i] = fork();
		if (!pids[i])
			fork_on(place, i);
	}
	while (race->ready < processes)
		sleep_ms(1);
	race->begin = true;
	start = now_ns();
	sleep_ms(WINDOW_MS);
	race->end = true;
	start = now_ns() - start;
	for (i = 0; i < processes; i++) {
		int status;

		if (pids[i] < 0 || waitpid(pids[i], &status, 0) != pids[i] || status)
			errx(1, "%s: forking failed", place->name);
		forks += race->forks[i];
	}
	if (place->end)
		place->end(place->arg);
	return forks * 1e9 / start;
}

/* As many rounds as there is time for, each of which begins at another place */
static void compare(int processes, int seconds)
{
	static double rates[NR_PLACES][MAX_ROUNDS];
	uint64_t end = now_ns() + seconds * 1000000000ULL;
	double ratios[MAX_ROUNDS], plain[MAX_ROUNDS];
	char row[32], more[64];
	int rounds = 0, p, r;

	do {
		for (p = 0; p < NR_PLACES; p++) {
			int place = (rounds + p) % NR_PLACES;

			rates[place][rounds] = rate(&places[place], processes);
		}
		rounds++;
	} while (rounds < MAX_ROUNDS && now_ns() < end);

	memcpy(plain, rates[0], sizeof(plain));
	sprintf(row, "%d forking", processes);
	figure("smp", row, "bare, a second", median(plain, rounds), "forks", rounds);
	for (p = 1; p < NR_PLACES; p++) {
		for (r = 0; r < rounds; r++)
			ratios[r] = rates[p][r] / rates[0][r];
		sprintf(more, ",\"low\":%.4g,\"high\":%.4g", quantile(ratios, rounds, .25),
			quantile(ratios, rounds, .75));
		figure_with("smp", row, places[p].name, median(ratios, rounds),
			    "of bare", rounds, more);
	}
}

int main(void)
{
	int seconds = is_quick() ? 15 : 75;

	race = shared_memory(sizeof(*race));
	compare(1, seconds);
	compare(PROCESSES, seconds);
	return 0;
}
