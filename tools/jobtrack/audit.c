// SPDX-License-Identifier: GPL-2.0
/* jobtrack audit: the membership against the process table, and who is in no job. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "strays.h"

/* ------------------------------------------------------------------------- */
/* Differences                                                               */
/* ------------------------------------------------------------------------- */

enum {
	COL_KIND, COL_PID, COL_PARENT, COL_JOB, COL_COUNTED, COL_FOUND, COL_START, COL_MEANS,
	N_COLUMNS
};

#define NUMBER	.flags = SCOLS_FL_RIGHT, .json = SCOLS_JSON_NUMBER, .none = "-"
#define TEXT	.json = SCOLS_JSON_STRING, .none = "-"

static const struct column finding_columns[] = {
	[COL_KIND] = { "KIND", NULL, TEXT },
	[COL_PID] = { "PID", NULL, NUMBER },
	[COL_PARENT] = { "PARENT", NULL, NUMBER },
	[COL_JOB] = { "JOB", NULL, NUMBER },
	[COL_COUNTED] = { "COUNTED", NULL, NUMBER },
	[COL_FOUND] = { "FOUND", NULL, NUMBER },
	[COL_START] = { "START_S", NULL, NUMBER },
	[COL_MEANS] = { "MEANS", NULL, TEXT },
	{ 0 }
};

static const struct kind {
	const char *name;
	const char *means;
} kinds[] = {
	[0] = { "?", "not known to this command: the module is newer" },
	[JOBTRACK_FINDING_ESCAPED] = {
		"escaped", "child of a member of JOB, and in no job" },
	[JOBTRACK_FINDING_ASTRAY] = {
		"astray", "child of a member of JOB, and in a job of another tree" },
	[JOBTRACK_FINDING_UNKNOWN] = {
		"unknown", "a member of JOB, and no process that the kernel knows" },
	[JOBTRACK_FINDING_COUNT] = {
		"count", "JOB counts other than the members that it has" },
	[JOBTRACK_FINDING_TREE_COUNT] = {
		"tree-count", "JOB counts other than the members that it and those below have" },
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Of each column, for free(); NULL where there is none */
static void finding_cells(const struct jobtrack_finding *finding, char *cells[N_COLUMNS])
{
	const struct kind *kind = &kinds[finding->kind < N_KINDS ? finding->kind : 0];

	memset(cells, 0, N_COLUMNS * sizeof(*cells));
	cells[COL_KIND] = xasprintf("%s", kind->name);
	cells[COL_MEANS] = xasprintf("%s", kind->means);
	cells[COL_JOB] = xasprintf("%" PRIu64, (uint64_t)finding->job);
	if (finding->pid)
		cells[COL_PID] = xasprintf("%d", finding->pid);
	if (finding->parent)
		cells[COL_PARENT] = xasprintf("%d", finding->parent);
	if (finding->start_time) {
		cells[COL_START] = xasprintf("%" PRIu64 ".%03u",
					     (uint64_t)finding->start_time / 1000000000,
					     (unsigned int)(finding->start_time / 1000000 % 1000));
	} else {
		cells[COL_COUNTED] = xasprintf("%" PRIu64, (uint64_t)finding->counted);
		cells[COL_FOUND] = xasprintf("%" PRIu64, (uint64_t)finding->found);
	}
}

static void finding_row(struct table *table, char *cells[N_COLUMNS])
{
	int i;

	table_row(table);
	for (i = 0; i < N_COLUMNS; i++)
		if (cells[i])
			table_cell(table, i, "%s", cells[i]);
}

static void finding_object(FILE *json, char *cells[N_COLUMNS])
{
	const char *p;
	int i;

	for (i = 0; i < N_COLUMNS; i++) {
		const char *quote = cells[i] && finding_columns[i].json == SCOLS_JSON_STRING ?
				    "\"" : "";

		fputs(i ? ", \"" : "{\"", json);
		for (p = finding_columns[i].name; *p; p++)
			fputc(tolower((unsigned char)*p), json);
		fprintf(json, "\": %s%s%s", quote, cells[i] ? cells[i] : "null", quote);
	}
	fputc('}', json);
}

/* The numbers and the differences in one */
static void print_json(const struct jobtrack_audit *audit, const char *findings)
{
	const struct { const char *name; uint64_t n; } numbers[] = {
		{ "DIFFERENCES", audit->count }, { "PROCESSES", audit->processes },
		{ "MEMBERS", audit->members }, { "JOBS", audit->jobs },
		{ "UNDECIDED", audit->undecided },
	};
	enum { N = sizeof(numbers) / sizeof(numbers[0]) };
	struct column columns[N + 2] = { 0 };
	struct table *table;
	int i;

	for (i = 0; i < N; i++)
		columns[i] = (struct column){ numbers[i].name, NULL, NUMBER };
	/* A number is printed as it stands: so are arrays. */
	columns[N] = (struct column){ "FINDINGS", NULL, NUMBER };
	table = table_new("audit", columns, NULL, true);
	table_row(table);
	for (i = 0; i < N; i++)
		table_cell(table, i, "%" PRIu64, numbers[i].n);
	table_cell(table, N, "[%s]", findings);
	table_print(table);
}

static void print_findings(const struct jobtrack_audit *audit,
			   const struct jobtrack_finding *findings, size_t count, bool json)
{
	struct table *table = json ? NULL : table_new("findings", finding_columns, NULL, false);
	char *cells[N_COLUMNS], *text = NULL;
	size_t i, size;
	FILE *objects = open_memstream(&text, &size);
	int j;

	if (!objects)
		die(STATUS_FAILED, "out of memory");
	for (i = 0; i < count; i++) {
		finding_cells(&findings[i], cells);
		if (json) {
			fputs(i ? ", " : "", objects);
			finding_object(objects, cells);
		} else {
			finding_row(table, cells);
		}
		for (j = 0; j < N_COLUMNS; j++)
			free(cells[j]);
	}
	if (fclose(objects))
		die(STATUS_FAILED, "out of memory");
	if (json)
		print_json(audit, text);
	else
		table_print(table);
	free(text);
}

static char *numbers(const struct jobtrack_audit *audit)
{
	return xasprintf("%" PRIu64 " process%s, %" PRIu64 " member%s of %" PRIu64 " job%s, %"
			 PRIu64 " undecided",
			 (uint64_t)audit->processes, audit->processes == 1 ? "" : "es",
			 (uint64_t)audit->members, audit->members == 1 ? "" : "s",
			 (uint64_t)audit->jobs, audit->jobs == 1 ? "" : "s",
			 (uint64_t)audit->undecided);
}

static int audit_members(bool json)
{
	struct jobtrack_finding *findings;
	struct jobtrack_audit audit;
	char *all, *shown;
	size_t count;

	if (jobtrack_audit(open_device(), &audit, &findings, &count)) {
		if (errno == EPERM)
			die(STATUS_FAILED, "only root may compare all processes with their jobs");
		if (errno == ENOTTY)
			die(STATUS_USAGE, "the module that is loaded is older than this command");
		die(STATUS_FAILED, "cannot compare: %s", strerror(errno));
	}
	all = numbers(&audit);
	if (json || count)
		print_findings(&audit, findings, count, json);
	else
		printf("clean: %s\n", all);
	if (count) {
		shown = count < audit.count ? xasprintf(", the first %zu shown", count) :
					      xasprintf("%s", "");
		complain("%" PRIu64 " difference%s%s: %s", (uint64_t)audit.count,
			 audit.count == 1 ? "" : "s", shown, all);
		free(shown);
	}
	free(all);
	jobtrack_free(findings);
	return count ? STATUS_FAILED : STATUS_OK;
}

/* ------------------------------------------------------------------------- */
/* The command                                                               */
/* ------------------------------------------------------------------------- */

static int audit_main(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "strays", no_argument, NULL, 's' },
		{ "uid", required_argument, NULL, 'u' },
		{ "except", required_argument, NULL, 'e' },
		{ "json", no_argument, NULL, 'J' },
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	const char *uids = NULL, *except = NULL, *chosen = NULL;
	bool strays = false, json = false;
	int opt;

	while ((opt = next_option(argc, argv, "su:e:Jo:", longopts)) != -1) {
		switch (opt) {
		case 's':
			strays = true;
			break;
		case 'u':
			uids = optarg;
			break;
		case 'e':
			except = optarg;
			break;
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
	if (strays)
		return list_strays(uids, except, chosen, json);
	if (uids || except || chosen)
		bad_usage("'-%c' goes with --strays only", uids ? 'u' : except ? 'e' : 'o');
	return audit_members(json);
}

const struct command audit_command = {
	.name = "audit",
	.synopsis = "[options]",
	.summary = "Compare the jobs with the process table, or list who is in no job.",
	.options =
	" -J, --json            print JSON\n"
	" -s, --strays          list the processes of users that are in no job\n"
	" -u, --uid MIN-MAX     only of these user IDs, or this one; default: UID_MIN-UID_MAX\n"
	"                         of /etc/login.defs, or 1000-60000\n"
	" -e, --except USERS    not of these: names or user IDs with commas between\n"
	" -o, --output COLS     which columns: names with commas between, or 'all'\n",
	.columns = stray_columns,
	.notes =
	"Those are the columns of strays. Without --strays, prints 'clean: ...' or a line for\n"
	"each difference: KIND (escaped, astray, unknown, count, tree-count), PID, PARENT, JOB,\n"
	"COUNTED and FOUND members, START_S (seconds since boot), and what it MEANS.\n\n"
	"Exit status: 0 if there is no difference, or no stray; 1 if there are some.\n",
	.main = audit_main,
};
