/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A file system with one file, whose flush is answered only when the test says
 * so: a process that has it open cannot get out of exit(2) before that, not even
 * by SIGKILL (the kernel forces the request).
 */
#ifndef JOBTRACK_TEST_FUSE_H
#define JOBTRACK_TEST_FUSE_H

#include "test.h"

#include <linux/fuse.h>
#include <sys/mount.h>
#include <sys/uio.h>

#define FUSE_DIR	"/tmp/jobtrack_fuse"
#define FUSE_FILE	FUSE_DIR "/file"

struct fuse {
	pid_t server;
	int answer[2];		/* a byte: answer the flushes */
	struct gate *held;	/* flushes that wait for an answer */
};

static void fuse_reply(int dev, uint64_t unique, int error, const void *data, size_t size)
{
	struct fuse_out_header head = {
		.len = sizeof(head) + size, .error = error, .unique = unique,
	};
	struct iovec iov[2] = { { &head, sizeof(head) }, { (void *)data, size } };

	/* ENOENT: the request was given up meanwhile */
	CHECK(writev(dev, iov, 2) >= 0 || errno == ENOENT);
}

static void fuse_fill_attr(struct fuse_attr *attr, uint64_t node)
{
	attr->ino = node;
	attr->mode = node == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0666;
	attr->nlink = 1;
}

/* One request; false for a flush, which is left unanswered */
static bool fuse_serve(int dev, const struct fuse_in_header *in)
{
	struct fuse_init_out init = {
		.major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = 4096,
	};
	struct fuse_entry_out entry = { .nodeid = 2, .attr_valid = 1000, .entry_valid = 1000 };
	struct fuse_attr_out attr = { .attr_valid = 1000 };
	struct fuse_open_out open = { .fh = 1 };

	switch (in->opcode) {
	case FUSE_INIT:
		fuse_reply(dev, in->unique, 0, &init, sizeof(init));
		return true;
	case FUSE_LOOKUP:
		fuse_fill_attr(&entry.attr, 2);
		fuse_reply(dev, in->unique, 0, &entry, sizeof(entry));
		return true;
	case FUSE_GETATTR:
		fuse_fill_attr(&attr.attr, in->nodeid);
		fuse_reply(dev, in->unique, 0, &attr, sizeof(attr));
		return true;
	case FUSE_OPEN:
		fuse_reply(dev, in->unique, 0, &open, sizeof(open));
		return true;
	case FUSE_RELEASE:
		fuse_reply(dev, in->unique, 0, NULL, 0);
		return true;
	case FUSE_FLUSH:
		return false;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		return true;	/* these have no answer */
	default:
		fuse_reply(dev, in->unique, -ENOSYS, NULL, 0);
		return true;
	}
}

static void fuse_server(int dev, struct fuse *fuse)
{
	static char buf[FUSE_MIN_READ_BUFFER + 4096] __attribute__((aligned(8)));
	const struct fuse_in_header *in = (void *)buf;
	struct pollfd fds[2] = { { .fd = dev, .events = POLLIN },
				 { .fd = fuse->answer[0], .events = POLLIN } };
	uint64_t held[16];
	int n = 0;

	while (poll(fds, 2, -1) >= 0) {
		if (fds[1].revents) {
			CHECK(read(fuse->answer[0], buf, 1) == 1);
			while (n)
				fuse_reply(dev, held[--n], 0, NULL, 0);
		}
		if (!fds[0].revents)
			continue;
		if (read(dev, buf, sizeof(buf)) < 0) {
			if (errno == ENODEV)
				_exit(0);	/* unmounted */
			continue;
		}
		if (!fuse_serve(dev, in)) {
			CHECK(n < 16);
			held[n++] = in->unique;
			gate_add(fuse->held, 1);
		}
	}
}

static inline int fuse_start(struct fuse *fuse)
{
	int dev = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[128];

	fuse->held = shared(sizeof(*fuse->held));
	if (dev < 0 || pipe2(fuse->answer, O_CLOEXEC) || (mkdir(FUSE_DIR, 0755) && errno != EEXIST))
		return -errno;
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other",
		 dev);
	if (mount("jobtrack_test", FUSE_DIR, "fuse", MS_NOSUID | MS_NODEV, options))
		return -errno;
	fuse->server = fork();
	if (!fuse->server)
		fuse_server(dev, fuse);
	close(dev);
	return fuse->server < 0 ? -errno : 0;
}

static inline void fuse_answer(struct fuse *fuse)
{
	CHECK(write(fuse->answer[1], "", 1) == 1);
}

/* The end of the server is the end of whoever still waits for it. */
static inline void fuse_stop(struct fuse *fuse)
{
	umount2(FUSE_DIR, MNT_DETACH);
	kill(fuse->server, SIGKILL);
	waitpid(fuse->server, NULL, 0);
	rmdir(FUSE_DIR);
}

#endif /* JOBTRACK_TEST_FUSE_H */
