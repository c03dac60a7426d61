/* SPDX-License-Identifier: GPL-2.0 */
/* What the subcommands share: help, errors, operands, the device. */
#ifndef JOBTRACK_COMMON_H
#define JOBTRACK_COMMON_H

#include <getopt.h>
#include <libjobtrack.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The exit statuses of every subcommand; "run" adds those of env(1). */
enum status {
	STATUS_OK	= 0,
	STATUS_FAILED	= 1,
	STATUS_USAGE	= 2,	/* also: the module is not there */
	STATUS_TIMEOUT	= 3,
	STATUS_NOEXEC	= 126,	/* run: CMD cannot be executed */
	STATUS_NOCMD	= 127,	/* run: no such CMD */
};

struct column;

/**
 * struct command - one subcommand
 * @name: as it is typed
 * @synopsis: its options and operands
 * @summary: what it does, one line
 * @options: --help's lines for its options; -h is added
 * @notes: what else --help has to say, or NULL
 * @columns: the columns of its table, ended by one without a name, or NULL
 * @main: @argv[0] is the subcommand's name
 */
struct command {
	const char *name;
	const char *synopsis;
	const char *summary;
	const char *options;
	const char *notes;
	const struct column *columns;
	int (*main)(int argc, char **argv);
};

extern const struct command run_command, list_command, ps_command, kill_command,
	wait_command, tag_command, which_command, stat_command, audit_command;

/* The subcommand that runs, for help and messages; NULL in front of one. */
extern const struct command *this_command;

/* Output that did not arrive is a failure, whatever @status says. */
int finish(int status);

/* One line on stderr, whatever bytes the arguments have. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void die(int status, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 2, 3)));
/* STATUS_USAGE, with a hint at --help */
void bad_usage(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

/*
 * getopt_long() that answers -h and complains of bad options itself. @shortopts
 * holds only the subcommand's own; a leading '+' ends options at the first operand.
 */
int next_option(int argc, char **argv, const char *shortopts,
		const struct option *longopts);

/* Each ends the program with STATUS_USAGE if @text is not one. */
int64_t parse_seconds(const char *text);	/* to milliseconds, rounded up */
pid_t parse_pid(const char *text);
void parse_job(const char *text, struct jobtrack_ref *ref);
int parse_signal(const char *text);

/* The name that parse_signal() takes, for free() */
char *signal_name(int sig);

/* The device's fd, or the end of the program: STATUS_USAGE without the module. */
int open_device(void);

/* What an error of a call that gives a list means: like strerror() */
const char *explain(int err);

/* A job's fd, or -1 after a complaint. @text is how the user named it. */
int open_job(int dev, uint64_t flags, const struct jobtrack_ref *ref,
	     const char *text);

/* A copy in which nothing can act on a terminal: other bytes become \xNN. */
char *printable(const char *text);

/* malloc() and friends that end the program. */
void *xalloc(size_t size);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
