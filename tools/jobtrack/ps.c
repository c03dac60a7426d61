// SPDX-License-Identifier: GPL-2.0
/* jobtrack ps: the processes of a job at one instant. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common.h"
#include "proc.h"
#include "table.h"

enum { COL_PID, COL_PPID, COL_JOB, COL_STATE, COL_TIME, COL_COMMAND };

#define NUMBER	.flags = SCOLS_FL_RIGHT, .json = SCOLS_JSON_NUMBER, .none = "?"

static const struct column ps_columns[] = {
	[COL_PID] = { "PID", "the process", NUMBER },
	[COL_PPID] = { "PPID", "its parent", NUMBER },
	[COL_JOB] = { "JOB", "ID of the job that it is in", NUMBER },
	[COL_STATE] = { "STATE", "R, S, D, T, ... as in ps(1)",
		.json = SCOLS_JSON_STRING, .none = "?" },
	[COL_TIME] = { "TIME", "CPU time; in JSON, seconds", NUMBER },
	[COL_COMMAND] = { "COMMAND", "its command line", .flags = SCOLS_FL_TRUNC,
		.json = SCOLS_JSON_STRING, .none = "?" },
	{ 0 }
};

static void cpu_time(struct table *table, uint64_t ms)
{
	uint64_t sec = ms / 1000, days = sec / 86400;
	int h = sec / 3600 % 24, m = sec / 60 % 60, s = sec % 60;

	if (table_is_json(table))
		table_cell(table, COL_TIME, "%" PRIu64 ".%02d", sec, (int)(ms % 1000 / 10));
	else if (days)
		table_cell(table, COL_TIME, "%" PRIu64 "-%02d:%02d:%02d", days, h, m, s);
	else
		table_cell(table, COL_TIME, "%02d:%02d:%02d", h, m, s);
}

/* A process that has gone since keeps its row: it was a member at the instant. */
static void ps_row(struct table *table, int dev, const struct jobtrack_row *row)
{
	struct process process;

	table_row(table);
	if (row->pid)
		table_cell(table, COL_PID, "%d", row->pid);
	table_cell(table, COL_JOB, "%" PRIu64, (uint64_t)row->job);
	if (!process_read(dev, row, THREAD_MAIN, &process))
		return;
	table_cell(table, COL_PPID, "%d", process.ppid);
	table_cell(table, COL_STATE, "%c", process.state);
	cpu_time(table, process.cpu_ms);
	table_cell(table, COL_COMMAND, "%s", process.command);
	process_free(&process);
}

static int ps_main(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "json", no_argument, NULL, 'J' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct jobtrack_row *rows;
	struct jobtrack_ref ref;
	struct table *table;
	bool json = false;
	int opt, dev, job;
	size_t count, i;

	while ((opt = next_option(argc, argv, "J", longopts)) != -1)
		if (opt == 'J')
			json = true;
	if (optind + 1 != argc)
		bad_usage(optind < argc ? "only one JOB at a time" : "a JOB is needed");
	parse_job(argv[optind], &ref);

	dev = open_device();
	job = open_job(dev, 0, &ref, argv[optind]);
	if (job < 0)
		return STATUS_FAILED;
	if (jobtrack_job_snapshot(job, &rows, &count, NULL))
		die(STATUS_FAILED, "%s: %s", argv[optind], explain(errno));
	table = table_new("processes", ps_columns, NULL, json);
	for (i = 0; i < count; i++)
		ps_row(table, dev, &rows[i]);
	jobtrack_free(rows);
	table_print(table);
	return STATUS_OK;
}

const struct command ps_command = {
	.name = "ps",
	.synopsis = "[options] JOB",
	.summary = "Print the processes of a job and of all below it, as of one instant.",
	.options =
	" -J, --json            print JSON\n",
	.columns = ps_columns,
	.notes =
	"A process that was a member at that instant and is gone by now keeps its row,\n"
	"with a '?' for what cannot be known any more.\n",
	.main = ps_main,
};
