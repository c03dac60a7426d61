/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A self-portrait: all that a program can see of itself and that does not change
 * from one run to the next, as text. A test executes itself as "portrait", which
 * writes it to its standard output.
 */
#ifndef JOBTRACK_TEST_PORTRAIT_H
#define JOBTRACK_TEST_PORTRAIT_H

#include "proc.h"

#include <linux/capability.h>
#include <linux/keyctl.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/time.h>

static struct {
	char text[1 << 18];
	size_t len;
} portrait;

static __attribute__((format(printf, 1, 2))) void paint(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	portrait.len += vsnprintf(portrait.text + portrait.len,
				  sizeof(portrait.text) - portrait.len, fmt, args);
	va_end(args);
	CHECK(portrait.len < sizeof(portrait.text));
}

/* A result and its errno; the name is the expression */
#define PAINT(expr) do {						\
	long long ret_;							\
	errno = 0;							\
	ret_ = (expr);							\
	paint("%s = %lld errno %d\n", #expr, ret_, errno);		\
} while (0)

/* Text in which this process's number and its parent's are made the same for all */
static void paint_text(const char *text)
{
	for (const char *p = text; *p; ) {
		char *end;
		long number;

		if (!isdigit(*p) || (p > text && (isalnum(p[-1]) || p[-1] == '.'))) {
			paint("%c", *p++);
			continue;
		}
		number = strtol(p, &end, 10);
		if (number == getpid())
			paint("PID");
		else if (number == getppid())
			paint("PPID");
		else
			paint("%.*s", (int)(end - p), p);
		p = end;
	}
}

static void paint_file(const char *name)
{
	static char buf[1 << 16];
	char path[64];
	int n;

	snprintf(path, sizeof(path), "/proc/self/%s", name);
	n = read_file(path, buf, sizeof(buf));
	paint("== %s (%d)\n", name, n < 0 ? n : 0);
	for (int i = 0; i < n; i++)	/* NUL-separated, or binary */
		if (!isprint(buf[i]) && buf[i] != '\n' && buf[i] != '\t')
			buf[i] = buf[i] ? 'A' + (unsigned char)buf[i] % 26 : '|';
	if (n > 0)
		paint_text(buf);
}

/* Lines that do not hold what has been used up so far */
static void paint_status(void)
{
	static const char *const vary[] = { "Vm", "Rss", "Hugetlb", "voluntary", "nonvoluntary" };
	static char buf[1 << 14];
	char *line, *save;

	CHECK(read_file("/proc/self/status", buf, sizeof(buf)) > 0);
	for (line = strtok_r(buf, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		bool varies = false;

		for (size_t i = 0; i < ARRAY_SIZE(vary); i++)
			varies |= !strncmp(line, vary[i], strlen(vary[i]));
		if (!varies) {
			paint_text(line);
			paint("\n");
		}
	}
}

/* Fields of /proc/self/stat, numbered as in proc(5) */
static void paint_stat(void)
{
	static const int stays[] = {
		4, 5, 6, 7, 8, 9, 18, 19, 20, 21, 25, 26, 27, 28, 31, 32, 33, 34, 38, 40, 41,
		45, 46, 47, 48, 49, 50, 51,
	};
	char buf[1024], *field, *save;
	int number = 3;

	CHECK(read_file("/proc/self/stat", buf, sizeof(buf)) > 0);
	field = strtok_r(strrchr(buf, ')') + 2, " ", &save);
	for (; field; field = strtok_r(NULL, " ", &save), number++) {
		for (size_t i = 0; i < ARRAY_SIZE(stays); i++) {
			if (stays[i] == number) {
				paint("stat %d: ", number);
				paint_text(field);
				paint("\n");
			}
		}
	}
}

/* Every entry's name and, where it is a link, its target */
static void paint_links(const char *name)
{
	char path[64], target[256];
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/self/%s", name);
	dir = opendir(path);
	paint("== %s\n", name);
	while (dir && (d = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), d->d_name, target, sizeof(target) - 1);

		target[n > 0 ? n : 0] = 0;
		paint_text(d->d_name);
		paint(" -> ");
		paint_text(target);
		paint("\n");
	}
	if (dir)
		closedir(dir);
}

static void paint_signals(void)
{
	struct { void *handler; unsigned long flags; void *restorer; uint64_t mask; } act;
	uint64_t set;
	stack_t alt;

	for (int sig = 1; sig <= 64; sig++) {
		memset(&act, 0, sizeof(act));
		syscall(SYS_rt_sigaction, sig, NULL, &act, 8);
		paint("signal %d: %p %lx %llx\n", sig, act.handler, act.flags,
		      (unsigned long long)act.mask);
	}
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &set, 8);
	paint("blocked %llx ", (unsigned long long)set);
	syscall(SYS_rt_sigpending, &set, 8);
	sigaltstack(NULL, &alt);
	paint("pending %llx altstack %d\n", (unsigned long long)set, alt.ss_flags);
}

static void paint_limits(void)
{
	struct itimerval timer;
	struct rlimit limit;

	for (int i = 0; i < RLIM_NLIMITS; i++) {
		getrlimit(i, &limit);
		paint("limit %d: %llx %llx\n", i, (unsigned long long)limit.rlim_cur,
		      (unsigned long long)limit.rlim_max);
	}
	for (int i = 0; i < 3; i++) {
		getitimer(i, &timer);
		paint("timer %d: %ld %ld\n", i, timer.it_value.tv_sec, timer.it_interval.tv_sec);
	}
}

static void paint_ids(void)
{
	uid_t r, e, s;
	gid_t groups[64];
	int n = getgroups(64, groups);

	getresuid(&r, &e, &s);
	paint("uids %u %u %u\n", r, e, s);
	getresgid(&r, &e, &s);
	paint("gids %u %u %u groups", r, e, s);
	for (int i = 0; i < n; i++)
		paint(" %u", groups[i]);
	paint("\nparent's group %d own group %d", getpgrp() == getpgid(getppid()),
	      getpgrp() == getpid());
	paint(" parent's session %d own session %d\n", getsid(0) == getsid(getppid()),
	      getsid(0) == getpid());
	PAINT(open("/dev/tty", O_RDWR));
	PAINT(tcgetpgrp(0));
	PAINT(umask(022));
	PAINT(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
	PAINT(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 0));
}

static void paint_attributes(void)
{
	int value = 0;

	PAINT(prctl(PR_GET_DUMPABLE));
	PAINT(prctl(PR_GET_KEEPCAPS));
	PAINT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	PAINT(prctl(PR_GET_SECCOMP));
	PAINT(prctl(PR_GET_TIMERSLACK));
	PAINT(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	PAINT(prctl(PR_GET_SECUREBITS));
	PAINT(prctl(PR_GET_TIMING));
	PAINT(prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, 0, 0, 0));
	PAINT(prctl(PR_GET_PDEATHSIG, &value) ?: value);
	PAINT(prctl(PR_GET_CHILD_SUBREAPER, &value) ?: value);
	PAINT(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		paint("%d", prctl(PR_CAPBSET_READ, cap));
	paint("\n");
	PAINT(sched_getscheduler(0));
	PAINT(getpriority(PRIO_PROCESS, 0));
	PAINT(getpriority(PRIO_PGRP, 0));
	PAINT(syscall(SYS_ioprio_get, 1, 0));
	PAINT(personality(0xffffffff));
	PAINT(waitpid(-1, NULL, WNOHANG));
	PAINT(fcntl(0, F_GETFL));
	/* last: the parent is the tracer from here on, but nothing stops */
	PAINT(ptrace(PTRACE_TRACEME, 0, 0, 0));
}

static void __attribute__((constructor)) portrait_main(int argc, char **argv)
{
	static const char *const files[] = {
		"cmdline", "comm", "environ", "cgroup", "limits", "mountinfo", "mounts", "maps",
		"auxv", "attr/current", "attr/exec", "attr/prev", "attr/fscreate", "oom_adj",
		"oom_score_adj", "loginuid", "sessionid", "personality", "coredump_filter",
		"timerslack_ns", "timers", "uid_map", "gid_map", "projid_map", "setgroups",
		"cpuset", "timens_offsets", "fdinfo/0", "fdinfo/1", "fdinfo/2",
		"task/../children",
	};
	static const char *const links[] = { ".", "fd", "ns", "task" };

	if (argc < 1 || strcmp(argv[0], "portrait"))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		paint_file(files[i]);
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		paint_links(links[i]);
	paint_status();
	paint_stat();
	paint_signals();
	paint_limits();
	paint_ids();
	paint_attributes();
	CHECK(write(1, portrait.text, portrait.len) == (ssize_t)portrait.len);
	_exit(0);
}

#endif /* JOBTRACK_TEST_PORTRAIT_H */
