// SPDX-License-Identifier: GPL-2.0
/* Signals by name or number. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common.h"

/* A table, since sigabbrev_np() is newer than the systems that jobs run on. */
static const struct {
	const char *name;
	int number;
} names[] = {
	{ "HUP", SIGHUP },	{ "INT", SIGINT },	{ "QUIT", SIGQUIT },
	{ "ILL", SIGILL },	{ "TRAP", SIGTRAP },	{ "ABRT", SIGABRT },
	{ "IOT", SIGABRT },	{ "BUS", SIGBUS },	{ "FPE", SIGFPE },
	{ "KILL", SIGKILL },	{ "USR1", SIGUSR1 },	{ "SEGV", SIGSEGV },
	{ "USR2", SIGUSR2 },	{ "PIPE", SIGPIPE },	{ "ALRM", SIGALRM },
	{ "TERM", SIGTERM },	{ "STKFLT", SIGSTKFLT }, { "CHLD", SIGCHLD },
	{ "CLD", SIGCHLD },	{ "CONT", SIGCONT },	{ "STOP", SIGSTOP },
	{ "TSTP", SIGTSTP },	{ "TTIN", SIGTTIN },	{ "TTOU", SIGTTOU },
	{ "URG", SIGURG },	{ "XCPU", SIGXCPU },	{ "XFSZ", SIGXFSZ },
	{ "VTALRM", SIGVTALRM }, { "PROF", SIGPROF },	{ "WINCH", SIGWINCH },
	{ "IO", SIGIO },	{ "POLL", SIGIO },	{ "PWR", SIGPWR },
	{ "SYS", SIGSYS },
};

/* "" or "+3" behind RTMIN, "" or "-3" behind RTMAX */
static int parse_offset(const char *text, char sign)
{
	if (!*text)
		return 0;
	if (text[0] != sign || !text[1] || strlen(text) > 3 ||
	    strspn(text + 1, "0123456789") != strlen(text + 1))
		return -1;
	return atoi(text + 1);
}

static int find_signal(const char *text)
{
	const char *name = strncasecmp(text, "SIG", 3) ? text : text + 3;
	size_t i;
	int n;

	if (*text && strlen(text) <= 2 && strspn(text, "0123456789") == strlen(text))
		return atoi(text);
	if (!strncasecmp(name, "RTMIN", 5)) {
		n = parse_offset(name + 5, '+');
		return n < 0 || SIGRTMIN + n > SIGRTMAX ? -1 : SIGRTMIN + n;
	}
	if (!strncasecmp(name, "RTMAX", 5)) {
		n = parse_offset(name + 5, '-');
		return n < 0 || SIGRTMAX - n < SIGRTMIN ? -1 : SIGRTMAX - n;
	}
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcasecmp(name, names[i].name))
			return names[i].number;
	return -1;
}

char *signal_name(int sig)
{
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].number == sig)
			return xasprintf("%s", names[i].name);
	if (sig == SIGRTMIN)
		return xasprintf("RTMIN");
	if (sig > SIGRTMIN && sig <= SIGRTMAX)
		return xasprintf("RTMIN+%d", sig - SIGRTMIN);
	return xasprintf("%d", sig);	/* the C library's own */
}

int parse_signal(const char *text)
{
	int sig = find_signal(text);

	if (sig < 1 || sig > 64)
		bad_usage("'%s' is not a signal, like TERM, RTMIN+1 or 15", text);
	return sig;
}
