// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "proc.h"
#include "remaining.h"

static void print_process(FILE *out, int dev, const struct jobtrack_row *row, uint64_t now)
{
	bool leaving = row->leaving_since;
	uint64_t since = leaving ? row->leaving_since : row->start_time;
	uint64_t ms = now > since ? (now - since) / 1000000 : 0;
	struct process process = { .state = '?' };
	bool there = process_read(dev, row, THREAD_STUCK, &process);
	char *why = printable(there && process.why ? process.why : "");
	char *command = printable(there ? process.command : "?");

	fprintf(out, "%d %c (%s), %s for %" PRIu64 ".%03u s, in %s%s%s: %s\n", row->pid,
		process.state, there ? state_words(process.state) :
		row->pid ? "gone by now" : "not in this PID namespace",
		leaving ? "leaving" : "alive", ms / 1000, (unsigned int)(ms % 1000),
		there && process.where ? process.where : "?", *why ? ", " : "", why, command);
	free(command);
	free(why);
	if (there)
		process_free(&process);
}

bool empty_or_tell(FILE *out, int dev, int job, const char *name)
{
	struct jobtrack_row *rows;
	uint64_t now;
	size_t count, i;

	/* Who cannot have a list learns all the same whether it is empty. */
	if (jobtrack_job_snapshot(job, &rows, &count, &now)) {
		complain("%s: cannot list what remains: %s", name, explain(errno));
		return !jobtrack_job_wait(job, 0);
	}
	if (!count && !jobtrack_job_wait(job, 0))
		return true;
	for (i = 0; i < count; i++)
		print_process(out, dev, &rows[i], now);
	jobtrack_free(rows);
	complain("%s is not empty: %zu process%s", name, count,
		 count == 1 ? " remains" : "es remain");
	return false;
}
