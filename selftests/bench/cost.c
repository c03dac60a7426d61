// SPDX-License-Identifier: GPL-2.0
/*
 * cost - what an operation costs, in executed instructions
 *
 * For a guest that counts them. A round measures all operations in each setup, and
 * before and after each the bare kernel, with whose mean it is compared. Printed is
 * the median of the rounds, and how far they are apart. "bare again" is the bare
 * kernel measured like a setup: what it shows is noise.
 *
 * The value is the mean of many operations in a row, and has all that goes on
 * meanwhile: ticks, RCU, deferred work. "path" is of the median operation: what is
 * done in the operation itself.
 */
#define _GNU_SOURCE
#include "setups.h"

#include <pthread.h>

/* -------------------------------------------------------------- operations */

static const char *self;
static pid_t deaf, listening;	/* processes that ignore SIGUSR1, and handle it */
static volatile uint32_t *handled;	/* how often; shared */

static void fork_exit_wait(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	if (waitpid(pid, NULL, 0) != pid)
		err(1, "fork");
}

static void vfork_exec_wait(void)
{
	pid_t pid = vfork();

	if (!pid) {
		execl(self, "true", NULL);
		_exit(1);
	}
	if (waitpid(pid, NULL, 0) != pid)
		err(1, "vfork");
}

static void *nothing(void *arg)
{
	return arg;
}

static void create_join(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL))
		errx(1, "no thread");
}

static void kill_ignored(void)
{
	kill(deaf, SIGUSR1);
}

static void kill_handled(void)
{
	uint32_t before = *handled;

	kill(listening, SIGUSR1);
	while (*handled == before)
		sched_yield();
}

static const struct operation {
	const char *name;
	void (*once)(void);
	int times;
} operations[] = {
	{ "fork+exit+wait",	fork_exit_wait,		400 },
	{ "vfork+exec+wait",	vfork_exec_wait,	100 },
	{ "thread create+join",	create_join,		400 },
	{ "kill(2), ignored",	kill_ignored,		20000 },
	{ "kill(2) until handled", kill_handled,		2000 },
};
#define NR_OPERATIONS	ARRAY_SIZE(operations)
#define MAX_TIMES	20000

/* ------------------------------------------------------------------ setups */

#define IDLE_S	60	/* after which the module has nothing left to do */

static const struct setup bare = { "bare", 0, NULL, NULL, NULL };
static const struct setup with_psi[] = {
	{ "bare again",		0, NULL, NULL, NULL },
	{ "loaded",		0, loaded_begin, NULL, loaded_end },
	{ "no job",		IDLE_S, idle_begin, NULL, loaded_end },
	{ "next to 100 jobs",	MAX_JOBS, neighbours_begin, NULL, loaded_end },
	{ "tracked",		0, tracked_begin, tracked_join, loaded_end },
	{ "tracked with 5,000",	5000, tracked_begin, tracked_join, loaded_end },
	{ "cgroup 1 deep",	1, cgroup_begin, cgroup_join, cgroup_end },
	{ "cgroup 3 deep",	3, cgroup_begin, cgroup_join, cgroup_end },
	{ "cgroup 5 deep",	5, cgroup_begin, cgroup_join, cgroup_end },
	{ "proc connector",	0, listener_begin, NULL, listener_end },
	{ "next to BPF",	false, bpf_begin, NULL, bpf_end },
	{ "BPF",		false, bpf_begin, bpf_join, bpf_end },
	{ "BPF with table",	true, bpf_begin, bpf_join, bpf_end },
}, without_psi[] = {
	{ "bare again",		0, NULL, NULL, NULL },
	{ "tracked",		0, tracked_begin, tracked_join, loaded_end },
	{ "cgroup 1 deep",	1, cgroup_begin, cgroup_join, cgroup_end },
	{ "cgroup 3 deep",	3, cgroup_begin, cgroup_join, cgroup_end },
	{ "cgroup 5 deep",	5, cgroup_begin, cgroup_join, cgroup_end },
};

/* --------------------------------------------------------------- measuring */

#define MAX_SETUPS	16
#define MAX_ROUNDS	16
#define SETTLE_MS	200	/* in which what others left behind is freed */

struct cost { double mean, path; };
struct costs { struct cost of[NR_OPERATIONS]; };

/* By round and setup, each of which comes between two times the bare kernel; shared */
static struct costs (*costs)[2 * MAX_SETUPS + 1];

static struct cost cost_of(const struct operation *operation)
{
	static double each[MAX_TIMES];
	uint64_t start, last, now;
	struct cost cost;
	int i;

	for (i = 0; i < operation->times / 4; i++)	/* to be warm */
		operation->once();
	start = instructions();
	last = start;
	for (i = 0; i < operation->times; i++) {
		operation->once();
		now = instructions();
		each[i] = now - last;
		last = now;
	}
	cost.mean = (double)(last - start) / operation->times;
	cost.path = median(each, operation->times);
	return cost;
}

/* A process of its own measures: it never leaves a job that it has joined. */
static void measure(const struct setup *setup, struct costs *result)
{
	int op, status;
	pid_t pid;

	if (setup->begin)
		setup->begin(setup->arg);
	pid = fork();
	if (!pid) {
		if (setup->join)
			setup->join(setup->arg);
		syscall(SYS_close_range, 3, ~0U, 0);	/* which a fork would copy */
		sleep_ms(SETTLE_MS);
		for (op = 0; op < NR_OPERATIONS; op++)
			result->of[op] = cost_of(&operations[op]);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		errx(1, "%s: measuring failed", setup->name);
	if (setup->end)
		setup->end(setup->arg);
}

/* What a setup costs more than the bare kernel before and after it */
static struct cost over_bare(const struct costs *c, int op)
{
	return (struct cost) {
		.mean = c->of[op].mean - (c[-1].of[op].mean + c[1].of[op].mean) / 2,
		.path = c->of[op].path - (c[-1].of[op].path + c[1].of[op].path) / 2,
	};
}

static void report(const struct setup *setups, int nr_setups, const char *suffix, int rounds)
{
	double mean[MAX_ROUNDS * (MAX_SETUPS + 1)], path[MAX_ROUNDS * (MAX_SETUPS + 1)];
	char column[64], more[128];
	int op, s, r, n;

	for (op = 0; op < NR_OPERATIONS; op++) {
		const struct operation *o = &operations[op];

		for (r = 0, n = 0; r < rounds; r++)
			for (s = 0; s <= nr_setups; s++, n++) {
				mean[n] = costs[r][2 * s].of[op].mean;
				path[n] = costs[r][2 * s].of[op].path;
			}
		sprintf(column, "bare%s", suffix);
		sprintf(more, ",\"path\":%.10g", median(path, n));
		figure_with("cost", o->name, column, median(mean, n),
			    "instructions", n * o->times, more);
		for (s = 0; s < nr_setups; s++) {
			for (r = 0; r < rounds; r++) {
				struct cost over = over_bare(&costs[r][2 * s + 1], op);

				mean[r] = over.mean;
				path[r] = over.path;
			}
			sprintf(column, "%s%s", setups[s].name, suffix);
			sprintf(more, ",\"low\":%.10g,\"high\":%.10g,\"path\":%.10g",
				quantile(mean, rounds, .25), quantile(mean, rounds, .75),
				median(path, rounds));
			figure_with("cost", o->name, column, median(mean, rounds),
				    "instructions over bare", rounds * o->times, more);
		}
	}
}

static void sleep_on(int arg)
{
	(void)arg;
	for (;;)
		pause();
}

static void handle(int sig)
{
	(void)sig;
	++*handled;
}

int main(int argc, char **argv)
{
	bool psi = !access("/proc/pressure", F_OK);
	const struct setup *setups = psi ? with_psi : without_psi;
	int nr_setups = psi ? ARRAY_SIZE(with_psi) : ARRAY_SIZE(without_psi);
	int rounds = is_quick() ? 3 : 9;
	int r, s;

	(void)argc;
	if (!strcmp(argv[0], "true"))	/* executed by an operation */
		return 0;
	self = argv[0];
	handled = shared_memory(sizeof(*handled));
	costs = shared_memory(sizeof(*costs) * MAX_ROUNDS);
	/* With a PID in use that is high the kernel's tree of PIDs keeps its depth. */
	write_file("/proc/sys/kernel/ns_last_pid", "300000");
	signal(SIGUSR1, SIG_IGN);
	deaf = child_of(sleep_on, 0);
	signal(SIGUSR1, handle);
	listening = child_of(sleep_on, 0);
	signal(SIGUSR1, SIG_DFL);

	/* The first round warms up: caches of the kernel's grow. */
	for (r = -1; r < rounds; r++) {
		struct costs *c = costs[r < 0 ? 0 : r];

		for (s = 0; s < nr_setups; s++) {
			measure(&bare, &c[2 * s]);
			measure(&setups[s], &c[2 * s + 1]);
		}
		measure(&bare, &c[2 * s]);
	}
	report(setups, nr_setups, psi ? "" : ", psi=0", rounds);
	end_child(deaf);
	end_child(listening);
	return 0;
}
