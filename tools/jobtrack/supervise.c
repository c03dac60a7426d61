// SPDX-License-Identifier: GPL-2.0
/*
 * jobtrack run -t and -k: the command is a child here, in the same process group,
 * and this process stands in for it: it takes the signals meant for the command,
 * and ends with its status.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common.h"
#include "run.h"

/**
 * struct supervisor
 * @job: the job's fd
 * @signals: signalfd of @taken
 * @taken: signals that are for the command
 * @mask: the mask to run the command with: the one that this process was given
 * @chld: likewise the disposition of SIGCHLD
 * @child: the command; 0 once it was waited for
 * @deadline: CLOCK_MONOTONIC in ms, below 0 for none
 * @kill: nothing may outlive the command
 * @status: the exit status to be
 */
struct supervisor {
	int job;
	int signals;
	sigset_t taken;
	sigset_t mask;
	struct sigaction chld;
	pid_t child;
	int64_t deadline;
	bool kill;
	int status;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/*
 * All but the signals of job control, which stop and continue this process along
 * with the command, and those that only a mistake of its own raises. Blocked
 * signals are seen even where the inherited disposition is to ignore them; the
 * command has inherited it too.
 */
static void take_signals(struct supervisor *sv)
{
	static const int left[] = {
		SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT,
		SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS,
	};
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	size_t i;

	sigfillset(&sv->taken);
	for (i = 0; i < sizeof(left) / sizeof(left[0]); i++)
		sigdelset(&sv->taken, left[i]);
	sigprocmask(SIG_BLOCK, &sv->taken, &sv->mask);
	/* Ignored, it would have the kernel throw away the command's status. */
	sigaction(SIGCHLD, &dfl, &sv->chld);
	sv->signals = signalfd(-1, &sv->taken, SFD_CLOEXEC | SFD_NONBLOCK);
	if (sv->signals < 0)
		die(STATUS_FAILED, "signalfd: %s", strerror(errno));
}

static void give_signals_back(const struct supervisor *sv)
{
	sigaction(SIGCHLD, &sv->chld, NULL);
	sigprocmask(SIG_SETMASK, &sv->mask, NULL);
}

static void start(struct supervisor *sv, char **argv)
{
	sv->child = fork();
	if (sv->child < 0)
		die(STATUS_FAILED, "cannot fork: %s", strerror(errno));
	if (sv->child)
		return;

	if (jobtrack_job_enter(sv->job)) {
		if (errno == ECANCELED)
			complain("the job was killed before %s was in it", argv[0]);
		else
			complain("cannot enter the job: %s", strerror(errno));
		_exit(STATUS_FAILED);
	}
	give_signals_back(sv);
	_exit(exec_command(argv));
}

/* The terminal sends these to the whole foreground process group, the command included. */
static bool from_terminal(const struct signalfd_siginfo *info)
{
	if (info->ssi_code != SI_KERNEL)
		return false;
	return info->ssi_signo == SIGINT || info->ssi_signo == SIGQUIT ||
	       info->ssi_signo == SIGHUP || info->ssi_signo == SIGWINCH;
}

/* To the command while it lives, then to all that it left behind. */
static void forward(const struct supervisor *sv, const struct signalfd_siginfo *info)
{
	union sigval value = { .sival_ptr = (void *)(uintptr_t)info->ssi_ptr };

	if (!sv->child)
		jobtrack_job_signal(sv->job, info->ssi_signo, NULL);
	else if (from_terminal(info))
		return;
	else if (info->ssi_code == SI_QUEUE)
		sigqueue(sv->child, info->ssi_signo, value);
	else
		kill(sv->child, info->ssi_signo);
}

static void reap(struct supervisor *sv)
{
	int status;

	if (!sv->child || waitpid(sv->child, &status, WNOHANG) != sv->child)
		return;
	sv->child = 0;
	sv->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void take(struct supervisor *sv)
{
	struct signalfd_siginfo info;

	while (read(sv->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(sv);
		else
			forward(sv, &info);
	}
}

/* False when the time is up. */
static bool wait_for_event(const struct supervisor *sv)
{
	struct pollfd fds[] = {
		{ .fd = sv->signals, .events = POLLIN },
		/* Empty before the command is in it, too: of interest only later. */
		{ .fd = sv->child ? -1 : sv->job, .events = POLLIN },
	};
	const int64_t most = 3600 * 1000;
	int64_t left = most;

	if (sv->deadline >= 0) {
		left = sv->deadline - now_ms();
		if (left <= 0)
			return false;
	}
	if (poll(fds, 2, left < most ? left : most) < 0 && errno != EINTR)
		die(STATUS_FAILED, "poll: %s", strerror(errno));
	return true;
}

/* From here on a signal has its usual effect: there is nobody to stand in for. */
static void end_job(struct supervisor *sv)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };

	if (jobtrack_job_signal(sv->job, SIGKILL, NULL))
		die(STATUS_FAILED, "cannot kill the job: %s", strerror(errno));
	give_signals_back(sv);
	/* Unless it was inherited ignored, when the command leaves no zombie. */
	sigaction(SIGCHLD, &dfl, NULL);
	if (sv->child)
		waitpid(sv->child, NULL, 0);
	if (jobtrack_job_wait(sv->job, -1))
		die(STATUS_FAILED, "cannot wait for the job: %s", strerror(errno));
}

int run_supervised(int job, char **argv, int64_t timeout_ms, bool kill)
{
	struct supervisor sv = {
		.job = job,
		.deadline = timeout_ms < 0 ? -1 : now_ms() + timeout_ms,
		.kill = kill,
	};

	take_signals(&sv);
	start(&sv, argv);
	for (;;) {
		if (!wait_for_event(&sv)) {
			sv.status = STATUS_TIMEOUT;
			break;
		}
		take(&sv);
		if (sv.child)
			continue;
		if (sv.kill)
			break;
		if (!jobtrack_job_wait(sv.job, 0))
			return sv.status;
	}
	end_job(&sv);
	return sv.status;
}
