// SPDX-License-Identifier: GPL-2.0
/* jobtrack list: the jobs that the caller may see. */
#include <errno.h>
#include <string.h>

#include "common.h"
#include "jobtable.h"

static int list_main(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "json", no_argument, NULL, 'J' },
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	const char *chosen = NULL;
	struct jobtrack_job *jobs;
	struct table *table;
	bool json = false;
	size_t count, i;
	uint64_t now;
	int opt, dev;

	while ((opt = next_option(argc, argv, "Jo:", longopts)) != -1) {
		switch (opt) {
		case 'J':
			json = true;
			break;
		case 'o':
			chosen = optarg;
			break;
		}
	}
	if (optind < argc)
		bad_usage("'%s' is one operand too many", argv[optind]);
	table = table_new("jobs", job_columns, chosen, json);

	dev = open_device();
	if (jobtrack_job_list(dev, &jobs, &count))
		die(STATUS_FAILED, "cannot list the jobs: %s", explain(errno));
	now = boottime_ns();
	for (i = 0; i < count; i++)
		job_row(table, &jobs[i], now);
	jobtrack_free(jobs);
	table_print(table);
	return STATUS_OK;
}

const struct command list_command = {
	.name = "list",
	.synopsis = "[options]",
	.summary = "List the jobs: your own, those that you made, and all to root.",
	.options =
	" -J, --json            print JSON\n"
	" -o, --output COLS     which columns: names with commas between, or 'all'\n",
	.columns = job_columns,
	.main = list_main,
};
