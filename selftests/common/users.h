/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who uses the module while it is unloaded by force: threads, each of which does
 * one thing until that fails; and files of every kind, to be tried thereafter.
 */
#ifndef JOBTRACK_TEST_USERS_H
#define JOBTRACK_TEST_USERS_H

#include "dead.h"
#include "module.h"

#include <pthread.h>

/* Somebody who uses the module until it is gone, with a thread of their own */
struct user {
	const char *name;
	int (*use)(struct user *user);
	uint64_t id;		/* of the job ... */
	int fd;			/* ... whose fd this is, or the device's */
	uint32_t uses;
	int err;		/* how the last one failed */
	pthread_t thread;
};

static struct gate users_gone;

static inline void *keep_using(void *arg)
{
	struct user *user = arg;
	int ret;

	while ((ret = user->use(user)) >= 0)
		add_to(&user->uses, 1);
	user->err = ret;
	gate_add(&users_gone, 1);
	return NULL;
}

static inline int use_snapshot(struct user *user)
{
	struct jobtrack_row *rows;
	int n = jt_snapshot(user->fd, &rows, NULL);

	free(rows);
	return n;
}

static inline int use_signal(struct user *user)
{
	return jt_signal(user->fd, SIGURG, NULL);
}

static inline int use_enter(struct user *user)
{
	pid_t pid = fork();
	int ret;

	if (!pid)
		_exit(-jt_enter(user->fd));
	ret = reap(pid);
	return ret > 0 ? -ret : ret;
}

static inline int use_tag(struct user *user)
{
	pid_t pid = spawn(-1, 0, sleeper, NULL);
	int ret = jt_tag(user->fd, pid);

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return ret;
}

static inline int use_create(struct user *user)
{
	int job = jt_create(JOBTRACK_CREATE_KILL_ON_CLOSE, user->id, NULL, NULL);

	close(job);
	return job;
}

/* New files, from an old one: some are made while the others are being revoked. */
static inline int use_device(struct user *user)
{
	struct jobtrack_open arg = { .id = user->id };
	int job = jt_ioctl(user->fd, JOBTRACK_IOC_OPEN, &arg);

	close(job);
	return job;
}

static inline int use_proc(struct user *user)
{
	char buf[4096];

	(void)user;
	return read_file(PROC_FILE, buf, sizeof(buf));
}

/* The job is not empty: these two wait until the module goes, and nobody hangs. */
static inline int use_poll(struct user *user)
{
	return fd_ready(user->fd, -1) ? -ENODEV : 0;
}

static inline int use_epoll(struct user *user)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC), ret;

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, user->fd, &event))
		return -errno;
	ret = epoll_wait(epoll, &event, 1, -1) == 1 ? -ENODEV : 0;
	epoll_ctl(epoll, EPOLL_CTL_DEL, user->fd, NULL);
	close(epoll);
	return ret;
}

static inline bool ended_well(const struct user *user)
{
	switch (user->err) {
	case -ENODEV: case -ENOTTY: case -ENOENT: case -ENXIO: case -EIO:
		return true;
	}
	fprintf(stderr, "# %s: after %u times: %s\n", user->name, user->uses,
		strerror(-user->err));
	return false;
}

#define WAITERS	2	/* the first of these */

static const struct user all_users[] = {
	{ .name = "poll", .use = use_poll }, { .name = "epoll", .use = use_epoll },
	{ .name = "snapshot", .use = use_snapshot }, { .name = "signal", .use = use_signal },
	{ .name = "enter", .use = use_enter }, { .name = "tag", .use = use_tag },
	{ .name = "create", .use = use_create }, { .name = "device", .use = use_device },
	{ .name = "proc", .use = use_proc },
};

static inline bool start_users(struct user *users, int device, int job, uint64_t id)
{
	memcpy(users, all_users, sizeof(all_users));
	users_gone.value = 0;
	for (size_t i = 0; i < ARRAY_SIZE(all_users); i++) {
		users[i].id = id;
		users[i].fd = users[i].use == use_device ? device : job;
		if (pthread_create(&users[i].thread, NULL, keep_using, &users[i]))
			return false;
	}
	for (size_t i = WAITERS; i < ARRAY_SIZE(all_users); i++)
		if (!WAIT_UNTIL(look_at(&users[i].uses) > 3))
			return false;
	return true;
}

/* Files of every kind, at last of /proc; and one that nobody holds, in a socket */
struct files {
	int fd[NR_KINDS + 1];
	int sock[2];
	int epoll;		/* watches the job, but nobody waits for it */
};

static inline bool open_files(struct files *files, int job)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = jt_create(0, 0, NULL, NULL), i;

	for (i = 0; i < NR_KINDS; i++)
		files->fd[i] = open_kind(i, job);
	files->fd[i] = open(PROC_FILE, O_RDONLY | O_CLOEXEC);
	while (i >= 0)
		if (files->fd[i--] < 0)
			return false;
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, files->sock) ||
	    send_fd(files->sock[0], fd))
		return false;
	close(fd);
	files->epoll = epoll_create1(EPOLL_CLOEXEC);
	return epoll_ctl(files->epoll, EPOLL_CTL_ADD, files->fd[JOB], &event) == 0 &&
		epoll_wait(files->epoll, &event, 1, 0) == 0;
}

static inline bool files_are_dead(struct files *files)
{
	int fd = recv_fd(files->sock[1]), used = use_dead_file(fd);
	struct epoll_event event;
	bool dead = used == 0;

	if (send_fd(files->sock[0], fd))
		return false;
	close(fd);
	for (int i = 0; i <= NR_KINDS; i++) {
		used = use_dead_file(files->fd[i]);
		if (used)
			fprintf(stderr, "# file %d: %d\n", i, used);
		dead = dead && !used;
	}
	return dead && epoll_wait(files->epoll, &event, 1, 0) >= 0;
}

static inline bool close_files(struct files *files)
{
	int err = 0;

	for (int i = 0; i <= NR_KINDS; i++)
		err |= close(files->fd[i]);
	return !(err | close(files->epoll) | close(files->sock[0]) | close(files->sock[1]));
}

#endif /* JOBTRACK_TEST_USERS_H */
