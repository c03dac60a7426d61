/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests share: jobs by raw ioctl, users, children and waiting.
 *
 * The tests speak to the module directly: a mistake of the library must not hide
 * one of the module. All functions return a value >= 0 or -errno.
 */
#ifndef JOBTRACK_TEST_H
#define JOBTRACK_TEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/futex.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/*
 * The harness compares whatever types it is given, hands over what few tests use,
 * and a child that is inlined into a test never sees its longjmp().
 */
#pragma GCC diagnostic ignored "-Wclobbered"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wunused-parameter"

#include <linux/jobtrack.h>

/*
 * How many times as slow as others this machine is: a debugging kernel's, and as
 * the runner says. All limits of tests grow by it, the harness's included. What
 * the module, the library and the command promise does not.
 */
static inline int how_slow(void)
{
	const char *slow = getenv("JT_SLOW");

	return slow && atoi(slow) > 1 ? atoi(slow) : 1;
}

#define alarm(seconds)	alarm((seconds) * how_slow())
#include "kselftest_harness.h"
#undef alarm

#define OWNER		1000		/* the unprivileged user whose jobs are tested */
#define STRANGER	1001
#define MARK_GROUP	64738		/* a group that all test users' processes carry */
#define PATIENCE_MS	(15000 * how_slow())	/* nothing that happens at all takes longer */

#define NSEC_PER_SEC	1000000000ULL
#define NSEC_PER_MSEC	1000000ULL

/* In a child, where the harness's ASSERT would unwind the wrong process. */
#define CHECK(cond) do {						\
	if (!(cond)) {							\
		dprintf(2, "# %s:%d: in child: %s (errno %d)\n",	\
			__FILE__, __LINE__, #cond, errno);		\
		_exit(1);						\
	}								\
} while (0)

#define CHECK_EQ(want, got) do {					\
	long long want_ = (want), got_ = (got);				\
	if (want_ != got_) {						\
		dprintf(2, "# %s:%d: in child: %s is %lld, not %s (%lld)\n", \
			__FILE__, __LINE__, #got, got_, #want, want_);	\
		_exit(1);						\
	}								\
} while (0)

/* For what nobody announces: look until it is so. False when the time is up. */
#define WAIT_UNTIL(cond) ({						\
	uint64_t end_ = now_ns() + PATIENCE_MS * NSEC_PER_MSEC;		\
	bool met_;							\
	while (!(met_ = !!(cond)) && now_ns() < end_)			\
		nap_us(1000);						\
	met_;								\
})

/*
 * First line of each fixture and test that needs the module. The device is
 * opened to everybody here: what a caller may do is the module's to decide.
 */
#define REQUIRE_MODULE() do {						\
	if (access(JOBTRACK_DEVICE, F_OK) && !getenv("JOBTRACK_REQUIRED")) \
		SKIP(_exit(255), "no " JOBTRACK_DEVICE);		\
	ASSERT_EQ(0, chmod(JOBTRACK_DEVICE, 0666))			\
		TH_LOG("%s: %s", JOBTRACK_DEVICE, strerror(errno));	\
} while (0)

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static inline void nap_us(unsigned int us)
{
	struct timespec ts = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };

	nanosleep(&ts, NULL);
}

/* How many times as much a test of races is to do as it does in passing */
static inline unsigned int times_as_much(void)
{
	const char *races = getenv("JT_RACES");

	return races && atoi(races) > 0 ? atoi(races) : 1;
}

/* ------------------------------------------------------------------ jobs */

/*
 * Each call opens the device anew: its rights are those of the caller now, not
 * those of whoever opened it before.
 */
static inline int jt_device(unsigned long cmd, void *arg)
{
	int dev = open(JOBTRACK_DEVICE, O_RDWR | O_CLOEXEC);
	int ret;

	if (dev < 0)
		return -errno;
	ret = ioctl(dev, cmd, arg);
	if (ret < 0)
		ret = -errno;
	close(dev);
	return ret;
}

static inline int jt_ioctl(int fd, unsigned long cmd, void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

static inline int jt_info(struct jobtrack_info *info)
{
	return jt_device(JOBTRACK_IOC_INFO, info);
}

/* @label and @id may be NULL; returns the job's fd */
static inline int jt_create(uint64_t flags, uint64_t parent, const char *label, uint64_t *id)
{
	struct jobtrack_create arg = { .flags = flags, .parent = parent };
	int fd;

	if (label)
		snprintf(arg.label, sizeof(arg.label), "%s", label);
	fd = jt_device(JOBTRACK_IOC_CREATE, &arg);
	if (id)
		*id = fd >= 0 ? arg.id : 0;
	return fd;
}

static inline int jt_create_for(uid_t uid, const char *label, uint64_t *id)
{
	struct jobtrack_create arg = { .flags = JOBTRACK_CREATE_OWNER, .uid = uid };
	int fd;

	if (label)
		snprintf(arg.label, sizeof(arg.label), "%s", label);
	fd = jt_device(JOBTRACK_IOC_CREATE, &arg);
	if (id)
		*id = fd >= 0 ? arg.id : 0;
	return fd;
}

static inline int jt_open(uint64_t id, uint64_t flags)
{
	struct jobtrack_open arg = { .id = id, .flags = flags };

	return jt_device(JOBTRACK_IOC_OPEN, &arg);
}

static inline int jt_open_label(const char *label)
{
	struct jobtrack_open arg = { .flags = 0 };

	snprintf(arg.label, sizeof(arg.label), "%s", label);
	return jt_device(JOBTRACK_IOC_OPEN, &arg);
}

static inline int jt_which(pid_t pid, struct jobtrack_which *which)
{
	memset(which, 0, sizeof(*which));
	which->pid = pid;
	return jt_device(JOBTRACK_IOC_WHICH, which);
}

/* The job of a process, 0 if none, -errno; @pid 0 is the caller */
static inline int64_t jt_job_of(pid_t pid)
{
	struct jobtrack_which which;
	int ret = jt_which(pid, &which);

	return ret < 0 ? ret : (int64_t)which.id;
}

static inline int jt_state(int fd, struct jobtrack_job *job)
{
	memset(job, 0, sizeof(*job));
	return jt_ioctl(fd, JOBTRACK_IOC_STATE, job);
}

static inline int jt_enter(int fd)
{
	struct jobtrack_enter arg = { .flags = 0 };

	return jt_ioctl(fd, JOBTRACK_IOC_ENTER, &arg);
}

static inline int jt_tag_exact(int fd, pid_t pid, uint64_t start_time, uint64_t flags,
			       struct jobtrack_tag *out)
{
	struct jobtrack_tag arg = { .flags = flags, .pid = pid, .start_time = start_time };
	int ret = jt_ioctl(fd, JOBTRACK_IOC_TAG, &arg);

	if (out)
		*out = arg;
	return ret;
}

/* Tag what now has this PID. */
static inline int jt_tag(int fd, pid_t pid)
{
	struct jobtrack_which which;
	int ret = jt_which(pid, &which);

	return ret < 0 ? ret : jt_tag_exact(fd, pid, which.start_time, 0, NULL);
}

/* @counts may be NULL */
static inline int jt_signal(int fd, int sig, struct jobtrack_signal *counts)
{
	struct jobtrack_signal arg = { .sig = sig };
	int ret = jt_ioctl(fd, JOBTRACK_IOC_SIGNAL, &arg);

	if (counts)
		*counts = arg;
	return ret;
}

/* Everything that is left in a read-only fd, as a malloc()ed buffer; closes it */
static inline void *jt_read_all(int fd, size_t *size)
{
	size_t room = 1 << 16, used = 0;
	char *buf = malloc(room);
	ssize_t n = -1;

	while (buf && (n = read(fd, buf + used, room - used)) > 0) {
		char *more = buf;

		used += n;
		if (used == room)
			more = realloc(buf, room *= 2);
		if (!more)
			free(buf);
		buf = more;
	}
	close(fd);
	if (n < 0) {
		free(buf);
		return NULL;
	}
	*size = used;
	return buf;
}

/*
 * One atomic list: the number of rows; @rows is malloc()ed. @arg may be NULL.
 * -EPROTO: what was read is not what the call had announced.
 */
static inline int jt_snapshot(int fd, struct jobtrack_row **rows, struct jobtrack_snapshot *out)
{
	struct jobtrack_snapshot arg = { .flags = 0 };
	int snap = jt_ioctl(fd, JOBTRACK_IOC_SNAPSHOT, &arg);
	size_t size = 0;

	*rows = NULL;
	if (out)
		*out = arg;
	if (snap < 0)
		return snap;
	*rows = jt_read_all(snap, &size);
	if (!*rows)
		return -EIO;
	if (arg.row_size != sizeof(**rows) || size != arg.count * sizeof(**rows)) {
		free(*rows);
		*rows = NULL;
		return -EPROTO;
	}
	return arg.count;
}

/* The jobs that the caller may see: the number of rows, @jobs is malloc()ed */
static inline int jt_list(struct jobtrack_job **jobs)
{
	struct jobtrack_list arg = { .flags = 0 };
	int fd = jt_device(JOBTRACK_IOC_LIST, &arg);
	size_t size = 0;

	*jobs = NULL;
	if (fd < 0)
		return fd;
	*jobs = jt_read_all(fd, &size);
	if (!*jobs)
		return -EIO;
	if (arg.row_size != sizeof(**jobs) || size != arg.count * sizeof(**jobs)) {
		free(*jobs);
		*jobs = NULL;
		return -EPROTO;
	}
	return arg.count;
}

static inline bool jt_in_snapshot(int fd, pid_t pid)
{
	struct jobtrack_row *rows;
	int n = jt_snapshot(fd, &rows, NULL);
	bool found = false;

	for (int i = 0; i < n; i++)
		found |= rows[i].pid == pid;
	free(rows);
	return found;
}

/* Whether the fd becomes readable in time: of a job's fd, that the job is empty */
static inline bool fd_ready(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return TEMP_FAILURE_RETRY(poll(&p, 1, timeout_ms)) == 1 &&
		p.revents & (POLLIN | POLLHUP);
}

static inline bool jt_wait_empty(int fd)
{
	return fd_ready(fd, PATIENCE_MS);
}

/* ----------------------------------------------------- users and children */

/* Give up root for good. MARK_GROUP stays: a user cannot drop it. */
static inline int become_user(uid_t uid)
{
	gid_t mark = MARK_GROUP;

	if (setgroups(1, &mark) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
		return -errno;
	/* or /proc/self would be root's, as if the program were setuid */
	return prctl(PR_SET_DUMPABLE, 1) ? -errno : 0;
}

/* Send SIGKILL to every process of the user that kill(2) reaches. */
static inline void kill_user(uid_t uid)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (!setresuid(uid, uid, uid))
			kill(-1, SIGKILL);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/*
 * A child of user @uid (0 stays root) that runs @fn. With @job >= 0 it enters
 * the job first, while it is still the caller's user, who made the job.
 */
static inline pid_t spawn(int job, uid_t uid, int (*fn)(void *), void *arg)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	if (job >= 0)
		CHECK_EQ(0, jt_enter(job));
	if (uid)
		CHECK_EQ(0, become_user(uid));
	_exit(fn(arg));
}

/*
 * Wait for a child: its exit status, 128 + the signal that ended it, or -errno;
 * -ETIMEDOUT when the time is up, and then it is killed.
 */
static inline int reap(pid_t pid)
{
	int pidfd = syscall(SYS_pidfd_open, pid, 0);
	int status, ret = 0;

	if (pidfd < 0)
		return -errno;
	if (!fd_ready(pidfd, PATIENCE_MS)) {
		ret = -ETIMEDOUT;
		kill(pid, SIGKILL);
	}
	close(pidfd);
	if (TEMP_FAILURE_RETRY(waitpid(pid, &status, 0)) < 0)
		return -errno;
	if (ret)
		return ret;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Run @fn as another user and wait for it: 0 if all its CHECKs held */
static inline int run_as(uid_t uid, int (*fn)(void *), void *arg)
{
	pid_t pid = spawn(-1, uid, fn, arg);

	return pid < 0 ? -errno : reap(pid);
}

/* For spawn(): a process that does nothing until it is signalled */
static inline int sleeper(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return 0;
}

/* The same, but holding none of its parent's fds, least of all a job's */
static inline int lone_sleeper(void *arg)
{
	syscall(SYS_close_range, 3, ~0U, 0);
	return sleeper(arg);
}

/* ---------------------------------------------------------- meeting points */

/* Memory that is shared with all children; zeroed */
static inline void *shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("# mmap");
		abort();
	}
	return p;
}

/* A counter in shared memory that processes raise and wait for */
struct gate {
	uint32_t value;
};

static inline void gate_add(struct gate *gate, uint32_t n)
{
	__atomic_add_fetch(&gate->value, n, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &gate->value, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

/* Wait until the gate has reached @value; false when the time is up */
static inline bool gate_wait(struct gate *gate, uint32_t value)
{
	uint64_t end = now_ns() + PATIENCE_MS * NSEC_PER_MSEC;
	struct timespec slice = { .tv_nsec = 100 * NSEC_PER_MSEC };
	uint32_t seen;

	while ((seen = __atomic_load_n(&gate->value, __ATOMIC_SEQ_CST)) < value) {
		if (now_ns() > end)
			return false;
		syscall(SYS_futex, &gate->value, FUTEX_WAIT, seen, &slice, NULL, 0);
	}
	return true;
}

/* Pass a file descriptor over a Unix socket. */
static inline int send_fd(int sock, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : -errno;
}

static inline int recv_fd(int sock)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg;
	int fd;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != 1)
		return -errno;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS)
		return -EBADMSG;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(int));
	return fd;
}

/* Become root in a user namespace of one's own. */
static inline int enter_userns(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	const char *file[] = { "/proc/self/setgroups", "/proc/self/uid_map", "/proc/self/gid_map" };
	char text[3][32] = { "deny" };

	snprintf(text[1], sizeof(text[1]), "0 %u 1", uid);
	snprintf(text[2], sizeof(text[2]), "0 %u 1", gid);
	if (unshare(CLONE_NEWUSER))
		return -errno;
	for (int i = 0; i < 3; i++) {
		int fd = open(file[i], O_WRONLY | O_CLOEXEC);

		if (fd < 0)
			return -errno;
		if (write(fd, text[i], strlen(text[i])) < 0) {
			int err = -errno;

			close(fd);
			return err;
		}
		close(fd);
	}
	return 0;
}

#endif /* JOBTRACK_TEST_H */
