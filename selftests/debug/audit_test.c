// SPDX-License-Identifier: GPL-2.0
/*
 * P6: the audit finds each kind of fault that can be planted, and nothing where
 * processes are born, leave and join by the thousand.
 */
#include "../common/adversary.h"
#include "../common/debug.h"
#include "../common/module.h"

#define STORM_MS	5000
#define STORMS		6

FIXTURE(audit)
{
	int job, other;
	uint64_t id, other_id;
};

FIXTURE_SETUP(audit)
{
	REQUIRE_MODULE();
	ASSERT_TRUE(reset_rules());
	ASSERT_TRUE(clear_user(OWNER));
	self->job = jt_create_for(OWNER, NULL, &self->id);
	ASSERT_LE(0, self->job);
	self->other = jt_create_for(OWNER, NULL, &self->other_id);
	ASSERT_LE(0, self->other);
}

FIXTURE_TEARDOWN(audit)
{
	if (access(SYS_DIR, F_OK))	/* a test has forced it out */
		return;
	EXPECT_TRUE(reset_rules());
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_EQ(0, jt_signal(self->other, SIGKILL, NULL));
	EXPECT_TRUE(jt_wait_empty(self->job));
	EXPECT_TRUE(jt_wait_empty(self->other));
	EXPECT_TRUE(clear_user(OWNER));
}

#define MAX_FINDINGS	64

/* Take an audit: its first findings, how many there are, or an error */
static int take(struct jobtrack_audit *audit, struct jobtrack_finding *findings)
{
	ssize_t size = MAX_FINDINGS * sizeof(*findings);
	int fd;

	memset(audit, 0, sizeof(*audit));
	fd = jt_device(JOBTRACK_IOC_AUDIT, audit);
	if (fd < 0)
		return fd;
	CHECK_EQ(sizeof(*findings), audit->row_size);
	size = read(fd, findings, size);
	close(fd);
	CHECK(size >= 0 && (audit->count > MAX_FINDINGS ||
			    (uint64_t)size == audit->count * sizeof(*findings)));
	return audit->count;
}

/* ----------------------------------------------------------------- what is planted */

static struct {
	struct gate forked, go;
	pid_t child, parent;
} *plot;

static int escaped_child(void *unused)
{
	pid_t child = fork();

	if (!child)
		return sleeper(NULL);
	plot->parent = getpid();
	plot->child = child;
	gate_add(&plot->forked, 1);
	return sleeper(NULL);
}

/* A member whose child no probe sees */
static void plant_child(struct __test_metadata *_metadata, FIXTURE_DATA(audit) *self)
{
	plot = shared(sizeof(*plot));
	ASSERT_TRUE(set_rules(HIDE_BIRTH | BLIND, DEFAULT_BATCH, 0));
	ASSERT_LT(0, spawn(self->job, OWNER, escaped_child, NULL));
	ASSERT_TRUE(gate_wait(&plot->forked, 1));
	ASSERT_TRUE(reset_rules());
	ASSERT_EQ(0, jt_job_of(plot->child));
}

TEST_F(audit, finds_who_escaped)
{
	struct jobtrack_finding found[MAX_FINDINGS];
	struct jobtrack_audit audit;
	struct jobtrack_which which;

	ASSERT_EQ(0, take(&audit, found));
	plant_child(_metadata, self);
	ASSERT_EQ(1, take(&audit, found));
	EXPECT_EQ(JOBTRACK_FINDING_ESCAPED, found[0].kind);
	EXPECT_EQ(plot->child, found[0].pid);
	EXPECT_EQ(plot->parent, found[0].parent);
	EXPECT_EQ(self->id, found[0].job);
	ASSERT_EQ(0, jt_which(plot->child, &which));
	EXPECT_EQ(which.start_time, found[0].start_time);

	/* it is found in another tree as well */
	ASSERT_EQ(0, jt_tag(self->other, plot->child));
	ASSERT_EQ(1, take(&audit, found));
	EXPECT_EQ(JOBTRACK_FINDING_ASTRAY, found[0].kind);
	EXPECT_EQ(plot->child, found[0].pid);

	/* an orphan is nobody's */
	ASSERT_EQ(0, kill(plot->parent, SIGKILL));
	EXPECT_TRUE(WAIT_UNTIL(take(&audit, found) == 0));
}

/* Forks a child, which makes itself a sibling when told */
static int parent_of_two(void *unused)
{
	pid_t child = fork();

	if (!child) {
		CHECK(gate_wait(&plot->go, 1));
		if (syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0))
			gate_add(&plot->forked, 1);
		return sleeper(NULL);
	}
	plot->child = child;
	gate_add(&plot->forked, 1);
	return sleeper(NULL);
}

/* Whether a later child is right where its parent was tagged, nobody can tell. */
TEST_F(audit, leaves_undecided)
{
	struct jobtrack_finding found[MAX_FINDINGS];
	struct jobtrack_audit audit;
	pid_t pid;

	plot = shared(sizeof(*plot));
	pid = spawn(-1, OWNER, parent_of_two, NULL);
	ASSERT_TRUE(gate_wait(&plot->forked, 1));
	ASSERT_EQ(0, jt_tag(self->job, pid));
	EXPECT_EQ(0, take(&audit, found));	/* the first was there before */
	EXPECT_EQ(0, audit.undecided);
	EXPECT_EQ(1, audit.members);
	EXPECT_LE(2, audit.jobs);
	EXPECT_LE(3, audit.processes);

	gate_add(&plot->go, 1);
	ASSERT_TRUE(gate_wait(&plot->forked, 2));
	EXPECT_EQ(0, take(&audit, found));
	EXPECT_EQ(1, audit.undecided);
}

static int namespace_of_its_own(void *unused)
{
	pid_t pid;

	CHECK(unshare(CLONE_NEWPID) == 0);
	pid = fork();
	if (!pid) {
		gate_add(&plot->forked, 1);
		return sleeper(NULL);
	}
	plot->parent = pid;
	return 0;
}

/* Who comes by setns(2), and leaves an orphan */
static int visitor(void *init)
{
	int pidfd = syscall(SYS_pidfd_open, *(pid_t *)init, 0);
	pid_t pid;

	CHECK(pidfd >= 0 && setns(pidfd, CLONE_NEWPID) == 0);
	pid = fork();
	if (!pid) {
		if (fork())
			_exit(0);
		gate_add(&plot->forked, 1);
		return sleeper(NULL);
	}
	CHECK(waitpid(pid, NULL, 0) == pid);
	return 0;
}

/* Nor where it is the init of a PID namespace, which adopts strangers' orphans. */
TEST_F(audit, leaves_the_adopted_undecided)
{
	struct jobtrack_finding found[MAX_FINDINGS];
	struct jobtrack_audit audit;

	plot = shared(sizeof(*plot));
	ASSERT_EQ(0, reap(spawn(self->job, 0, namespace_of_its_own, NULL)));
	ASSERT_TRUE(gate_wait(&plot->forked, 1));
	ASSERT_EQ((int64_t)self->id, jt_job_of(plot->parent));
	EXPECT_EQ(0, reap(spawn(-1, 0, visitor, &plot->parent)));
	ASSERT_TRUE(gate_wait(&plot->forked, 2));
	EXPECT_EQ(0, take(&audit, found));
	EXPECT_EQ(1, audit.undecided);
}

static int dies(void *unused)
{
	CHECK(gate_wait(&plot->go, 1));
	return 0;
}

/* A member that exits when told */
static pid_t mortal(FIXTURE_DATA(audit) *self)
{
	pid_t pid;

	plot = shared(sizeof(*plot));
	pid = spawn(self->job, OWNER, dies, NULL);
	return WAIT_UNTIL(jt_job_of(pid) == (int64_t)self->id) ? pid : -1;
}

#define FORGOTTEN	9	/* one more than an audit waits for */
#define FIRST_MS	10000	/* for the first of them, and a second for each other */

/*
 * Those that are gone and taken for leaving: a sweep would have come by. It is not
 * waited for as long by each.
 */
TEST_F_TIMEOUT(audit, finds_who_is_forgotten, 100)
{
	struct jobtrack_finding found[MAX_FINDINGS];
	struct jobtrack_audit audit;
	struct jobtrack_job state;
	pid_t pids[FORGOTTEN];
	uint64_t began;
	int n, i;

	plot = shared(sizeof(*plot));
	for (i = 0; i < FORGOTTEN; i++)
		pids[i] = spawn(self->job, OWNER, dies, NULL);
	ASSERT_TRUE(WAIT_UNTIL(jt_state(self->job, &state) == 0 && state.procs == FORGOTTEN));
	ASSERT_TRUE(set_rules(FORGET, DEFAULT_BATCH, 0));
	gate_add(&plot->go, 1);
	for (i = 0; i < FORGOTTEN; i++)
		ASSERT_EQ(0, reap(pids[i]));

	began = now_ns();
	ASSERT_EQ(FORGOTTEN - 1, take(&audit, found));
	EXPECT_LE(FIRST_MS * NSEC_PER_MSEC, now_ns() - began);
	EXPECT_GT(3 * FIRST_MS * how_slow() * NSEC_PER_MSEC, now_ns() - began);
	for (n = 0; n < FORGOTTEN - 1; n++) {
		EXPECT_EQ(JOBTRACK_FINDING_UNKNOWN, found[n].kind);
		EXPECT_EQ(self->id, found[n].job);
		for (i = 0; i < FORGOTTEN && pids[i] != found[n].pid; i++)
			;
		ASSERT_LT(i, FORGOTTEN);
		pids[i] = 0;	/* each is told once */
	}
	ASSERT_TRUE(reset_rules());
	EXPECT_EQ(0, take(&audit, found));
}

TEST_F(audit, finds_wrong_counts)
{
	struct jobtrack_finding found[MAX_FINDINGS];
	struct jobtrack_audit audit;
	pid_t pid;

	ASSERT_TRUE(set_rules(MISCOUNT, DEFAULT_BATCH, 0));
	pid = mortal(self);
	ASSERT_LT(0, pid);
	ASSERT_EQ(2, take(&audit, found));
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(i ? JOBTRACK_FINDING_TREE_COUNT : JOBTRACK_FINDING_COUNT, found[i].kind);
		EXPECT_EQ(self->id, found[i].job);
		EXPECT_EQ(2, found[i].counted);
		EXPECT_EQ(1, found[i].found);
	}
	gate_add(&plot->go, 1);
	EXPECT_EQ(0, reap(pid));
	EXPECT_TRUE(jt_wait_empty(self->job));
}

/* --------------------------------------------------------------------- no false alarm */

static int breed(void *unused)
{
	while (!plot->go.value) {
		pid_t pid = fork();

		if (pid < 0)
			nap_us(500);
		if (!pid) {
			if (!fork() && !vfork())
				_exit(0);
			_exit(0);
		}
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	return 0;
}

/* Enters with a child that it has already, and lives for a moment */
static int enters(void *job)
{
	while (!plot->go.value) {
		pid_t pid = fork();

		if (!pid) {
			if (!fork())
				return nap_us(2000), 0;
			jt_enter(*(int *)job);
			if (!fork())
				_exit(0);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
	return 0;
}

TEST_F_TIMEOUT(audit, raises_no_false_alarm, 100)
{
	struct rounds round = rounds(20, STORM_MS);
	struct jobtrack_finding found[MAX_FINDINGS];
	struct jobtrack_audit audit;
	struct jobtrack_job state;
	uint64_t processes = 0, members = 0, undecided = 0;
	pid_t keepers[STORMS];

	plot = shared(sizeof(*plot));
	for (int i = 0; i < STORMS; i++)
		keepers[i] = i % 3 == 2 ? spawn(-1, 0, enters, &self->job) :
			     keeper(i % 2 ? self->job : self->other, OWNER, breed, NULL);
	ASSERT_TRUE(WAIT_FOR_CROWD(jt_state(self->job, &state) == 0 && state.births > 20));
	while (next_round(&round)) {
		/* who could not be recorded is not to run: no difference, either */
		ASSERT_TRUE(set_rules(round.n % 4 ? 0 : LOSE_BIRTH, DEFAULT_BATCH, 0));
		ASSERT_EQ(0, take(&audit, found)) {
			TH_LOG("kind %u, process %d, parent %d, %llu counted, %llu found",
			       found[0].kind, found[0].pid, found[0].parent,
			       (unsigned long long)found[0].counted,
			       (unsigned long long)found[0].found);
		}
		processes += audit.processes;
		members += audit.members;
		undecided += audit.undecided;
	}
	plot->go.value = 1;
	for (int i = 0; i < STORMS; i++) {
		if (i % 3 == 2) {
			EXPECT_EQ(0, reap(keepers[i]));
			continue;
		}
		dismiss(keepers[i]);
	}
	ASSERT_EQ(0, jt_state(self->job, &state));
	TH_LOG("%u audits of %llu processes, %llu members, %llu undecided, during %llu births",
	       round.n, (unsigned long long)processes, (unsigned long long)members,
	       (unsigned long long)undecided, (unsigned long long)state.births);
	EXPECT_LT(0, members);
}

/* ------------------------------------------------------------------------- the rest */

static int try_to_audit(void *unused)
{
	struct jobtrack_audit audit = { .flags = 0 };

	CHECK_EQ(-EPERM, jt_device(JOBTRACK_IOC_AUDIT, &audit));
	return 0;
}

TEST_F(audit, is_for_root)
{
	EXPECT_EQ(0, reap(spawn(-1, OWNER, try_to_audit, NULL)));
	EXPECT_EQ(0, reap(spawn(self->job, OWNER, try_to_audit, NULL)));
}

/* The last one: what it plants is there until the module is forced out. */
TEST_F_TIMEOUT(audit, z_finds_whose_exit_was_not_seen, 100)
{
	struct jobtrack_finding found[MAX_FINDINGS];
	struct jobtrack_audit audit;
	pid_t pid = mortal(self);

	ASSERT_LT(0, pid);
	ASSERT_TRUE(set_rules(HIDE_EXIT, DEFAULT_BATCH, 0));
	gate_add(&plot->go, 1);
	ASSERT_EQ(0, reap(pid));
	ASSERT_TRUE(reset_rules());
	EXPECT_EQ(1, take(&audit, found));
	EXPECT_EQ(JOBTRACK_FINDING_UNKNOWN, found[0].kind);
	EXPECT_EQ(pid, found[0].pid);
	ASSERT_EQ(0, force_unload());
	EXPECT_TRUE(is_gone());
}

TEST_HARNESS_MAIN
