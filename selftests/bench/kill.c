// SPDX-License-Identifier: GPL-2.0
/*
 * kill - how long it takes until the last process of a crowd is gone
 *
 * "Sleepers" share one memory, whose end would otherwise be most of what is
 * measured; "lone sleepers" have one each, as after fork(2).
 *
 * All ways take turns, since the cost of an exit can change within a boot; what
 * is told is the median.
 */
#include "bench/killers.h"

#define LIMIT_MS	20000
#define MAX_ROUNDS	9

/* In millions of what the clock counts as nanoseconds: instructions */
static double latency(const struct killer *killer, const char *kind, unsigned int n)
{
	struct crowd crowd;
	uint64_t start;

	killer_prepare(killer);
	crowd = crowd_asleep(killer->enter, kind, n);
	start = now_ns();
	killer->pass(&crowd);	/* nobody escapes who sleeps */
	CHECK(crowd_is_gone(&crowd, LIMIT_MS));
	start = now_ns() - start;
	crowd_end(&crowd);
	killer_finish(killer);
	return start / 1e6;
}

/* By the first so many of the killers */
static void measure(const char *kind, unsigned int n, unsigned int rounds,
		    unsigned int nr_killers)
{
	double taken[NR_KILLERS][MAX_ROUNDS];
	char row[64];

	snprintf(row, sizeof(row), "%u %s", n, kind);
	for (unsigned int round = 0; round < rounds; round++)
		for (unsigned int k = 0; k < nr_killers; k++)
			taken[k][round] = latency(&killers[k], kind, n);
	for (unsigned int k = 0; k < nr_killers; k++)
		figure("kill", row, killers[k].name, median(taken[k], rounds), "Minstr", rounds);
}

int main(void)
{
	crowds_prepare();
	measure("sleepers", 100, is_quick() ? 3 : 9, NR_KILLERS);
	measure("sleepers", 1000, is_quick() ? 1 : 5, NR_KILLERS);
	if (is_quick())
		return 0;
	measure("sleepers", 10000, 3, NR_KILLERS);
	measure("sleepers", 100000, 1, 1);
	measure("lone sleepers", 1000, 3, NR_KILLERS);
	measure("lone sleepers", 10000, 1, 2);
	return 0;
}
