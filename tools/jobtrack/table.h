/* SPDX-License-Identifier: GPL-2.0 */
/* Tables: one list of columns drives display, JSON, -o and --help. */
#ifndef JOBTRACK_TABLE_H
#define JOBTRACK_TABLE_H

#include <libsmartcols/libsmartcols.h>
#include <stdbool.h>

/**
 * struct column - one column of a table
 * @name: its heading; in lower case its key in JSON
 * @help: for --help
 * @none: shown where there is no value (JSON has null)
 * @flags: SCOLS_FL_* bits
 * @json: SCOLS_JSON_*
 * @extra: shown only if asked for with -o
 */
struct column {
	const char *name;
	const char *help;
	const char *none;
	int flags;
	int json;
	bool extra;
};

struct table;

/*
 * @columns ends with one without a name. @chosen is -o's argument ("all" or
 * names), NULL for the usual columns. A bad one ends the program with STATUS_USAGE.
 */
struct table *table_new(const char *name, const struct column *columns,
			const char *chosen, bool json);

bool table_is_json(const struct table *table);

/* For what costs something to find out */
bool table_has(const struct table *table, int column);

/* Begin the next row; its cells have no value yet. */
void table_row(struct table *table);

/* A cell of the current row by its column's index; not chosen ones are let be. */
void table_cell(struct table *table, int column, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Print and free: as a table (or JSON), or the only row as lines of "key value". */
void table_print(struct table *table);
void table_print_pairs(struct table *table);

#endif
