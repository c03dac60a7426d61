// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "common.h"
#include "table.h"

const struct command *this_command;

void *xalloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p)
		die(STATUS_FAILED, "out of memory");
	return p;
}

static char *__attribute__((format(printf, 1, 0)))
xvasprintf(const char *fmt, va_list args)
{
	char *text;

	if (vasprintf(&text, fmt, args) < 0)
		die(STATUS_FAILED, "out of memory");
	return text;
}

char *xasprintf(const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	text = xvasprintf(fmt, args);
	va_end(args);
	return text;
}

char *printable(const char *text)
{
	size_t left = strlen(text);
	char *copy = xalloc(4 * left + 1);
	char *to = copy;
	mbstate_t mbs = { 0 };

	while (left) {
		wchar_t wc;
		size_t len = mbrtowc(&wc, text, left, &mbs);

		if (len <= left && iswprint(wc)) {
			memcpy(to, text, len);
			to += len;
		} else {
			/* Byte by byte: what follows may be a character again. */
			memset(&mbs, 0, sizeof(mbs));
			to += sprintf(to, "\\x%02x", (unsigned char)*text);
			len = 1;
		}
		text += len;
		left -= len;
	}
	return copy;
}

static void __attribute__((format(printf, 2, 0)))
say(const char *hint, const char *fmt, va_list args)
{
	char *raw, *text;

	/* Not through xvasprintf(): out of memory is said here as well. */
	if (vasprintf(&raw, fmt, args) < 0) {
		fputs("jobtrack: out of memory\n", stderr);
		exit(STATUS_FAILED);
	}
	text = printable(raw);
	fprintf(stderr, "jobtrack%s%s: %s%s", this_command ? " " : "",
		this_command ? this_command->name : "", text, hint);
	if (*hint)
		fprintf(stderr, " 'jobtrack %s%s--help'",
			this_command ? this_command->name : "",
			this_command ? " " : "");
	fputc('\n', stderr);
	free(text);
	free(raw);
}

void complain(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("", fmt, args);
	va_end(args);
}

void die(int status, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("", fmt, args);
	va_end(args);
	exit(status);
}

void bad_usage(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("; try", fmt, args);
	va_end(args);
	exit(STATUS_USAGE);
}

int finish(int status)
{
	if (fflush(stdout) || ferror(stdout)) {
		complain("cannot write: %s", strerror(errno));
		return STATUS_FAILED;
	}
	return status;
}

static void __attribute__((noreturn)) command_help(void)
{
	const struct command *cmd = this_command;

	printf("\nUsage:\n jobtrack %s %s\n\n%s\n\nOptions:\n%s",
	       cmd->name, cmd->synopsis, cmd->summary, cmd->options);
	printf(" -h, --help            display this help\n");
	if (cmd->columns) {
		const struct column *col;

		printf("\nColumns:\n");
		for (col = cmd->columns; col->name; col++)
			printf(" %-14s %s\n", col->name, col->help);
	}
	if (cmd->notes)
		printf("\n%s", cmd->notes);
	printf("\nFor more details see jobtrack(1).\n");
	exit(finish(STATUS_OK));
}

int next_option(int argc, char **argv, const char *shortopts,
		const struct option *longopts)
{
	bool plus = shortopts[0] == '+';
	/* The ':' makes getopt tell a missing argument from an unknown option. */
	char *all = xasprintf("%s:%sh", plus ? "+" : "", shortopts + plus);
	int opt;

	opterr = 0;
	opt = getopt_long(argc, argv, all, longopts, NULL);
	free(all);
	switch (opt) {
	case 'h':
		command_help();
	case ':':
		bad_usage("option '-%c' needs an argument", optopt);
	case '?':
		if (!optopt)
			bad_usage("unknown option '%s'", argv[optind - 1]);
		/* A known one is refused only as --long=ARGUMENT. */
		bad_usage(strchr(shortopts, optopt) || optopt == 'h' ?
			  "option '-%c' takes no argument" : "unknown option '-%c'", optopt);
	}
	return opt;
}

int64_t parse_seconds(const char *text)
{
	const int64_t most = 1000000000;	/* thirty years */
	int64_t sec = 0, ms = 0, unit = 100;
	const char *p = text;
	bool digits = false, rest = false;

	for (; isdigit((unsigned char)*p); p++, digits = true)
		if (sec <= most)
			sec = sec * 10 + (*p - '0');
	if (*p == '.') {
		for (p++; isdigit((unsigned char)*p); p++, digits = true) {
			ms += (*p - '0') * unit;
			rest |= !unit && *p != '0';
			unit /= 10;
		}
	}
	if (*p || !digits)
		bad_usage("'%s' is not a number of seconds, like 10 or 0.5", text);
	if (sec > most)
		bad_usage("'%s' is more than %lld seconds", text, (long long)most);
	return sec * 1000 + ms + rest;
}

pid_t parse_pid(const char *text)
{
	char *end;
	long pid;

	errno = 0;
	pid = strtol(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno || pid < 1 || pid > INT_MAX)
		bad_usage("'%s' is not a process ID", text);
	return pid;
}

void parse_job(const char *text, struct jobtrack_ref *ref)
{
	if (!jobtrack_ref_parse(text, ref))
		return;
	if (errno == ENAMETOOLONG)
		bad_usage("'%s' is longer than a label can be (%d characters)", text,
			  JOBTRACK_LABEL_SIZE - 1);
	if (errno == ERANGE)
		bad_usage("'%s' is larger than any job's or user's ID", text);
	bad_usage("'%s' is neither a job's ID, a label nor UID:LABEL", text);
}

int open_device(void)
{
	int dev = jobtrack_device_open();

	if (dev >= 0)
		return dev;
	if (errno == ENOENT || errno == ENXIO || errno == ENODEV)
		die(STATUS_USAGE, "%s: the module is not loaded; as root, try 'modprobe jobtrack'",
		    JOBTRACK_DEVICE);
	if (errno == EACCES || errno == EPERM)
		die(STATUS_FAILED, "%s: %s; be root, or have it opened by a udev rule",
		    JOBTRACK_DEVICE, strerror(errno));
	die(STATUS_FAILED, "%s: %s", JOBTRACK_DEVICE, strerror(errno));
}

const char *explain(int err)
{
	return err == EDQUOT ? "too many lists are held open by processes of yours" :
	       strerror(err);
}

int open_job(int dev, uint64_t flags, const struct jobtrack_ref *ref,
	     const char *text)
{
	int job = jobtrack_job_open_ref(dev, flags, ref, NULL);

	if (job >= 0)
		return job;
	if (errno == ENOENT)
		complain("no such job: %s; 'jobtrack list' shows yours", text);
	else if (errno == EPERM)
		complain("%s: only the creator of a job, or root, may do this", text);
	else if (errno == EINVAL && ref->has_uid)
		complain("%s: no user ID %lu here", text, (unsigned long)ref->uid);
	else
		complain("%s: %s", text, strerror(errno));
	return -1;
}
