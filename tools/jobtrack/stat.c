// SPDX-License-Identifier: GPL-2.0
/* jobtrack stat: everything the module knows about one job. */
#include <errno.h>
#include <string.h>

#include "common.h"
#include "jobtable.h"

static int stat_main(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "json", no_argument, NULL, 'J' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct jobtrack_job state;
	struct jobtrack_ref ref;
	struct table *table;
	bool json = false;
	int opt, job;

	while ((opt = next_option(argc, argv, "J", longopts)) != -1)
		if (opt == 'J')
			json = true;
	if (optind + 1 != argc)
		bad_usage(optind < argc ? "only one JOB at a time" : "a JOB is needed");
	parse_job(argv[optind], &ref);

	job = open_job(open_device(), 0, &ref, argv[optind]);
	if (job < 0)
		return STATUS_FAILED;
	if (jobtrack_job_state(job, &state))
		die(STATUS_FAILED, "%s: %s", argv[optind], strerror(errno));
	table = table_new("job", job_columns, "all", json);
	job_row(table, &state, boottime_ns());
	if (json)
		table_print(table);
	else
		table_print_pairs(table);
	return STATUS_OK;
}

const struct command stat_command = {
	.name = "stat",
	.synopsis = "[options] JOB",
	.summary = "Print all that is known of a job, one key and value a line.",
	.options =
	" -J, --json            print JSON\n",
	.columns = job_columns,
	.main = stat_main,
};
