// SPDX-License-Identifier: GPL-2.0
/*
 * growth - what the costs become when there are ten times as many members, jobs,
 * or processes that are in none
 */
#include "bench/killers.h"

#define FORKS	200	/* of a round */
#define ROUNDS	41

struct world {
	const char *name;
	unsigned int members, jobs, strangers;
};

struct costs {
	double fork, tracking, row, kill;
};

static void own_job(pid_t pid)
{
	int job = jt_create(0, 0, NULL, NULL);

	CHECK(job >= 0);
	CHECK_EQ(0, jt_tag(job, pid));
	close(job);
}

/*
 * A vfork with exit and wait, by a process that is in a job or is not: of a fork,
 * what the tracking adds would be lost in the noise of the memory's copy.
 */
static double fork_cost(void (*enter)(void))
{
	static uint64_t *cost;
	static struct gate *done;

	if (!cost) {
		cost = shared(sizeof(*cost));
		done = shared(sizeof(*done));
	}
	done->value = 0;
	if (!fork()) {
		if (enter)
			enter();
		signal(SIGCHLD, SIG_DFL);
		for (int i = -FORKS / 5; i < FORKS; i++) {
			pid_t pid;

			if (!i)
				*cost = now_ns();
			pid = vfork();
			if (!pid)
				_exit(0);
			CHECK(waitpid(pid, NULL, 0) == pid);
		}
		*cost = now_ns() - *cost;
		gate_add(done, 1);
		_exit(0);
	}
	CHECK(gate_wait(done, 1));
	return (double)*cost / FORKS;
}

/* What it costs without tracking, and what that adds: taking turns, medians */
static void fork_costs(struct costs *costs)
{
	double untracked[ROUNDS], added[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		untracked[i] = fork_cost(NULL);
		added[i] = fork_cost(job_enter) - untracked[i];
	}
	costs->fork = median(untracked, ROUNDS);
	costs->tracking = median(added, ROUNDS);
}

static double row_cost(unsigned int n)
{
	uint64_t start = now_ns();
	struct jobtrack_row *rows;

	CHECK(jt_snapshot(the_job, &rows, NULL) >= (int)n);
	start = now_ns() - start;
	free(rows);
	return (double)start / n;
}

static struct costs measure(const struct world *world)
{
	struct crowd others = crowd_of_sleepers(NULL, world->jobs), strangers, crowd;
	struct costs costs;
	uint64_t start;

	oldway_each(oldway("session"), others.first, own_job);
	strangers = crowd_of_sleepers(NULL, world->strangers);
	job_prepare();
	crowd = crowd_of_sleepers(job_enter, world->members);

	fork_costs(&costs);
	costs.row = row_cost(world->members);
	start = now_ns();
	job_kill(&crowd);
	CHECK(crowd_is_gone(&crowd, 10000));
	costs.kill = (double)(now_ns() - start) / world->members;

	crowd_end(&crowd);
	crowd_end(&strangers);
	crowd_end(&others);
	job_finish();
	return costs;
}

int main(void)
{
	static const struct world worlds[] = {
		{ "1,000 of each", 1000, 1000, 1000 },
		{ "10 x members", 10000, 1000, 1000 },
		{ "10 x jobs", 1000, 10000, 1000 },
		{ "10 x others", 1000, 1000, 10000 },
	};

	crowds_prepare();
	for (size_t i = 0; i < ARRAY_SIZE(worlds); i++) {
		const char *name = worlds[i].name;
		struct costs costs = measure(&worlds[i]);

		figure("growth", "vfork+exit+wait", name, costs.fork, "instructions",
		       FORKS * ROUNDS);
		figure("growth", "tracking that", name, costs.tracking, "instructions",
		       FORKS * ROUNDS);
		figure("growth", "row of a list", name, costs.row, "instructions",
		       worlds[i].members);
		figure("growth", "kill of a process", name, costs.kill, "instructions",
		       worlds[i].members);
	}
	return 0;
}
