// SPDX-License-Identifier: GPL-2.0
/* Becomes a command with signals blocked, which a shell cannot do. For cli_test.sh. */
#include <signal.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGRTMIN + 3);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (argc > 1)
		execvp(argv[1], argv + 1);
	return 127;
}
