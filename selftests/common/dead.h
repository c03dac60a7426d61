/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A file whose module is gone: everything that can be done with it, to see that
 * nothing works and nothing breaks.
 */
#ifndef JOBTRACK_TEST_DEAD_H
#define JOBTRACK_TEST_DEAD_H

#include "proc.h"

#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

/* Every command, of whatever it was a file of; how many have worked */
static inline int use_dead_commands(int fd)
{
	static const unsigned long commands[] = {
		JOBTRACK_IOC_INFO, JOBTRACK_IOC_CREATE, JOBTRACK_IOC_OPEN, JOBTRACK_IOC_WHICH,
		JOBTRACK_IOC_LIST, JOBTRACK_IOC_STATE, JOBTRACK_IOC_ENTER, JOBTRACK_IOC_TAG,
		JOBTRACK_IOC_SIGNAL, JOBTRACK_IOC_SNAPSHOT,
	};
	char arg[4096];
	int worked = 0;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		memset(arg, 0, sizeof(arg));
		worked += ioctl(fd, commands[i], arg) >= 0;
	}
	return worked;
}

/* Every way to move data; how many have moved any */
static inline int use_dead_data(int fd)
{
	char buf[64] = { 0 };
	struct iovec iov = { buf, sizeof(buf) };
	int worked = 0, pipefd[2];
	void *map;

	worked += read(fd, buf, sizeof(buf)) >= 0;
	worked += pread(fd, buf, sizeof(buf), 0) >= 0;
	worked += readv(fd, &iov, 1) >= 0;
	worked += preadv2(fd, &iov, 1, 0, RWF_NOWAIT) >= 0;
	worked += write(fd, buf, sizeof(buf)) >= 0;
	worked += pwrite(fd, buf, sizeof(buf), 0) >= 0;
	worked += writev(fd, &iov, 1) >= 0;
	if (pipe2(pipefd, O_CLOEXEC | O_NONBLOCK) || write(pipefd[1], buf, 8) != 8)
		return -1;
	worked += splice(pipefd[0], NULL, fd, NULL, 8, SPLICE_F_NONBLOCK) >= 0;
	worked += splice(fd, NULL, pipefd[1], NULL, 8, SPLICE_F_NONBLOCK) >= 0;
	worked += sendfile(pipefd[1], fd, NULL, 8) >= 0;
	worked += copy_file_range(fd, NULL, pipefd[1], NULL, 8, 0) >= 0;
	close(pipefd[0]);
	close(pipefd[1]);
	for (int prot = PROT_READ; prot <= PROT_WRITE; prot++) {
		map = mmap(NULL, 4096, prot, MAP_SHARED, fd, 0);
		worked += map != MAP_FAILED;
	}
	return worked;
}

/* What the kernel may do by itself, with whatever result */
static inline void use_dead_rest(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLPRI };
	int epoll = epoll_create1(EPOLL_CLOEXEC), flags = fcntl(fd, F_GETFL), n;
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	struct flock lock = { .l_type = F_RDLCK };
	struct timeval now = { 0, 0 };
	char path[64], buf[256];
	struct stat st;
	fd_set in, out;

	for (int whence = SEEK_SET; whence <= SEEK_HOLE; whence++)
		lseek(fd, 1, whence);
	poll(&p, 1, 0);
	FD_ZERO(&in);
	FD_SET(fd, &in);
	out = in;
	select(fd + 1, &in, &out, NULL, &now);
	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
	epoll_wait(epoll, &event, 1, 0);
	close(epoll);

	ioctl(fd, FIONREAD, &n);
	n = 1;
	ioctl(fd, FIOASYNC, &n);
	ioctl(fd, FIONBIO, &n);
	fcntl(fd, F_SETFL, flags | O_ASYNC | O_NONBLOCK | O_APPEND);
	fcntl(fd, F_SETFL, flags);
	fcntl(fd, F_SETOWN, getpid());
	fcntl(fd, F_SETOWN, 0);
	fcntl(fd, F_SETLEASE, F_RDLCK);
	fcntl(fd, F_SETLEASE, F_UNLCK);
	fcntl(fd, F_SETLK, &lock);
	flock(fd, LOCK_EX | LOCK_NB);
	flock(fd, LOCK_UN);
	fsync(fd);
	fdatasync(fd);
	ftruncate(fd, 0);
	fallocate(fd, 0, 0, 4096);
	posix_fadvise(fd, 0, 4096, POSIX_FADV_WILLNEED);
	readahead(fd, 0, 4096);
	sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	fstat(fd, &st);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	readlink(path, buf, sizeof(buf));
	close(open(path, O_RDONLY | O_CLOEXEC));
	close(open(path, O_PATH | O_CLOEXEC));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	read_file(path, buf, sizeof(buf));
}

/*
 * All of it, by this fd, a copy, one that went through a socket, and in a child.
 * How much has worked that cannot, or -errno.
 */
static inline int use_dead_file(int fd)
{
	int sock[2], other, worked;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, sock) || send_fd(sock[0], fd))
		return -errno;
	other = recv_fd(sock[1]);
	close(sock[0]);
	close(sock[1]);
	if (other < 0)
		return other;
	worked = use_dead_commands(fd) + use_dead_data(other);
	use_dead_rest(other);
	close(other);

	other = dup(fd);
	pid = fork();
	if (!pid) {
		use_dead_rest(other);
		_exit(use_dead_commands(fd) + use_dead_data(fd));
	}
	close(other);
	return worked + reap(pid);
}

#endif /* JOBTRACK_TEST_DEAD_H */
