// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common.h"
#include "table.h"

struct table {
	const struct column *columns;
	struct libscols_table *scols;
	struct libscols_line *line;
	bool json;
	int count;	/* columns that there are */
	int *place;	/* of each, in the table; -1 if not chosen */
	int chosen;
};

static void check(int err)
{
	if (err)
		die(STATUS_FAILED, "cannot make the table: %s", strerror(err < 0 ? -err : err));
}

static void choose(struct table *table, int column)
{
	const struct column *col = &table->columns[column];
	struct libscols_column *sc;

	/* Twice would be the same key twice in JSON. */
	if (table->place[column] >= 0)
		bad_usage("column '%s' is named twice", col->name);
	table->place[column] = table->chosen++;
	sc = scols_table_new_column(table->scols, col->name, 0, col->flags);
	if (!sc)
		die(STATUS_FAILED, "out of memory");
	check(scols_column_set_json_type(sc, col->json));
}

static void choose_by_name(struct table *table, const char *names)
{
	char *copy = xasprintf("%s", names);
	char *rest = copy, *name;
	int i;

	while ((name = strsep(&rest, ","))) {
		for (i = 0; i < table->count; i++)
			if (!strcasecmp(name, table->columns[i].name))
				break;
		if (i == table->count)
			bad_usage("no column '%s'", name);
		choose(table, i);
	}
	free(copy);
}

struct table *table_new(const char *name, const struct column *columns,
			const char *chosen, bool json)
{
	struct table *table = xalloc(sizeof(*table));
	int i;

	while (columns[table->count].name)
		table->count++;
	table->columns = columns;
	table->json = json;
	table->place = xalloc(table->count * sizeof(*table->place));
	for (i = 0; i < table->count; i++)
		table->place[i] = -1;

	table->scols = scols_new_table();
	if (!table->scols)
		die(STATUS_FAILED, "out of memory");
	check(scols_table_set_name(table->scols, name));
	check(scols_table_enable_json(table->scols, json));

	if (chosen && strcasecmp(chosen, "all")) {
		choose_by_name(table, chosen);
		return table;
	}
	for (i = 0; i < table->count; i++)
		if (chosen || !columns[i].extra)
			choose(table, i);
	return table;
}

static void set(struct table *table, int column, const char *text)
{
	check(scols_line_set_data(table->line, table->place[column], text));
}

void table_row(struct table *table)
{
	int i;

	table->line = scols_table_new_line(table->scols, NULL);
	if (!table->line)
		die(STATUS_FAILED, "out of memory");
	if (table->json)
		return;
	for (i = 0; i < table->count; i++)
		if (table->place[i] >= 0)
			set(table, i, table->columns[i].none);
}

/* JSON is UTF-8: what is not becomes U+FFFD. Control characters are escaped later. */
static char *valid_utf8(const char *text)
{
	char *copy = xalloc(3 * strlen(text) + 1);
	char *to = copy;

	while (*text) {
		const unsigned char *s = (const unsigned char *)text;
		int len = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 :
			  s[0] >= 0xe0 && s[0] < 0xf0 ? 3 :
			  s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;
		int i;

		for (i = 1; i < len; i++)
			if ((s[i] & 0xc0) != 0x80)
				len = 0;
		/* Overlong forms, surrogates, beyond U+10FFFF */
		if ((len == 3 && ((s[0] == 0xe0 && s[1] < 0xa0) ||
				  (s[0] == 0xed && s[1] > 0x9f))) ||
		    (len == 4 && ((s[0] == 0xf0 && s[1] < 0x90) ||
				  (s[0] == 0xf4 && s[1] > 0x8f))))
			len = 0;
		if (len) {
			memcpy(to, text, len);
			to += len;
			text += len;
		} else {
			memcpy(to, "\xef\xbf\xbd", 3);
			to += 3;
			text++;
		}
	}
	return copy;
}

void table_cell(struct table *table, int column, const char *fmt, ...)
{
	va_list args;
	char *text;
	int n;

	if (table->place[column] < 0)
		return;
	va_start(args, fmt);
	n = vasprintf(&text, fmt, args);
	va_end(args);
	if (n < 0)
		die(STATUS_FAILED, "out of memory");
	if (table->json) {
		char *valid = valid_utf8(text);

		set(table, column, valid);
		free(valid);
	} else {
		set(table, column, text);
	}
	free(text);
}

static void table_free(struct table *table)
{
	scols_unref_table(table->scols);
	free(table->place);
	free(table);
}

bool table_is_json(const struct table *table)
{
	return table->json;
}

bool table_has(const struct table *table, int column)
{
	return table->place[column] >= 0;
}

/* The library has no headings for a table without rows. */
static void print_headings(const struct table *table)
{
	int i;

	for (i = 0; i < table->chosen; i++) {
		struct libscols_column *sc = scols_table_get_column(table->scols, i);

		printf("%s%s", i ? " " : "",
		       scols_cell_get_data(scols_column_get_header(sc)));
	}
	putchar('\n');
}

void table_print(struct table *table)
{
	if (!table->line && !table->json)
		print_headings(table);
	check(scols_print_table(table->scols));
	table_free(table);
}

void table_print_pairs(struct table *table)
{
	int i, width = 0;

	for (i = 0; i < table->count; i++)
		if ((int)strlen(table->columns[i].name) > width)
			width = strlen(table->columns[i].name);
	for (i = 0; i < table->count; i++) {
		struct libscols_cell *cell;
		const char *p;
		int n = 0;

		if (table->place[i] < 0)
			continue;
		for (p = table->columns[i].name; *p; p++, n++)
			putchar(tolower((unsigned char)*p));
		cell = scols_line_get_cell(table->line, table->place[i]);
		printf("%*s%s\n", width + 2 - n, "", scols_cell_get_data(cell));
	}
	table_free(table);
}
