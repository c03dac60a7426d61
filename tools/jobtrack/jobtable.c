// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <time.h>

#include "common.h"
#include "jobtable.h"

/* The usual ones and their order are those of /proc/jobtrack. */
enum {
	COL_ID, COL_PARENT, COL_UID, COL_STATE, COL_PROCS, COL_LEAVING, COL_BIRTHS,
	COL_LOST, COL_AGE, COL_DEPTH, COL_CREATOR, COL_SUBJOBS, COL_JOINED,
	COL_TREE_PROCS, COL_TREE_LEAVING, COL_CREATED, COL_KILL_ON_CLOSE, COL_LABEL,
};

#define NUMBER	.flags = SCOLS_FL_RIGHT, .json = SCOLS_JSON_NUMBER, .none = "-"

const struct column job_columns[] = {
	[COL_ID] = { "ID", "the job's ID", NUMBER },
	[COL_PARENT] = { "PARENT", "ID of the job above it, 0 for none", NUMBER },
	[COL_UID] = { "UID", "the owner", NUMBER },
	[COL_STATE] = { "STATE", "empty, running, killing or killed, with all below it",
		.json = SCOLS_JSON_STRING, .none = "-" },
	[COL_PROCS] = { "PROCS", "processes that may still run", NUMBER },
	[COL_LEAVING] = { "LEAVING", "processes that exit, but are not gone yet", NUMBER },
	[COL_BIRTHS] = { "BIRTHS", "processes ever born into it", NUMBER },
	[COL_LOST] = { "LOST", "newborns killed for want of memory to record them", NUMBER },
	[COL_AGE] = { "AGE_S", "seconds since it was made", NUMBER },
	[COL_DEPTH] = { "DEPTH", "1 for a job with none above it", NUMBER, .extra = true },
	[COL_CREATOR] = { "CREATOR", "user ID of who made it", NUMBER, .extra = true },
	[COL_SUBJOBS] = { "SUBJOBS", "jobs directly below it", NUMBER, .extra = true },
	[COL_JOINED] = { "JOINED", "processes ever entered or tagged", NUMBER, .extra = true },
	[COL_TREE_PROCS] = { "TREE_PROCS", "PROCS of it and all below", NUMBER,
		.extra = true },
	[COL_TREE_LEAVING] = { "TREE_LEAVING", "LEAVING of it and all below", NUMBER,
		.extra = true },
	[COL_CREATED] = { "CREATED_S", "when it was made, seconds since boot", NUMBER,
		.extra = true },
	[COL_KILL_ON_CLOSE] = { "KILL_ON_CLOSE", "1 if it dies with its manager",
		.flags = SCOLS_FL_RIGHT, .json = SCOLS_JSON_BOOLEAN, .none = "-",
		.extra = true },
	[COL_LABEL] = { "LABEL", "its label", .json = SCOLS_JSON_STRING, .none = "-" },
	{ 0 }
};

uint64_t boottime_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void job_row(struct table *table, const struct jobtrack_job *job, uint64_t now)
{
	uint64_t age = now > job->created ? now - job->created : 0;

	table_row(table);
	table_cell(table, COL_ID, "%" PRIu64, (uint64_t)job->id);
	table_cell(table, COL_PARENT, "%" PRIu64, (uint64_t)job->parent);
	table_cell(table, COL_UID, "%u", job->uid);
	table_cell(table, COL_STATE, "%s", jobtrack_state_name(job->state));
	table_cell(table, COL_PROCS, "%u", job->procs);
	table_cell(table, COL_LEAVING, "%u", job->leaving);
	table_cell(table, COL_BIRTHS, "%" PRIu64, (uint64_t)job->births);
	table_cell(table, COL_LOST, "%" PRIu64, (uint64_t)job->lost);
	table_cell(table, COL_AGE, "%" PRIu64, age / 1000000000);
	table_cell(table, COL_DEPTH, "%u", job->depth);
	table_cell(table, COL_CREATOR, "%u", job->creator);
	table_cell(table, COL_SUBJOBS, "%u", job->subjobs);
	table_cell(table, COL_JOINED, "%" PRIu64, (uint64_t)job->joined);
	table_cell(table, COL_TREE_PROCS, "%" PRIu64, (uint64_t)job->tree_procs);
	table_cell(table, COL_TREE_LEAVING, "%" PRIu64, (uint64_t)job->tree_leaving);
	table_cell(table, COL_CREATED, "%" PRIu64 ".%03u", (uint64_t)job->created / 1000000000,
		   (unsigned int)(job->created / 1000000 % 1000));
	table_cell(table, COL_KILL_ON_CLOSE, "%d", !!(job->flags & JOBTRACK_JOB_KILL_ON_CLOSE));
	if (job->label[0])
		table_cell(table, COL_LABEL, "%.*s", JOBTRACK_LABEL_SIZE, job->label);
}
