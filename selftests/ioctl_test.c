// SPDX-License-Identifier: GPL-2.0
/*
 * Bad input to the commands as such: numbers, sizes, flags, padding, outputs,
 * pointers, fd limits. What each command refuses by its meaning is in
 * refused_test.c.
 *
 * A case differs from a call that succeeds in one thing only, and a refused call
 * has done nothing: no job, no fd, no signal.
 */
#include "common/proc.h"
#include <sys/resource.h>

_Static_assert(sizeof(struct jobtrack_info) == JOBTRACK_INFO_SIZE_VER0, "info");
_Static_assert(sizeof(struct jobtrack_create) == JOBTRACK_CREATE_SIZE_VER0, "create");
_Static_assert(sizeof(struct jobtrack_open) == JOBTRACK_OPEN_SIZE_VER0, "open");
_Static_assert(sizeof(struct jobtrack_which) == JOBTRACK_WHICH_SIZE_VER0, "which");
_Static_assert(sizeof(struct jobtrack_list) == JOBTRACK_LIST_SIZE_VER0, "list");
_Static_assert(sizeof(struct jobtrack_finding) == JOBTRACK_FINDING_SIZE_VER0, "finding");
_Static_assert(sizeof(struct jobtrack_audit) == JOBTRACK_AUDIT_SIZE_VER0, "audit");
_Static_assert(sizeof(struct jobtrack_job) == JOBTRACK_JOB_SIZE_VER0, "job");
_Static_assert(sizeof(struct jobtrack_enter) == JOBTRACK_ENTER_SIZE_VER0, "enter");
_Static_assert(sizeof(struct jobtrack_tag) == JOBTRACK_TAG_SIZE_VER0, "tag");
_Static_assert(sizeof(struct jobtrack_signal) == JOBTRACK_SIGNAL_SIZE_VER0, "signal");
_Static_assert(sizeof(struct jobtrack_row) == JOBTRACK_ROW_SIZE_VER0, "row");
_Static_assert(sizeof(struct jobtrack_snapshot) == JOBTRACK_SNAPSHOT_SIZE_VER0, "snapshot");
_Static_assert(sizeof(struct jobtrack_account) == JOBTRACK_ACCOUNT_SIZE_VER0, "account");

/* The numbers are for ever. */
_Static_assert(JOBTRACK_IOC_INFO == 0x8088e700, "info");
_Static_assert(JOBTRACK_IOC_CREATE == 0xc060e701, "create");
_Static_assert(JOBTRACK_IOC_OPEN == 0xc058e702, "open");
_Static_assert(JOBTRACK_IOC_WHICH == 0xc060e703, "which");
_Static_assert(JOBTRACK_IOC_LIST == 0xc018e704, "list");
_Static_assert(JOBTRACK_IOC_AUDIT == 0xc038e705, "audit");
_Static_assert(JOBTRACK_IOC_STATE == 0x80a0e740, "state");
_Static_assert(JOBTRACK_IOC_ENTER == 0x4008e741, "enter");
_Static_assert(JOBTRACK_IOC_TAG == 0xc020e742, "tag");
_Static_assert(JOBTRACK_IOC_SIGNAL == 0xc038e743, "signal");
_Static_assert(JOBTRACK_IOC_SNAPSHOT == 0xc020e744, "snapshot");
_Static_assert(JOBTRACK_IOC_ACCOUNT == 0xcaa8e745, "account");

#define AREA	16384		/* room for structs of too many bytes */

/* A field of a struct that must be as it is in a good call */
struct field {
	size_t offset, size;
};

#define F(type, member)	\
	{ offsetof(struct type, member), sizeof(((struct type *)NULL)->member) }

FIXTURE(ioctl) {
	int dev, job, fd;	/* fd: the one that the variant's command is for */
	pid_t target;		/* a member */
	unsigned char *good, *buf;
	size_t size;
	struct jobtrack_info before;
	int open_fds;
};

FIXTURE_VARIANT(ioctl) {
	unsigned long cmd;
	bool on_job;		/* a command of a job's fd */
	bool gives_fd;
	bool reads;		/* has an input: looks at what is given */
	bool writes;		/* has an output */
	struct field strict[8];	/* must be 0, or are flags with unknown bits */
};

FIXTURE_VARIANT_ADD(ioctl, info) {
	.cmd = JOBTRACK_IOC_INFO, .writes = true,
};

FIXTURE_VARIANT_ADD(ioctl, create) {
	.cmd = JOBTRACK_IOC_CREATE, .reads = true, .writes = true, .gives_fd = true,
	.strict = { F(jobtrack_create, flags), F(jobtrack_create, id),
		    F(jobtrack_create, uid), F(jobtrack_create, __pad) },
};

FIXTURE_VARIANT_ADD(ioctl, open) {
	.cmd = JOBTRACK_IOC_OPEN, .reads = true, .writes = true, .gives_fd = true,
	.strict = { F(jobtrack_open, flags), F(jobtrack_open, uid), F(jobtrack_open, __pad) },
};

FIXTURE_VARIANT_ADD(ioctl, which) {
	.cmd = JOBTRACK_IOC_WHICH, .reads = true, .writes = true,
	.strict = { F(jobtrack_which, flags), F(jobtrack_which, id),
		    F(jobtrack_which, start_time), F(jobtrack_which, uid),
		    F(jobtrack_which, label) },
};

FIXTURE_VARIANT_ADD(ioctl, list) {
	.cmd = JOBTRACK_IOC_LIST, .reads = true, .writes = true, .gives_fd = true,
	.strict = { F(jobtrack_list, flags), F(jobtrack_list, count),
		    F(jobtrack_list, row_size), F(jobtrack_list, __pad) },
};

FIXTURE_VARIANT_ADD(ioctl, audit) {
	.cmd = JOBTRACK_IOC_AUDIT, .reads = true, .writes = true, .gives_fd = true,
	.strict = { F(jobtrack_audit, flags), F(jobtrack_audit, count),
		    F(jobtrack_audit, processes), F(jobtrack_audit, members),
		    F(jobtrack_audit, undecided), F(jobtrack_audit, jobs),
		    F(jobtrack_audit, row_size), F(jobtrack_audit, __pad) },
};

FIXTURE_VARIANT_ADD(ioctl, state) {
	.cmd = JOBTRACK_IOC_STATE, .on_job = true, .writes = true,
};

FIXTURE_VARIANT_ADD(ioctl, enter) {
	.cmd = JOBTRACK_IOC_ENTER, .on_job = true, .reads = true,
	.strict = { F(jobtrack_enter, flags) },
};

FIXTURE_VARIANT_ADD(ioctl, tag) {
	.cmd = JOBTRACK_IOC_TAG, .on_job = true, .reads = true, .writes = true,
	.strict = { F(jobtrack_tag, flags), F(jobtrack_tag, tagged),
		    F(jobtrack_tag, denied), F(jobtrack_tag, __pad) },
};

FIXTURE_VARIANT_ADD(ioctl, signal) {
	.cmd = JOBTRACK_IOC_SIGNAL, .on_job = true, .reads = true, .writes = true,
	.strict = { F(jobtrack_signal, flags), F(jobtrack_signal, signalled),
		    F(jobtrack_signal, ignored), F(jobtrack_signal, pending),
		    F(jobtrack_signal, info_lost), F(jobtrack_signal, denied),
		    F(jobtrack_signal, newborns) },
};

FIXTURE_VARIANT_ADD(ioctl, snapshot) {
	.cmd = JOBTRACK_IOC_SNAPSHOT, .on_job = true, .reads = true, .writes = true,
	.gives_fd = true,
	.strict = { F(jobtrack_snapshot, flags), F(jobtrack_snapshot, count),
		    F(jobtrack_snapshot, time), F(jobtrack_snapshot, row_size),
		    F(jobtrack_snapshot, __pad) },
};

FIXTURE_VARIANT_ADD(ioctl, account) {
	.cmd = JOBTRACK_IOC_ACCOUNT, .on_job = true, .reads = true, .writes = true,
	/* all that follows the flags */
	.strict = { F(jobtrack_account, flags),
		    { offsetof(struct jobtrack_account, time),
		      JOBTRACK_ACCOUNT_SIZE_VER0 - offsetof(struct jobtrack_account, time) } },
};

static int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (next_pid(dir))
		n++;
	closedir(dir);
	return n;
}

/* What a good call of each command is given */
static void fill_good(int nr, uint64_t job, pid_t target, uint64_t start, void *arg)
{
	struct jobtrack_tag *tag = arg;

	switch (nr) {
	case _IOC_NR(JOBTRACK_IOC_OPEN):
		((struct jobtrack_open *)arg)->id = job;
		break;
	case _IOC_NR(JOBTRACK_IOC_WHICH):
		((struct jobtrack_which *)arg)->pid = target;
		break;
	case _IOC_NR(JOBTRACK_IOC_TAG):
		tag->pid = target;
		tag->start_time = start;
		break;
	case _IOC_NR(JOBTRACK_IOC_SIGNAL):
		((struct jobtrack_signal *)arg)->sig = SIGTERM;
		break;
	}
}

/* Ends with status 42 at a SIGTERM, which no refused call may have sent */
static void got_term(int sig)
{
	(void)sig;
	_exit(42);
}

static int member(void *ready)
{
	signal(SIGTERM, got_term);
	gate_add(ready, 1);
	return sleeper(NULL);
}

FIXTURE_SETUP(ioctl)
{
	struct gate *ready = shared(sizeof(*ready));
	struct jobtrack_which which;
	uint64_t id = 0;

	REQUIRE_MODULE();
	ASSERT_TRUE(WAIT_UNTIL(!jt_info(&self->before) && !self->before.jobs));
	self->dev = open(JOBTRACK_DEVICE, O_RDWR | O_CLOEXEC);
	self->job = jt_create(0, 0, NULL, &id);
	ASSERT_GE(self->dev, 0);
	ASSERT_GE(self->job, 0);
	self->fd = variant->on_job ? self->job : self->dev;
	self->target = spawn(self->job, 0, member, ready);
	ASSERT_TRUE(gate_wait(ready, 1));
	ASSERT_EQ(0, jt_which(self->target, &which));

	self->size = _IOC_SIZE(variant->cmd);
	self->good = calloc(1, AREA);
	self->buf = calloc(1, AREA);
	fill_good(_IOC_NR(variant->cmd), id, self->target, which.start_time, self->good);
	memcpy(self->buf, self->good, AREA);
	ASSERT_EQ(0, jt_info(&self->before));
	self->open_fds = open_fds();
}

FIXTURE_TEARDOWN(ioctl)
{
	kill(self->target, SIGKILL);	/* the test may be a member, too */
	waitpid(self->target, NULL, 0);
	close(self->job);
	close(self->dev);
}

static unsigned long sized(unsigned long cmd, size_t size)
{
	return _IOC(_IOC_DIR(cmd), _IOC_TYPE(cmd), _IOC_NR(cmd), size);
}

/* Whether it returned @want; a fd that a success gave is closed */
static int call(FIXTURE_DATA(ioctl) *self, unsigned long cmd, void *arg)
{
	int ret = jt_ioctl(self->fd, cmd, arg);

	if (ret > 0) {
		if (!(fcntl(ret, F_GETFD) & FD_CLOEXEC))
			ret = -EPROTO;
		else
			close(ret);
	}
	return ret < 0 ? ret : 0;
}

/* Refused calls have done nothing: no job, no fd, no signal, no move */
static void expect_nothing_done(struct __test_metadata *_metadata, FIXTURE_DATA(ioctl) *self)
{
	struct jobtrack_info now;

	ASSERT_EQ(0, jt_info(&now));
	EXPECT_EQ(self->before.jobs, now.jobs);
	EXPECT_EQ(self->before.signals, now.signals);
	EXPECT_EQ(self->before.joined, now.joined);
	EXPECT_EQ(self->before.members, now.members);
	EXPECT_EQ(self->open_fds, open_fds());
	EXPECT_EQ(1, live_threads(self->target));
}

TEST_F(ioctl, good_call_succeeds)
{
	EXPECT_EQ(0, call(self, variant->cmd, self->buf));
}

TEST_F(ioctl, unknown_number)
{
	unsigned int dir = _IOC_DIR(variant->cmd), nr = _IOC_NR(variant->cmd);
	int wrong_fd = variant->on_job ? self->dev : self->job;

	/* another number, type, direction; the device's on a job's fd and the reverse */
	EXPECT_EQ(-ENOTTY, call(self, _IOC(dir, JOBTRACK_IOC_TYPE, nr + 0x20, self->size),
				self->buf));
	EXPECT_EQ(-ENOTTY, call(self, _IOC(dir, JOBTRACK_IOC_TYPE + 1, nr, self->size),
				self->buf));
	EXPECT_EQ(-ENOTTY, call(self, _IOC(dir ^ _IOC_READ, JOBTRACK_IOC_TYPE, nr, self->size),
				self->buf));
	EXPECT_EQ(-ENOTTY, call(self, _IO(JOBTRACK_IOC_TYPE, nr), self->buf));
	EXPECT_EQ(-ENOTTY, jt_ioctl(wrong_fd, variant->cmd, self->buf));
	/* ENOTTY wins over a size that cannot be, and over the pointer */
	EXPECT_EQ(-ENOTTY, jt_ioctl(wrong_fd, sized(variant->cmd, 0), NULL));
	expect_nothing_done(_metadata, self);
}

TEST_F(ioctl, size_that_cannot_be)
{
	EXPECT_EQ(-EINVAL, call(self, sized(variant->cmd, 0), self->buf));
	EXPECT_EQ(-EINVAL, call(self, sized(variant->cmd, 1), self->buf));
	EXPECT_EQ(-EINVAL, call(self, sized(variant->cmd, self->size - 1), self->buf));
	EXPECT_EQ(-EINVAL, call(self, sized(variant->cmd, self->size - 8), self->buf));
	EXPECT_EQ(-EINVAL, call(self, sized(variant->cmd, 4097), self->buf));
	EXPECT_EQ(-EINVAL, call(self, sized(variant->cmd, _IOC_SIZEMASK), self->buf));
	/* and the pointer is not looked at */
	EXPECT_EQ(-EINVAL, call(self, sized(variant->cmd, self->size - 1), NULL));
	expect_nothing_done(_metadata, self);
}

/* A caller that was built with a larger struct */
TEST_F(ioctl, grown_struct)
{
	static const size_t grown[] = { 1, 8, 64 };

	for (int i = 0; i < 3; i++) {
		size_t size = self->size + grown[i];

		memcpy(self->buf, self->good, AREA);
		self->buf[size - 1] = 1;
		if (variant->reads) {
			EXPECT_EQ(-E2BIG, call(self, sized(variant->cmd, size), self->buf))
				TH_LOG("%zu bytes", size);
			expect_nothing_done(_metadata, self);
		} else {	/* nothing is read, and the tail is zeroed */
			EXPECT_EQ(0, call(self, sized(variant->cmd, size), self->buf));
			EXPECT_EQ(0, self->buf[size - 1]);
		}
	}
	/* which wins over what is wrong with the part that is known */
	if (variant->strict[0].size) {
		memset(self->buf, 0xcc, AREA);
		EXPECT_EQ(-E2BIG, call(self, sized(variant->cmd, self->size + 8), self->buf));
	}
	memcpy(self->buf, self->good, AREA);
	EXPECT_EQ(0, call(self, sized(variant->cmd, 4096), self->buf));
}

/* What is beyond the caller's size is not touched. */
TEST_F(ioctl, writes_no_more_than_asked)
{
	memset(self->buf + self->size, 0xcc, 64);
	EXPECT_EQ(0, call(self, variant->cmd, self->buf));
	for (int i = 0; i < 64; i++) {
		unsigned char byte = self->buf[self->size + i];

		EXPECT_EQ(0xcc, byte);
	}
}

/* Each byte of what must be 0, one at a time */
TEST_F(ioctl, unknown_bits)
{
	for (int i = 0; i < 8 && variant->strict[i].size; i++) {
		const struct field *f = &variant->strict[i];

		for (size_t byte = 0; byte < f->size; byte++) {
			memcpy(self->buf, self->good, AREA);
			self->buf[f->offset + byte] = 0x80;
			EXPECT_EQ(-EINVAL, call(self, variant->cmd, self->buf))
				TH_LOG("byte %zu", f->offset + byte);
		}
	}
	if (variant->strict[0].size)
		expect_nothing_done(_metadata, self);
	/* what has no input does not mind rubbish */
	memset(self->buf, 0xcc, AREA);
	EXPECT_EQ(variant->reads ? -EINVAL : 0, call(self, variant->cmd, self->buf));
}

/* No output may keep what the caller, or the kernel's stack, had there. */
TEST_F(ioctl, outputs_are_written)
{
	unsigned char *again;

	if (variant->reads)
		return;
	again = malloc(AREA);
	ASSERT_NE(NULL, again);
	memset(self->buf, 0xcc, AREA);
	memset(again, 0x33, AREA);
	EXPECT_EQ(0, call(self, variant->cmd, self->buf));
	EXPECT_EQ(0, call(self, variant->cmd, again));
	EXPECT_EQ(0, memcmp(self->buf, again, self->size));
	free(again);
}

TEST_F(ioctl, bad_pointers)
{
	unsigned char *page = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char *edge = page + 2 * 4096 - self->size + 1;

	ASSERT_NE(MAP_FAILED, page);
	munmap(page + 2 * 4096, 4096);
	EXPECT_EQ(-EFAULT, call(self, variant->cmd, NULL));
	EXPECT_EQ(-EFAULT, call(self, variant->cmd, page + 2 * 4096));
	EXPECT_EQ(-EFAULT, call(self, variant->cmd, (void *)-1UL));
	EXPECT_EQ(-EFAULT, call(self, variant->cmd, (void *)0xffffffff81000000UL));
	/* the last byte of the struct is not there */
	memcpy(edge, self->good, self->size - 1);
	EXPECT_EQ(-EFAULT, call(self, variant->cmd, edge));
	expect_nothing_done(_metadata, self);

	/* the input can be read, the output cannot be written */
	memcpy(page, self->good, self->size);
	ASSERT_EQ(0, mprotect(page, 4096, PROT_READ));
	EXPECT_EQ(variant->writes ? -EFAULT : 0, call(self, variant->cmd, page));
	if (variant->writes)
		expect_nothing_done(_metadata, self);
}

TEST_F(ioctl, no_fd_left)
{
	struct rlimit limit = { .rlim_max = 1024 };
	int dups[48], n = 0, fd;

	/* count now: reading /proc would need an fd, too */
	while ((fd = dup(0)) >= 0 && fd < 48)
		dups[n++] = fd;
	ASSERT_GE(fd, 48);
	limit.rlim_cur = fd;
	close(fd);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(variant->gives_fd ? -EMFILE : 0, call(self, variant->cmd, self->buf));
	limit.rlim_cur = 1024;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	while (n--)
		close(dups[n]);
	if (variant->gives_fd)
		expect_nothing_done(_metadata, self);
}

#ifdef __x86_64__
/* The system call as a 32-bit program makes it; its pointers have 32 bits, too */
static int ioctl32(int fd, unsigned int cmd, void *arg)
{
	int ret = 54;	/* ioctl */

	asm volatile("int $0x80" : "+a" (ret)
		     : "b" (fd), "c" (cmd), "d" ((uint32_t)(uintptr_t)arg)
		     : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

TEST_F(ioctl, from_32_bits)
{
	unsigned char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int ret;

	ASSERT_NE(MAP_FAILED, low);
	memcpy(low, self->good, self->size);
	ret = ioctl32(self->fd, variant->cmd, low);
	if (ret == -ENOSYS)
		SKIP(return, "this kernel runs no 32-bit programs");
	EXPECT_LE(0, ret);
	/* both callers are told the same */
	EXPECT_EQ(0, call(self, variant->cmd, self->buf));
	if (ret > 0)
		close(ret);
	if (variant->cmd == JOBTRACK_IOC_OPEN || variant->cmd == JOBTRACK_IOC_WHICH) {
		int differ = memcmp(low, self->buf, self->size);

		EXPECT_EQ(0, differ);
	}
	EXPECT_EQ(-EFAULT, ioctl32(self->fd, variant->cmd, NULL));
	EXPECT_EQ(-EINVAL, ioctl32(self->fd, sized(variant->cmd, self->size - 1), low));
	EXPECT_EQ(-ENOTTY, ioctl32(self->fd, sized(variant->cmd, self->size) + 0x20, low));
}
#endif

/* The rows' fds are for reading, a job's and the device's are not. */
TEST_F(ioctl, fd_of_another_kind)
{
	struct jobtrack_snapshot arg = { .flags = 0 };
	int snap = jt_ioctl(self->job, JOBTRACK_IOC_SNAPSHOT, &arg);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char byte;

	ASSERT_GE(snap, 0);
	ASSERT_GE(null, 0);
	EXPECT_EQ(-ENOTTY, jt_ioctl(snap, variant->cmd, self->buf));
	EXPECT_EQ(-ENOTTY, jt_ioctl(null, variant->cmd, self->buf));
	EXPECT_EQ(-1, write(snap, &byte, 1));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, read(self->fd, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(self->fd, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	close(snap);
	close(null);
	expect_nothing_done(_metadata, self);
}

TEST_HARNESS_MAIN
