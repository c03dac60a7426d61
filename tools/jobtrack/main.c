// SPDX-License-Identifier: GPL-2.0
/* jobtrack: track, list and atomically signal every process of a batch job. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

static const struct command *const commands[] = {
	&run_command, &list_command, &ps_command, &kill_command, &wait_command,
	&tag_command, &which_command, &stat_command, &audit_command,
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(void)
{
	size_t i;

	printf("\nUsage:\n jobtrack COMMAND [options] ...\n\n"
	       "Track, list and atomically signal every process of a batch job.\n\n"
	       "Commands:\n");
	for (i = 0; i < N_COMMANDS; i++)
		printf(" %-6s %s\n", commands[i]->name, commands[i]->summary);
	printf("\nOptions:\n"
	       " -h, --help     display this help\n"
	       " -V, --version  display the version\n\n"
	       "A JOB is an ID, a label, or UID:LABEL for the label of another user.\n\n"
	       "Exit status: 0 yes, 1 failure, 2 wrong use or no module, 3 timeout.\n\n"
	       "'jobtrack COMMAND --help' tells more, jobtrack(1) everything.\n");
}

int main(int argc, char **argv)
{
	size_t i;

	/* Characters only: seconds have a decimal point everywhere. */
	setlocale(LC_CTYPE, "");

	if (argc < 2)
		bad_usage("a command is needed");
	if (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help")) {
		usage();
		return finish(STATUS_OK);
	}
	if (!strcmp(argv[1], "-V") || !strcmp(argv[1], "--version")) {
		printf("jobtrack %s\n", JOBTRACK_VERSION);
		return finish(STATUS_OK);
	}
	if (argv[1][0] == '-')
		bad_usage("unknown option '%s'", argv[1]);
	for (i = 0; i < N_COMMANDS; i++) {
		if (strcmp(argv[1], commands[i]->name))
			continue;
		this_command = commands[i];
		return finish(this_command->main(argc - 1, argv + 1));
	}
	bad_usage("unknown command '%s'", argv[1]);
}
