// SPDX-License-Identifier: GPL-2.0
/*
 * What a user without privilege can make the kernel hold: a number of jobs and a
 * number of bytes of lists, whatever process, job or user namespace asks.
 */
#include "common/proc.h"

#include <sys/resource.h>

#define PARAMETERS	"/sys/module/jobtrack/parameters/"
#define JOBS		300		/* of a user */
#define ROWS_MIB	1
#define USERS		16		/* all together may have what so many may */
#define SOME		100		/* by which a quota is left to be filled */
#define LEASED		100000		/* the first ID that a namespace is lent */

static bool set_limit(const char *name, unsigned int value)
{
	char path[96], text[16];

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	snprintf(text, sizeof(text), "%u", value);
	return write_file(path, text) == 0;
}

FIXTURE(quota) {
	struct gate *gate;
	int job;
	uint64_t id;
};

FIXTURE_SETUP(quota)
{
	REQUIRE_MODULE();
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 16384, 16384 }));
	ASSERT_TRUE(set_limit("user_jobs", JOBS));
	ASSERT_TRUE(set_limit("user_rows_mib", ROWS_MIB));
	self->gate = shared(4 * sizeof(*self->gate));
	self->job = jt_create_for(OWNER, NULL, &self->id);
	ASSERT_LE(0, self->job);
}

FIXTURE_TEARDOWN(quota)
{
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_TRUE(jt_wait_empty(self->job));
	close(self->job);
	EXPECT_TRUE(set_limit("user_jobs", 4096));
	EXPECT_TRUE(set_limit("user_rows_mib", 64));
}

/* ------------------------------------------------------------------------- jobs */

static int one_more(void *arg)
{
	int *fd = arg, job = jt_create(0, 0, NULL, NULL);

	if (fd)
		*fd = job;
	return job < 0 ? -job : 0;
}

/* How many can be made; @last is the fd of the last one */
static int make_all(int *last)
{
	int fd, n = 0;

	while ((fd = jt_create(0, 0, NULL, NULL)) >= 0) {
		*last = fd;
		n++;
	}
	CHECK_EQ(-EDQUOT, fd);
	return n;
}

static int makes_some_below(void *arg)
{
	for (int i = 0; i < SOME; i++)
		CHECK(jt_create(0, 0, NULL, NULL) >= 0);
	gate_add(arg, 1);
	return sleeper(NULL);
}

/* As many as there may be; the others were made below a job of root's */
static int makes_too_many(void *arg)
{
	int last = -1;

	CHECK_EQ(JOBS - SOME, make_all(&last));
	CHECK_EQ(EDQUOT, reap(spawn(-1, 0, one_more, NULL)));
	gate_add(arg, 1);
	CHECK(gate_wait(arg, 2));
	/* at a time: one ends, one can be made */
	close(last);
	CHECK_EQ(0, one_more(&last));
	CHECK_EQ(EDQUOT, one_more(NULL));
	return 0;
}

/* As an ID of a user namespace, which root has lent it: newuidmap(1) does so. */
static int one_more_by_another_id(void *arg)
{
	CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);	/* root of its namespace owns /proc/self */
	CHECK(unshare(CLONE_NEWUSER) == 0);
	gate_add(arg, 1);
	CHECK(gate_wait(arg, 2));
	CHECK(setuid(1) == 0);
	return one_more(NULL);
}

/* In a namespace of root's making: one ID makes all it may, and then another may. */
static int makes_too_many_by_one_id(void *arg)
{
	int last;

	CHECK(unshare(CLONE_NEWUSER) == 0);
	gate_add(arg, 1);
	CHECK(gate_wait(arg, 2));
	CHECK(setresuid(1, 1, 2) == 0);
	CHECK_EQ(JOBS, make_all(&last));
	CHECK(setresuid(2, 2, 2) == 0);
	return one_more(NULL);
}

/* Lends a child the IDs that it waits for, and tells how it ended. */
static int reap_lent(pid_t pid, struct gate *gate)
{
	char path[64];
	int fd;

	if (!gate_wait(gate, 1))
		return -ETIMEDOUT;
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || dprintf(fd, "0 %d 100", LEASED) < 0)
		return -errno;
	close(fd);
	gate_add(gate, 1);
	return reap(pid);
}

TEST_F(quota, jobs)
{
	struct gate *below = self->gate, *full = below + 1, *alias = below + 2, *root = below + 3;
	pid_t hoarder;

	ASSERT_LT(0, spawn(self->job, OWNER, makes_some_below, below));
	ASSERT_TRUE(gate_wait(below, 1));
	hoarder = spawn(-1, OWNER, makes_too_many, full);
	ASSERT_TRUE(gate_wait(full, 1));
	EXPECT_EQ(EDQUOT, reap_lent(spawn(-1, OWNER, one_more_by_another_id, alias), alias));
	/* it is nobody else's: not a stranger's, or root's */
	EXPECT_EQ(0, reap(spawn(-1, STRANGER, one_more, NULL)));
	EXPECT_EQ(0, reap(spawn(-1, 0, one_more, NULL)));
	EXPECT_EQ(0, reap_lent(spawn(-1, 0, makes_too_many_by_one_id, root), root));
	gate_add(full, 1);
	EXPECT_EQ(0, reap(hoarder));
	/* and given back */
	EXPECT_EQ(0, reap(spawn(-1, OWNER, one_more, NULL)));
}

static int makes_all(void *arg)
{
	int last;

	CHECK_EQ(JOBS, make_all(&last));
	gate_add(arg, 1);
	return sleeper(NULL);
}

/* Many users together are no better off than some. */
TEST_F(quota, jobs_of_all_users)
{
	pid_t pid[USERS];

	for (int i = 0; i < USERS; i++) {
		pid[i] = spawn(-1, LEASED + i, makes_all, self->gate);
		ASSERT_TRUE(gate_wait(self->gate, i + 1));
	}
	EXPECT_EQ(EDQUOT, reap(spawn(-1, OWNER, one_more, NULL)));
	EXPECT_EQ(0, reap(spawn(-1, 0, one_more, NULL)));
	for (int i = 0; i < USERS; i++) {
		kill(pid[i], SIGKILL);
		EXPECT_EQ(128 + SIGKILL, reap(pid[i]));
		EXPECT_EQ(0, reap(spawn(-1, OWNER, one_more, NULL)));
	}
}

/* What was not made is not charged, however far it came. */
static int fails_often(void *arg)
{
	struct jobtrack_create *faulty = mmap(NULL, sizeof(*faulty), PROT_READ,
					      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct rlimit limit = { 3, 16384 };
	uint64_t killed;
	int fd, last;

	CHECK(jt_create(0, 0, "taken", NULL) >= 0);
	fd = jt_create(0, 0, NULL, &killed);
	CHECK(fd >= 0);
	CHECK_EQ(0, jt_signal(fd, SIGKILL, NULL));
	for (int i = 0; i < 2 * JOBS; i++) {
		CHECK_EQ(-EEXIST, jt_create(0, 0, "taken", NULL));
		CHECK_EQ(-ECANCELED, jt_create(0, killed, NULL, NULL));
		CHECK_EQ(-EFAULT, jt_device(JOBTRACK_IOC_CREATE, faulty));
	}
	fd = open(JOBTRACK_DEVICE, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0 && setrlimit(RLIMIT_NOFILE, &limit) == 0);
	for (int i = 0; i < 2 * JOBS; i++)
		CHECK_EQ(-EMFILE, jt_ioctl(fd, JOBTRACK_IOC_CREATE,
					   &(struct jobtrack_create){ .flags = 0 }));
	limit.rlim_cur = limit.rlim_max;
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	CHECK_EQ(JOBS - 2, make_all(&last));
	return 0;
}

TEST_F(quota, failures_cost_nothing)
{
	EXPECT_EQ(0, reap(spawn(-1, OWNER, fails_often, NULL)));
}

/* ------------------------------------------------------------------------- rows */

static int list_once(void *unused)
{
	struct jobtrack_list list = { .flags = 0 };
	int fd = jt_device(JOBTRACK_IOC_LIST, &list);

	return fd < 0 ? -fd : 0;
}

static int snapshot_once(void *arg)
{
	struct jobtrack_row *rows;
	int n = jt_snapshot(*(int *)arg, &rows, NULL);

	return n < 0 ? -n : 0;
}

static int lists_too_often(void *arg)
{
	const uint64_t max = ROWS_MIB << 20;
	uint64_t held = 0, size = 0;
	int fd, last = -1;

	CHECK_EQ(JOBS, make_all(&last));
	for (;;) {
		struct jobtrack_list list = { .flags = 0 };

		fd = jt_device(JOBTRACK_IOC_LIST, &list);
		if (fd < 0)
			break;
		CHECK(list.count >= JOBS);
		size = list.count * list.row_size;
		held += size;
		last = fd;
	}
	CHECK_EQ(-EDQUOT, fd);
	CHECK(held <= max && held + 2 * size > max);
	CHECK_EQ(EDQUOT, reap(spawn(-1, 0, list_once, NULL)));
	gate_add(arg, 1);
	CHECK(gate_wait(arg, 2));
	close(last);
	CHECK_EQ(0, reap(spawn(-1, 0, list_once, NULL)));
	return 0;
}

TEST_F(quota, lists)
{
	pid_t hoarder = spawn(-1, OWNER, lists_too_often, self->gate);

	ASSERT_TRUE(gate_wait(self->gate, 1));
	EXPECT_EQ(0, reap(spawn(-1, STRANGER, list_once, NULL)));
	EXPECT_EQ(0, reap(spawn(-1, 0, list_once, NULL)));
	EXPECT_EQ(EDQUOT, reap(spawn(-1, OWNER, list_once, NULL)));
	gate_add(self->gate, 1);
	EXPECT_EQ(0, reap(hoarder));
	EXPECT_EQ(0, reap(spawn(-1, OWNER, list_once, NULL)));
}

struct snapshots {
	int job;
	struct gate full;
};

static int snapshots_too_often(void *arg)
{
	struct snapshots *all = arg;
	int fd, n = 0;

	do {
		fd = jt_ioctl(all->job, JOBTRACK_IOC_SNAPSHOT,
			      &(struct jobtrack_snapshot){ .flags = 0 });
	} while (fd >= 0 && ++n);
	CHECK_EQ(-EDQUOT, fd);
	CHECK(n > 1000 && n * sizeof(struct jobtrack_row) <= ROWS_MIB << 20);
	gate_add(&all->full, 1);
	return sleeper(NULL);
}

/* One that is refused holds up nothing in its tree. */
TEST_F(quota, snapshots)
{
	struct snapshots *all = shared(sizeof(*all));
	pid_t hoarder, member;

	all->job = self->job;
	member = spawn(self->job, OWNER, sleeper, NULL);
	ASSERT_TRUE(WAIT_UNTIL(jt_job_of(member) == (int64_t)self->id));
	hoarder = spawn(-1, OWNER, snapshots_too_often, all);
	ASSERT_TRUE(gate_wait(&all->full, 1));
	EXPECT_EQ(EDQUOT, reap(spawn(-1, OWNER, snapshot_once, &self->job)));
	EXPECT_EQ(0, snapshot_once(&self->job));
	member = spawn(self->job, OWNER, sleeper, NULL);	/* it enters */
	ASSERT_TRUE(WAIT_UNTIL(jt_job_of(member) == (int64_t)self->id));
	kill(hoarder, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, reap(hoarder));
	EXPECT_EQ(0, reap(spawn(-1, OWNER, snapshot_once, &self->job)));
}

TEST_HARNESS_MAIN
