// SPDX-License-Identifier: GPL-2.0
/*
 * P1: whatever a member creates, in whatever way, is a member before it runs one
 * instruction, and SIGKILL of the job leaves nothing of it.
 *
 * common/ways.h has the ways. Each runs twice: with creatures that ask for their
 * job as their first act, and under a tracer outside the job, for which the kernel
 * stops each creature before its first instruction.
 */
#include "common/ways.h"

FIXTURE(inherit) {
	int job;
	uint64_t id;
};

FIXTURE_VARIANT(inherit) {
	void (*way)(void);
	uint32_t creatures;	/* calls of born() to wait for */
	uint32_t births;	/* processes that the way makes */
	uint32_t untraced;	/* of those, the ones that a tracer is not shown */
	bool foreign_pids;	/* creatures do not know the PIDs that the test sees */
};

#define WAY(name_, ...)						\
	FIXTURE_VARIANT_ADD(inherit, name_) { .way = way_##name_, __VA_ARGS__ }

WAY(fork, .creatures = 4, .births = 4);
WAY(vfork, .creatures = 6, .births = 3);
WAY(clone, .creatures = 4, .births = 4);
WAY(clone3, .creatures = 3, .births = 3);
WAY(clone_untraced, .creatures = 1, .births = 1, .untraced = 1);
WAY(clone_parent, .creatures = 3, .births = 3);
WAY(posix_spawn, .creatures = 2, .births = 2);
WAY(threads_fork, .creatures = 8, .births = 8);
WAY(double_fork, .creatures = 2, .births = 4);
WAY(daemon, .creatures = 2, .births = 4);
WAY(process_groups, .creatures = 3, .births = 3);
WAY(subreaper, .creatures = 1, .births = 2);
WAY(namespaces, .creatures = 4, .births = 6, .foreign_pids = true);
WAY(exec, .creatures = 3, .births = 1);
WAY(execveat, .creatures = 2, .births = 2);
WAY(exec_setuid, .creatures = 3, .births = 2);
WAY(exec_thread, .creatures = 2, .births = 1);
WAY(main_thread_exited, .creatures = 4, .births = 4);
WAY(io_uring, .creatures = 3, .births = 2);
WAY(into_cgroup, .creatures = 2, .births = 2);

FIXTURE_SETUP(inherit)
{
	REQUIRE_MODULE();
	ASSERT_TRUE(clear_user(OWNER));
	make_stage();
	if (variant->way == way_namespaces && !userns_allowed())
		SKIP(_exit(255), "no user namespaces for users here");
	if (variant->way == way_exec_setuid)
		ASSERT_EQ(0, install_setuid_program()) TH_LOG("is /tmp mounted nosuid?");
	if (variant->way == way_into_cgroup)
		ASSERT_EQ(0, delegate_cgroups()) TH_LOG("no cgroup2 at %s?", CGROUP);
	self->job = jt_create(0, 0, NULL, &self->id);
	ASSERT_GE(self->job, 0);
}

FIXTURE_TEARDOWN(inherit)
{
	jt_signal(self->job, SIGKILL, NULL);
	clear_user(OWNER);
	unlink(SETUID_PROGRAM);
	WAIT_UNTIL(remove_cgroups());
}

static int creator(void *way)
{
	if (!gate_wait(&stage->go, 1))
		return 1;
	((void (*)(void))way)();
	return sleeper(NULL);
}

static bool listed(const struct jobtrack_row *rows, int n, pid_t pid)
{
	for (int i = 0; i < n; i++)
		if (rows[i].pid == pid)
			return true;
	return false;
}

/* What the job lists as alive, and what /proc shows of its user, are the same */
static bool looks_agree(int job, int unmarked)
{
	struct jobtrack_row *rows;
	pid_t pids[64];
	int n = jt_snapshot(job, &rows, NULL);
	int seen = user_processes(OWNER, pids, 64);
	bool same = n == seen + unmarked;

	for (int i = 0; same && i < seen; i++)
		same = listed(rows, n, pids[i]);
	free(rows);
	return same;
}

static void expect_nothing_left(struct __test_metadata *_metadata, int job, bool foreign_pids)
{
	struct jobtrack_job state;

	EXPECT_EQ(0, user_processes(OWNER, NULL, 0));
	for (uint32_t i = 0; !foreign_pids && i < stage->born.value; i++) {
		EXPECT_EQ(0, live_threads(stage->creature[i].pid))
			TH_LOG("creature %u, PID %d, lives", i, stage->creature[i].pid);
	}
	ASSERT_EQ(0, jt_state(job, &state));
	EXPECT_EQ(JOBTRACK_KILLED, state.state);
	EXPECT_EQ(0, state.procs + state.leaving);
}

static void expect_all_members(struct __test_metadata *_metadata, uint64_t id, uint32_t creatures)
{
	ASSERT_EQ(creatures, stage->born.value);
	for (uint32_t i = 0; i < creatures; i++) {
		EXPECT_EQ(id, stage->creature[i].job)
			TH_LOG("creature %u, PID %d", i, stage->creature[i].pid);
	}
}

/* Let it happen, and end the job. */
static void run_and_kill(struct __test_metadata *_metadata, int job, uint64_t id,
			 const FIXTURE_VARIANT(inherit) *variant)
{
	pid_t pid = spawn(job, OWNER, creator, variant->way);
	struct jobtrack_job state;

	ASSERT_GT(pid, 0);
	if (variant->way == way_into_cgroup)
		ASSERT_EQ(0, enter_cgroup(pid));
	gate_add(&stage->go, 1);
	ASSERT_TRUE(gate_wait(&stage->born, variant->creatures))
		TH_LOG("%u of %u creatures came", stage->born.value, variant->creatures);
	expect_all_members(_metadata, id, variant->creatures);

	ASSERT_EQ(0, jt_state(job, &state));
	EXPECT_EQ(variant->births, state.births);
	EXPECT_EQ(1, state.joined);
	EXPECT_EQ(0, state.lost);
	EXPECT_TRUE(WAIT_UNTIL(looks_agree(job, stage->unmarked)));

	EXPECT_EQ(0, jt_signal(job, SIGKILL, NULL));
	ASSERT_TRUE(jt_wait_empty(job));
	expect_nothing_left(_metadata, job, variant->foreign_pids);
	EXPECT_EQ(128 + SIGKILL, reap(pid));
}

TEST_F(inherit, killed)
{
	run_and_kill(_metadata, self->job, self->id, variant);
}

/*
 * Let every tracee run on, once. The newborn stops before its first instruction:
 * *@births counts those that are members of @id then, *@strangers those that are not.
 */
static void serve_tracees(uint64_t id, uint32_t *births, uint32_t *strangers)
{
	int status, sig;
	pid_t tid;

	while ((tid = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
		if (!WIFSTOPPED(status))
			continue;
		sig = status >> 16 ? 0 : WSTOPSIG(status);
		if (status >> 16 == PTRACE_EVENT_STOP && proc_tgid(tid) == tid) {
			if (jt_job_of(tid) == (int64_t)id)
				(*births)++;
			else
				(*strangers)++;
		}
		ptrace(PTRACE_CONT, tid, 0, sig);
	}
}

TEST_F(inherit, traced)
{
	const long options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
			     PTRACE_O_EXITKILL;
	uint32_t births = 0, strangers = 0;
	pid_t pid;

	pid = spawn(self->job, OWNER, creator, variant->way);
	ASSERT_GT(pid, 0);
	ASSERT_TRUE(WAIT_UNTIL(belongs_to(pid, OWNER)));
	if (variant->way == way_into_cgroup)
		ASSERT_EQ(0, enter_cgroup(pid));
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, pid, 0, options));
	gate_add(&stage->go, 1);

	EXPECT_TRUE(WAIT_UNTIL((serve_tracees(self->id, &births, &strangers),
				stage->born.value >= variant->creatures)));
	expect_all_members(_metadata, self->id, variant->creatures);
	EXPECT_EQ(variant->births - variant->untraced, births);
	EXPECT_EQ(0, strangers);

	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_TRUE(WAIT_UNTIL((serve_tracees(self->id, &births, &strangers),
				fd_ready(self->job, 0))));
	expect_nothing_left(_metadata, self->job, variant->foreign_pids);
}

/* A member that traces members; a process has only one tracer */
TEST(traced_by_member)
{
	const FIXTURE_VARIANT(inherit) tracer = { .way = way_tracer, .creatures = 3, .births = 3 };
	uint64_t id;
	int job;

	REQUIRE_MODULE();
	make_stage();
	job = jt_create(0, 0, NULL, &id);
	ASSERT_GE(job, 0);
	run_and_kill(_metadata, job, id, &tracer);
	clear_user(OWNER);
}

/* A process that stops in its tracer's hands, and whose tracer never answers */
TEST(stopped_by_tracer)
{
	struct jobtrack_row *rows;
	uint64_t id;
	pid_t pid;
	int job;

	REQUIRE_MODULE();
	job = jt_create(0, 0, NULL, &id);
	ASSERT_GE(job, 0);
	pid = spawn(job, OWNER, sleeper, NULL);
	ASSERT_TRUE(WAIT_UNTIL(belongs_to(pid, OWNER)));
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, pid, 0, 0));
	ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, pid, 0, 0));
	ASSERT_TRUE(WAIT_UNTIL(proc_state(pid) == 't'));

	EXPECT_EQ(1, jt_snapshot(job, &rows, NULL));
	EXPECT_EQ(0, jt_signal(job, SIGKILL, NULL));
	EXPECT_TRUE(jt_wait_empty(job));
	EXPECT_EQ(0, live_threads(pid));
	EXPECT_EQ(128 + SIGKILL, reap(pid));
	close(job);
}

TEST_HARNESS_MAIN
