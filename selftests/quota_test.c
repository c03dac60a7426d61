// SPDX-License-Identifier: GPL-2.0
/*
 * What a user without privilege can make the kernel hold: a number of jobs and a
 * number of bytes of lists, whatever process, job or user namespace asks.
 */
#include "common/test.h"

#include <sys/resource.h>

#define SOME	100		/* by which a quota is left to be filled */

FIXTURE(quota) {
	int job;
	uint64_t id;
};

FIXTURE_SETUP(quota)
{
	REQUIRE_MODULE();
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 16384, 16384 }));
	self->job = jt_create_for(OWNER, NULL, &self->id);
	ASSERT_LE(0, self->job);
}

FIXTURE_TEARDOWN(quota)
{
	close(self->job);
}

static int one_more(void *arg)
{
	int *fd = arg, job = jt_create(0, 0, NULL, NULL);

	if (fd)
		*fd = job;
	return job < 0 ? -job : 0;
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

static bool lend_ids(pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && dprintf(fd, "0 100000 100") > 0 && close(fd) == 0;
}

static int makes_some_below(void *arg)
{
	struct gate *gate = arg;

	for (int i = 0; i < SOME; i++)
		CHECK(jt_create(0, 0, NULL, NULL) >= 0);
	gate_add(gate, 1);
	return sleeper(NULL);
}

/* As many as there may be; the others are made below @job */
static int makes_too_many(void *arg)
{
	int fd, last = -1, n = SOME;

	while ((fd = jt_create(0, 0, NULL, NULL)) >= 0) {
		last = fd;
		n++;
	}
	CHECK_EQ(-EDQUOT, fd);
	CHECK_EQ(JOBTRACK_MAX_USER_JOBS, n);
	CHECK_EQ(EDQUOT, reap(spawn(-1, 0, one_more, NULL)));
	gate_add(arg, 1);
	CHECK(gate_wait(arg, 2));
	/* at a time: one ends, one can be made */
	close(last);
	CHECK_EQ(0, one_more(&last));
	CHECK_EQ(EDQUOT, one_more(NULL));
	return 0;
}

TEST_F(quota, jobs)
{
	struct gate *gate = shared(4 * sizeof(*gate));
	struct gate *below = &gate[0], *full = &gate[1], *alias = &gate[2], *root = &gate[3];
	pid_t member, hoarder, other;

	member = spawn(self->job, OWNER, makes_some_below, below);
	ASSERT_TRUE(gate_wait(below, 1));
	hoarder = spawn(-1, OWNER, makes_too_many, full);
	ASSERT_TRUE(gate_wait(full, 1));
	other = spawn(-1, OWNER, one_more_by_another_id, alias);
	ASSERT_TRUE(gate_wait(alias, 1));
	ASSERT_TRUE(lend_ids(other));
	gate_add(alias, 1);
	EXPECT_EQ(EDQUOT, reap(other));
	/* it is nobody else's: not a stranger's, root's, or a container's of root's making */
	EXPECT_EQ(0, reap(spawn(-1, STRANGER, one_more, NULL)));
	EXPECT_EQ(0, reap(spawn(-1, 0, one_more, NULL)));
	other = spawn(-1, 0, one_more_by_another_id, root);
	ASSERT_TRUE(gate_wait(root, 1));
	ASSERT_TRUE(lend_ids(other));
	gate_add(root, 1);
	EXPECT_EQ(0, reap(other));
	gate_add(full, 1);
	EXPECT_EQ(0, reap(hoarder));
	/* and given back */
	EXPECT_EQ(0, reap(spawn(-1, OWNER, one_more, NULL)));
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_EQ(128 + SIGKILL, reap(member));
}

#define LISTED	4000		/* jobs: so that few lists fill the quota */

static int list_once(void *unused)
{
	struct jobtrack_list list = { .flags = 0 };
	int fd = jt_device(JOBTRACK_IOC_LIST, &list);

	return fd < 0 ? -fd : 0;
}

static int lists_too_often(void *arg)
{
	uint64_t list_size = LISTED * sizeof(struct jobtrack_job), held = 0;
	int fd, last = -1;

	for (int i = 0; i < LISTED; i++)
		CHECK(jt_create(0, 0, NULL, NULL) >= 0);
	for (;;) {
		struct jobtrack_list list = { .flags = 0 };

		fd = jt_device(JOBTRACK_IOC_LIST, &list);
		if (fd < 0)
			break;
		CHECK(list.count >= LISTED);
		held += list.count * list.row_size;
		last = fd;
	}
	CHECK_EQ(-EDQUOT, fd);
	CHECK(held <= JOBTRACK_MAX_USER_ROWS && held + 2 * list_size > JOBTRACK_MAX_USER_ROWS);
	CHECK_EQ(EDQUOT, reap(spawn(-1, 0, list_once, NULL)));
	gate_add(arg, 1);
	CHECK(gate_wait(arg, 2));
	close(last);
	CHECK_EQ(0, reap(spawn(-1, 0, list_once, NULL)));
	return 0;
}

static int snapshot_once(void *arg)
{
	struct jobtrack_row *rows;
	int n = jt_snapshot(*(int *)arg, &rows, NULL);

	return n < 0 ? -n : 0;
}

TEST_F(quota, rows)
{
	struct gate *full = shared(sizeof(*full));
	pid_t hoarder = spawn(-1, OWNER, lists_too_often, full);
	pid_t member = spawn(self->job, OWNER, sleeper, NULL);

	ASSERT_TRUE(gate_wait(full, 1));
	ASSERT_TRUE(WAIT_UNTIL(jt_job_of(member) == (int64_t)self->id));
	EXPECT_EQ(0, reap(spawn(-1, STRANGER, list_once, NULL)));
	EXPECT_EQ(0, reap(spawn(-1, 0, list_once, NULL)));
	/* few rows may yet fit, a list of all jobs does not */
	EXPECT_EQ(EDQUOT, reap(spawn(-1, OWNER, list_once, NULL)));
	EXPECT_EQ(0, reap(spawn(-1, OWNER, snapshot_once, &self->job)));
	gate_add(full, 1);
	EXPECT_EQ(0, reap(hoarder));
	EXPECT_EQ(0, reap(spawn(-1, OWNER, list_once, NULL)));
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_EQ(128 + SIGKILL, reap(member));
}

TEST_HARNESS_MAIN
