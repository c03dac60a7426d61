// SPDX-License-Identifier: GPL-2.0
/*
 * What the jobtrack command parses, for libFuzzer: see run-tools. An input's first
 * byte says as what the rest is taken:
 *
 *   a: arguments, one a line, from the subcommand on
 *   u: text from anybody, for a terminal and for JSON
 *   s, f, w, c, t, l: a process's stat, stack, wchan, cgroup, status, cmdline, in the
 *	directory $FILES
 */
#include <fcntl.h>
#include <locale.h>
#include <setjmp.h>
#include <sys/stat.h>

/* With what is static there; main() is jobtrack_main() */
#include "../../tools/jobtrack/main.c"
#include "../../tools/jobtrack/strays.c"
#include "../../tools/jobtrack/why.h"

#define MAX_ARGUMENTS	16

static jmp_buf end;
static int dir = -1;

/* A subcommand may end where it likes: by this name it calls exit(3). */
void jobtrack_exit(int status)
{
	longjmp(end, 1 + status);
}

/* Nothing is asked of a module, whether there is one or not. */
int __wrap_jobtrack_device_open(void)
{
	errno = ENOENT;
	return -1;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	setlocale(LC_CTYPE, "C.UTF-8");
	dir = open(getenv("FILES"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		abort();
	return 0;
}

static void write_to(const char *name, const char *text, size_t size)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, size) != (ssize_t)size)
		abort();
	close(fd);
}

static void try_arguments(char *text)
{
	char *argv[MAX_ARGUMENTS + 2] = { "jobtrack" };
	int argc = 1;

	while (text && argc <= MAX_ARGUMENTS)
		argv[argc++] = strsep(&text, "\n");
	optind = 0;
	this_command = NULL;
	jobtrack_main(argc, argv);
}

static void try_text(const char *text)
{
	struct table *table = table_new("text", stray_columns, "command", true);
	char *safe = printable(text);

	for (const char *p = safe; *p; p++)
		if ((*p > 0 && *p < ' ') || *p == 0x7f)
			abort();
	free(safe);
	table_row(table);
	table_cell(table, COL_COMMAND, "%s", text);
	table_print(table);
}

static void try_files(void)
{
	struct stat_line line;
	char functions[512];
	uid_t uid, euid;

	if (read_stat(dir, &line) && strlen(line.name) >= sizeof(line.name))
		abort();
	read_functions(dir, functions, sizeof(functions));
	if (strlen(functions) >= sizeof(functions))
		abort();
	free(read_command(dir, "name"));
	free(read_unit(dir));
	read_uids(dir, ".", &uid, &euid);
	free(why_it_remains(dir, 'S', dir, 't', functions));
	free(why_it_remains(dir, 'S', dir, 'D', functions));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct { char letter; const char *name; } files[] = {
		{ 's', "stat" }, { 'f', "stack" }, { 'w', "wchan" }, { 'c', "cgroup" },
		{ 't', "status" }, { 'l', "cmdline" },
	};
	char *text;
	size_t i;

	if (!size)
		return 0;
	text = strndup((const char *)data + 1, size - 1);
	if (setjmp(end) == 0) {
		if (data[0] == 'a')
			try_arguments(text);
		if (data[0] == 'u')
			try_text(text);
		for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
			if (files[i].letter != data[0])
				continue;
			write_to(files[i].name, (const char *)data + 1, size - 1);
			try_files();
			write_to(files[i].name, "", 0);
		}
	}
	free(text);
	return 0;
}
