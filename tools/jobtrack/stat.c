// SPDX-License-Identifier: GPL-2.0
/* jobtrack stat: everything the module knows about one job. */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "jobtable.h"

/* Members of the account, in the order in which they are printed */
static const struct field {
	const char *name;
	size_t offset;
	enum { COUNT, TIME } unit;
	bool tree_only;		/* the job's own is among job_columns */
} fields[] = {
#define FIELD(NAME, member, ...) \
	{ .name = NAME, .offset = offsetof(struct jobtrack_account, member), ##__VA_ARGS__ }
	FIELD("BIRTHS", births, .tree_only = true),
	FIELD("JOINED", joined, .tree_only = true),
	FIELD("LOST", lost, .tree_only = true),
	FIELD("LIVING", living),
	FIELD("GONE", gone),
	FIELD("DUMPED", dumped),
	FIELD("UTIME_S", utime, .unit = TIME),
	FIELD("STIME_S", stime, .unit = TIME),
	FIELD("MAXRSS_BYTES", maxrss),
	FIELD("MINFLT", minflt),
	FIELD("MAJFLT", majflt),
	FIELD("NVCSW", nvcsw),
	FIELD("NIVCSW", nivcsw),
	FIELD("RCHAR_BYTES", rchar),
	FIELD("WCHAR_BYTES", wchar),
	FIELD("READ_BYTES", read_bytes),
	FIELD("WRITE_BYTES", write_bytes),
	FIELD("CANCELLED_WRITE_BYTES", cancelled_write_bytes),
};

#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

/* The columns of the one row: those of every job, then the account's and their values. */
struct row {
	struct column *columns;
	char **values;		/* NULL: see job_row() */
	size_t count;
};

static void row_add(struct row *row, const struct column *column, char *value)
{
	/* Behind it stays one without a name, the end. */
	row->columns = realloc(row->columns, (row->count + 2) * sizeof(*row->columns));
	row->values = realloc(row->values, (row->count + 1) * sizeof(*row->values));
	if (!row->columns || !row->values)
		die(STATUS_FAILED, "out of memory");
	row->columns[row->count] = *column;
	row->values[row->count++] = value;
	row->columns[row->count] = (struct column){ 0 };
}

static void add_value(struct row *row, char *name, char *value)
{
	/* A number is printed as it stands: so are objects. */
	struct column column = { .name = name, .json = SCOLS_JSON_NUMBER, .none = "-" };

	row_add(row, &column, value);
}

/* Those without a value are job_columns, with names of their own. */
static void row_free(struct row *row)
{
	size_t i;

	for (i = 0; i < row->count; i++) {
		if (!row->values[i])
			continue;
		free((char *)row->columns[i].name);
		free(row->values[i]);
	}
	free(row->columns);
	free(row->values);
}

static void add_field(struct row *row, const char *prefix, const struct field *field,
		      const struct jobtrack_account *account)
{
	uint64_t n = *(const __u64 *)((const char *)account + field->offset);
	char *name = xasprintf("%s%s", prefix, field->name);

	if (field->unit == TIME)
		add_value(row, name, xasprintf("%" PRIu64 ".%06u", n / 1000000000,
					       (unsigned int)(n / 1000 % 1000000)));
	else
		add_value(row, name, xasprintf("%" PRIu64, n));
}

static char *exit_name(size_t i)
{
	return xasprintf("%zu", i);
}

static char *end_name(size_t i)
{
	return signal_name(i + 1);
}

/* How many ended how: an object, or in text a key for each. Zeroes are left out. */
static void add_ends(struct row *row, bool json, const char *prefix, const char *name,
		     const __u64 *counts, size_t size, char *(*name_of)(size_t))
{
	char *object = xasprintf("{");
	size_t i;

	for (i = 0; i < size; i++) {
		uint64_t n = counts[i];
		char *of, *before = object;

		if (!n)
			continue;
		of = name_of(i);
		if (json) {
			object = xasprintf("%s%s\"%s\": %" PRIu64, before, before[1] ? ", " : "",
					   of, n);
			free(before);
		} else {
			add_value(row, xasprintf("%s%s_%s", prefix, name, of),
				  xasprintf("%" PRIu64, n));
		}
		free(of);
	}
	if (json)
		add_value(row, xasprintf("%s%s", prefix, name), xasprintf("%s}", object));
	free(object);
}

static void add_account(struct row *row, bool json, const char *prefix,
			const struct jobtrack_account *account)
{
	size_t i;

	for (i = 0; i < N_FIELDS; i++)
		if (*prefix || !fields[i].tree_only)
			add_field(row, prefix, &fields[i], account);
	add_ends(row, json, prefix, "EXITED", account->exited, 256, exit_name);
	add_ends(row, json, prefix, "SIGNALED", account->signaled, 64, end_name);
}

/* The state alone where an older module has no account */
static void print_job(int job, const char *name, bool json)
{
	struct jobtrack_account own, tree;
	const struct column *column;
	struct jobtrack_job state;
	struct row row = { 0 };
	struct table *table;
	size_t i;

	if (jobtrack_job_state(job, &state))
		die(STATUS_FAILED, "%s: %s", name, strerror(errno));
	for (column = job_columns; column->name; column++)
		row_add(&row, column, NULL);
	if (!jobtrack_job_account(job, 0, &own) &&
	    !jobtrack_job_account(job, JOBTRACK_ACCOUNT_TREE, &tree)) {
		/* Of one instant with the living and the gone */
		state.leaving = own.leaving;
		state.tree_leaving = tree.leaving;
		add_account(&row, json, "", &own);
		add_account(&row, json, "TREE_", &tree);
	} else if (errno == ENOTTY) {
		complain("no account: the module that is loaded is older than this command");
	} else {
		die(STATUS_FAILED, "%s: %s", name, strerror(errno));
	}

	table = table_new("job", row.columns, "all", json);
	job_row(table, &state, boottime_ns());
	for (i = 0; i < row.count; i++)
		if (row.values[i])
			table_cell(table, i, "%s", row.values[i]);
	if (json)
		table_print(table);
	else
		table_print_pairs(table);
	row_free(&row);
}

static int stat_main(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "json", no_argument, NULL, 'J' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct jobtrack_ref ref;
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
	print_job(job, argv[optind], json);
	return STATUS_OK;
}

const struct command stat_command = {
	.name = "stat",
	.synopsis = "[options] JOB",
	.summary = "Print all that is known of a job, one key and value a line.",
	.options =
	" -J, --json            print JSON\n",
	.columns = job_columns,
	.notes =
	"And the account of all that ever were in the job, the living with what they have\n"
	"used so far; each key again with TREE_ in front for the job and all below it,\n"
	"those that have ended included:\n"
	" LIVING         processes that may still run\n"
	" GONE           processes that are gone\n"
	" DUMPED         of those, how many dumped core\n"
	" UTIME_S        CPU time in user mode, seconds\n"
	" STIME_S        CPU time in the kernel, seconds\n"
	" MAXRSS_BYTES   the largest resident set that any one of them had\n"
	" MINFLT MAJFLT  page faults without and with I/O\n"
	" NVCSW NIVCSW   voluntary and involuntary context switches\n"
	" RCHAR_BYTES WCHAR_BYTES READ_BYTES WRITE_BYTES CANCELLED_WRITE_BYTES\n"
	"                as in /proc/PID/io; without CAP_SYS_PTRACE only what the owner's own\n"
	"                processes did, setuid programs left out; 0 for who only may look\n"
	" EXITED_N       how many exited with status N, where it is not 0; in JSON an\n"
	"                object, exited: {\"0\": 12}\n"
	" SIGNALED_SIG   how many a signal ended; in JSON signaled: {\"TERM\": 3}\n"
	"TREE_BIRTHS, TREE_JOINED and TREE_LOST belong to it as well.\n",
	.main = stat_main,
};
