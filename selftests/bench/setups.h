/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What there is beside or around a process whose costs are measured: jobtrack in
 * its states, and what others use. A setup comes and goes in each round, so that
 * all are measured interleaved.
 */
#ifndef JOBTRACK_BENCH_SETUPS_H
#define JOBTRACK_BENCH_SETUPS_H

#include "bench.h"
#include "tracker.h"

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

/*
 * struct setup - surroundings
 * @name: as in the table
 * @arg: how many, for the functions
 * @begin, @end: make it, and leave nothing of it
 * @join: what a process does to be measured in it
 */
struct setup {
	const char *name;
	int arg;
	void (*begin)(int arg);
	void (*join)(int arg);
	void (*end)(int arg);
};

/* ---------------------------------------------------------------- helpers */

static inline pid_t child_of(void (*body)(int arg), int arg)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	body(arg);
	_exit(0);
}

static inline void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	if (waitpid(pid, NULL, 0) != pid)
		err(1, "waitpid");
}

static inline void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err(1, "%s", path);
	close(fd);
}

/* --------------------------------------------------------------- jobtrack */

#define MAX_JOBS	100

static int jobs[MAX_JOBS];
static int nr_jobs;

struct crowd { int job, others, ready; };

static inline int sleeper(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return 0;
}

/* As in clone(2), but with the caller's memory: they all do the same on the stack. */
static inline void clone_vm(int (*body)(void *), void *arg, char *stack_end)
{
	if (clone(body, stack_end, CLONE_VM | SIGCHLD, arg) < 0)
		err(1, "clone");
}

static inline int crowd(void *arg)
{
	static char stack[16384] __attribute__((aligned(16)));
	const struct crowd *c = arg;
	int i;

	if (jobtrack_job_enter(c->job))
		err(1, "entering a job");
	for (i = 0; i < c->others; i++)
		clone_vm(sleeper, NULL, stack + sizeof(stack));
	if (write(c->ready, "", 1) != 1)
		err(1, "pipe");
	return sleeper(NULL);
}

/*
 * A job of so many processes, all asleep. They have no memory of their own: whoever
 * forks would pay for each further user of the mappings that it shares with them.
 */
static inline void job_of(int procs)
{
	static char stack[16384] __attribute__((aligned(16)));
	struct crowd c = { .job = new_job(), .others = procs - 1 };
	int fds[2];
	char byte;

	jobs[nr_jobs++] = c.job;
	if (!procs)
		return;
	if (pipe(fds))
		err(1, "pipe");
	c.ready = fds[1];
	clone_vm(crowd, &c, stack + sizeof(stack));
	if (read(fds[0], &byte, 1) != 1)	/* when all have been born */
		err(1, "no crowd");
	close(fds[0]);
	close(fds[1]);
}

static inline void end_jobs(void)
{
	while (nr_jobs)
		end_job(jobs[--nr_jobs]);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static inline void loaded_begin(int arg)
{
	(void)arg;
	load_module();
}

static inline void loaded_end(int arg)
{
	(void)arg;
	end_jobs();
	unload_module();
}

/* After a job has come and gone, and @seconds */
static inline void idle_begin(int seconds)
{
	load_module();
	job_of(1);
	end_jobs();
	sleep(seconds);
}

static inline void neighbours_begin(int n)
{
	load_module();
	while (n--)
		job_of(3);
}

static inline void tracked_begin(int others)
{
	load_module();
	job_of(others);
}

static inline void tracked_join(int arg)
{
	(void)arg;
	if (jobtrack_job_enter(jobs[0]))
		err(1, "entering a job");
}

/* --------------------------------------------------------- cgroup version 2 */

#define CGROUPS	"/sys/fs/cgroup"

static inline void cgroup_path(char *path, int depth)
{
	path += sprintf(path, CGROUPS);
	while (depth--)
		path += sprintf(path, "/bench");
}

static inline void cgroup_begin(int depth)
{
	char path[256];
	int i;

	for (i = 0; i < depth; i++) {
		cgroup_path(path, i);
		strcat(path, "/cgroup.subtree_control");
		write_file(path, "+pids");
		cgroup_path(path, i + 1);
		if (mkdir(path, 0755))
			err(1, "%s", path);
	}
}

static inline void cgroup_join(int depth)
{
	char path[256];

	cgroup_path(path, depth);
	strcat(path, "/cgroup.procs");
	write_file(path, "0");
}

static inline void cgroup_end(int depth)
{
	char path[256];

	for (; depth; depth--) {
		cgroup_path(path, depth);
		while (rmdir(path)) {
			if (errno != EBUSY)
				err(1, "%s", path);
			sleep_ms(2);
		}
		cgroup_path(path, depth - 1);
		strcat(path, "/cgroup.subtree_control");
		write_file(path, "-pids");
	}
}

/* ------------------------------------------------------- the proc connector */

static pid_t listener;

static inline void listen_to_procs(int ready)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC };
	struct {
		struct nlmsghdr header;
		struct cn_msg message;
		enum proc_cn_mcast_op op;
	} __attribute__((packed)) request = {
		.header = { .nlmsg_len = sizeof(request), .nlmsg_type = NLMSG_DONE },
		.message = { .id = { CN_IDX_PROC, CN_VAL_PROC }, .len = sizeof(request.op) },
		.op = PROC_CN_MCAST_LISTEN,
	};
	int fd = socket(PF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_CONNECTOR);
	int size = 16 << 20;
	char buffer[4096];

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    bind(fd, (void *)&address, sizeof(address)) ||
	    send(fd, &request, sizeof(request), 0) != sizeof(request) ||
	    recv(fd, buffer, sizeof(buffer), 0) <= 0)	/* that it listens */
		err(1, "proc connector");
	close(ready);
	while (recv(fd, buffer, sizeof(buffer), 0) > 0)
		;
	err(1, "proc connector");	/* events were lost */
}

static inline void listener_begin(int arg)
{
	int fds[2];
	char byte;

	(void)arg;
	if (pipe(fds))
		err(1, "pipe");
	listener = child_of(listen_to_procs, fds[1]);
	close(fds[1]);
	if (read(fds[0], &byte, 1))
		err(1, "no listener");
	close(fds[0]);
}

static inline void listener_end(int arg)
{
	(void)arg;
	end_child(listener);
}

/* ------------------------------------------------------- a tracker made of BPF */

static pid_t tracking;
static int tracking_socket;	/* takes the PIDs of who wants to be tracked */

/* In a process of its own, whose memory no fork that is measured copies */
static inline void track_by_bpf(int with_table)
{
	pid_t pid;

	tracker_begin(with_table);
	while (write(tracking_socket, "", 1) == 1 &&
	       read(tracking_socket, &pid, sizeof(pid)) == sizeof(pid))
		tracker_tag(pid);
}

static inline void bpf_begin(int with_table)
{
	int sockets[2];
	char byte;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets))
		err(1, "socketpair");
	tracking_socket = sockets[1];
	tracking = child_of(track_by_bpf, with_table);
	close(sockets[1]);
	tracking_socket = sockets[0];
	if (read(tracking_socket, &byte, 1) != 1)
		errx(1, "no BPF tracker");
}

static inline void bpf_join(int arg)
{
	pid_t pid = getpid();
	char byte;

	(void)arg;
	if (write(tracking_socket, &pid, sizeof(pid)) != sizeof(pid) ||
	    read(tracking_socket, &byte, 1) != 1)
		errx(1, "no BPF tracker");
}

static inline void bpf_end(int arg)
{
	(void)arg;
	end_child(tracking);
	close(tracking_socket);
}

#endif /* JOBTRACK_BENCH_SETUPS_H */
