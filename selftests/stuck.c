// SPDX-License-Identifier: GPL-2.0
/*
 * stuck WAY [DIR]: gets into one of the states in which a process remains, and
 * stays there. For kill_test.sh.
 */
#include <arpa/inet.h>
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <unistd.h>

static void sleep_on(void)
{
	for (;;)
		pause();
}

static pid_t or_die(long result, const char *what)
{
	if (result < 0)
		err(1, "%s", what);
	return result;
}

/* The parent does not run before its child has gone or become another program. */
static void in_vfork(void)
{
	if (!vfork())
		sleep_on();
}

/* A child that its tracer, this process, has stopped */
static void traced(void)
{
	if (!or_die(fork(), "fork")) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGUSR1);
		sleep_on();
	}
	sleep_on();
}

/* Mounts from an NFS server that takes the connection and never answers. */
static void nfs(const char *dir)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	int fd = or_die(socket(AF_INET, SOCK_STREAM, 0), "socket");
	char options[200];

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	or_die(bind(fd, (void *)&addr, len), "bind");
	or_die(listen(fd, 5), "listen");
	or_die(getsockname(fd, (void *)&addr, &len), "getsockname");
	snprintf(options, sizeof(options),
		 "vers=3,proto=tcp,mountproto=tcp,addr=127.0.0.1,port=%d,mountport=%d,nolock",
		 ntohs(addr.sin_port), ntohs(addr.sin_port));
	or_die(mount("127.0.0.1:/", dir, "nfs", 0, options), "mount");
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "";

	if (!strcmp(way, "vfork"))
		in_vfork();
	else if (!strcmp(way, "traced"))
		traced();
	else if (!strcmp(way, "nfs") && argc > 2)
		nfs(argv[2]);
	errx(2, "usage: stuck vfork|traced|nfs DIR");
}
