// SPDX-License-Identifier: GPL-2.0
/*
 * kill_race - how many of those that fork are left, by each way to end them: once
 * the first pass is over, and when the killer gives up
 *
 * On several processors, as the killer and the killed are to race. Those that are
 * left have multiplied again when they are counted; those that have been killed
 * and had no time to die yet are not counted.
 */
#include "bench/killers.h"

#include <sys/resource.h>

#define SETTLE_MS	500	/* for those that have been killed */
#define MANY		10000	/* take minutes to begin: for the first two killers only */
#define LIMIT_MS	3000	/* until a killer gives up */

struct crowd_kind {
	const struct bomb *bomb;
	unsigned int n;		/* plain forkers, if there is no bomb */
};

static struct crowd begin(const struct crowd_kind *kind, const struct killer *killer)
{
	killer_prepare(killer);
	return kind->bomb ? crowd_of_bomb(killer->enter, kind->bomb) :
			    crowd_of_forkers(killer->enter, kind->n);
}

/*
 * Passes, each followed by a wait of the same length for those that die, until
 * all are gone or @limit_ms is over. Whether they are gone.
 */
static bool kill_until_gone(const struct killer *killer, const struct crowd *crowd,
			    unsigned int limit_ms)
{
	uint64_t start = now_ns(), pass;

	do {
		pass = now_ns();
		killer->pass(crowd);
		if (crowd_is_gone(crowd, 1 + (now_ns() - pass) / NSEC_PER_MSEC))
			return true;
	} while (now_ns() - start < limit_ms * NSEC_PER_MSEC);
	return false;
}

/* As a thread is named below /proc */
static bool thread_may_run(const char *thread)
{
	struct stat_line st;
	char status[4096];

	read_entry(thread, "status", status, sizeof(status));
	return read_stat(thread, &st) &&
	       !(strtoull(field(status, "\nSigPnd:\t"), NULL, 16) & 1ULL << (SIGKILL - 1));
}

/* The main thread may be a zombie while others run. */
static bool may_run(pid_t pid)
{
	bool may = false;
	char path[64];
	pid_t tid;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && !may && (tid = next_pid(dir))) {
		snprintf(path, sizeof(path), "%d/task/%d", pid, tid);
		may = thread_may_run(path);
	}
	if (dir)
		closedir(dir);
	return may;
}

static int count_survivors(void)
{
	DIR *dir = open_proc();
	pid_t pid;
	int n = 0;

	while ((pid = next_pid(dir)))
		n += belongs_to(pid, OWNER) && may_run(pid);
	closedir(dir);
	return n;
}

/* Who has just taken its SIGKILL shows neither that nor its exit: two looks. */
static int survivors(const struct crowd *crowd)
{
	if (crowd_is_gone(crowd, SETTLE_MS) || !count_survivors() ||
	    crowd_is_gone(crowd, SETTLE_MS))
		return 0;
	return count_survivors();
}

/* Whether the killer has done its work */
static bool race(const struct crowd_kind *kind, const struct killer *killer)
{
	struct crowd crowd = begin(kind, killer);
	int first, left = 0;
	char row[32], more[32];

	killer->pass(&crowd);
	first = survivors(&crowd);
	if (first && !kill_until_gone(killer, &crowd, LIMIT_MS))
		left = survivors(&crowd);
	crowd_end(&crowd);
	killer_finish(killer);

	snprintf(row, sizeof(row), "%u forking", kind->n);
	snprintf(more, sizeof(more), ",\"first_pass\":%d", first);
	figure_with("survivors", kind->bomb ? kind->bomb->name : row, killer->name, left,
		    "processes", 1, more);
	return !left;
}

int main(void)
{
	static const struct crowd_kind forkers[] = {
		{ .n = 100 }, { .n = 1000 }, { .n = 10000 },
	};
	unsigned int nr_forkers = ARRAY_SIZE(forkers) - is_quick();
	bool ok = true;

	crowds_prepare();
	/* a killer among ten thousand others is to get its share */
	setpriority(PRIO_PROCESS, 0, -20);
	for (size_t i = 0; i < ARRAY_SIZE(bombs); i++)
		for (size_t k = 0; k < NR_KILLERS; k++)
			ok &= race(&(struct crowd_kind){ .bomb = bombs[i] }, &killers[k]) || k;
	for (size_t i = 0; i < nr_forkers; i++)
		for (size_t k = 0; k < (forkers[i].n < MANY ? NR_KILLERS : 2); k++)
			ok &= race(&forkers[i], &killers[k]) || k;
	return ok ? 0 : 1;
}
