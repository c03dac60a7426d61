// SPDX-License-Identifier: GPL-2.0
/*
 * Probes come with the first job and go some time after the last: what that costs
 * the machine's other processors.
 */
#include "common/proc.h"

#include <ctype.h>

#define ROW	200

/* Interruptions by which processors have one another run a function, so far */
static long calls(void)
{
	FILE *file = fopen("/proc/interrupts", "r");
	char line[4096], *count;
	long n = -1;

	while (file && n < 0 && fgets(line, sizeof(line), file)) {
		/* Its label is the architecture's: CAL:, IPI1: … */
		if (!strstr(line, "Function call interrupts"))
			continue;
		strtok(line, " ");
		for (n = 0; (count = strtok(NULL, " ")) && isdigit(*count);)
			n += atol(count);
	}
	if (file)
		fclose(file);
	return n;
}

/* A row of short jobs on a node without others: interrupts nobody for each of them. */
TEST(a_row_of_jobs)
{
	long before, after;
	int job;

	REQUIRE_MODULE();
	job = jt_create(0, 0, NULL, NULL);
	ASSERT_LE(0, job);
	close(job);
	before = calls();
	ASSERT_LE(0, before);
	for (int i = 0; i < ROW; i++) {
		job = jt_create(0, 0, NULL, NULL);
		ASSERT_LE(0, job);
		close(job);
	}
	after = calls();
	EXPECT_GT(ROW / 2, after - before) TH_LOG("%ld for %d jobs", after - before, ROW);
}

TEST_HARNESS_MAIN
