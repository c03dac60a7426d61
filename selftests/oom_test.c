// SPDX-License-Identifier: GPL-2.0
/*
 * P5, P8: a job that forks and fills its memory until the kernel kills of it, again
 * and again: nobody gets away, each is accounted for, and its end is seen.
 */
#include "common/account.h"
#include "common/debug.h"
#include "common/pressure.h"

#define GROUP		"oom"
#define MEMORY		"24M"
#define HOG_BYTES	(1 << 20)
#define KILLS		30	/* of the kernel's, at least */
#define CHECKS		10	/* that everybody there is a member, at least */

static struct {
	uint32_t ran;		/* children that ran; each raises it first of all */
} *storm;

/* Stays with its memory until the kernel takes both; so does its child. */
static void hog(void)
{
	char *memory;

	add_to(&storm->ran, 1);
	if (!fork())
		add_to(&storm->ran, 1);
	memory = mmap(NULL, HOG_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory != MAP_FAILED)
		memset(memory, 1, HOG_BYTES);
	sleeper(NULL);
}

/* Makes more and more; the kernel is to take them instead. */
static int master(void *arg)
{
	(void)arg;
	for (;;) {
		if (!fork()) {
			CHECK(write_file("/proc/self/oom_score_adj", "500") == 0);
			hog();
		}
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		nap_us(2000);
	}
	return 0;
}

static int master_in_group(void *arg)
{
	CHECK(enter_cgroup(GROUP));
	CHECK(write_file("/proc/self/oom_score_adj", "-1000") == 0);
	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	CHECK_EQ(0, become_user(OWNER));
	return master(arg);
}

static unsigned int oom_kills(void)
{
	char text[512], *p;

	if (read_file(CGROUPS "/" GROUP "/memory.events", text, sizeof(text)) < 0)
		return 0;
	p = strstr(text, "\noom_kill ");
	return p ? atoi(p + strlen("\noom_kill ")) : 0;
}

/*
 * Those in the group that are not in the job and go on running; -1: it cannot be read.
 * A newborn is in the group before it is in the job.
 */
static int untracked(uint64_t id)
{
	char text[65536], *p;
	int n = 0;

	if (read_file(CGROUPS "/" GROUP "/cgroup.procs", text, sizeof(text)) < 0)
		return -1;
	for (p = strtok(text, "\n"); p; p = strtok(NULL, "\n")) {
		pid_t pid = atoi(p);

		n += !WAIT_FOR_CROWD(jt_job_of(pid) == (int64_t)id || !live_threads(pid));
	}
	return n;
}

FIXTURE(oom)
{
	int job, log;
	uint64_t id;
};

FIXTURE_SETUP(oom)
{
	REQUIRE_MODULE();
	ASSERT_TRUE(clear_user(OWNER));
	storm = shared(sizeof(*storm));
	self->log = log_open();
	ASSERT_LE(0, self->log);
	ASSERT_EQ(0, write_file(CGROUPS "/cgroup.subtree_control", "+memory"));
	ASSERT_TRUE(make_cgroup(GROUP));
	ASSERT_EQ(0, write_file(CGROUPS "/" GROUP "/memory.max", MEMORY));
	self->job = jt_create_for(OWNER, NULL, &self->id);
	ASSERT_LE(0, self->job);
}

FIXTURE_TEARDOWN(oom)
{
	jt_signal(self->job, SIGKILL, NULL);
	EXPECT_TRUE(jt_wait_empty(self->job));
	close(self->job);
	EXPECT_TRUE(remove_cgroup(GROUP));
	/* the kernel logs each kill with a trace of calls */
	EXPECT_TRUE(log_forget_traces(self->log));
	close(self->log);
}

TEST_F_TIMEOUT(oom, storm, CROWD_TIMEOUT)
{
	struct jobtrack_account account = { .flags = 0 };
	struct jobtrack_job state;
	uint64_t ended = 0;
	struct met met;
	pid_t pid;

	ASSERT_TRUE(met_begin(&met));
	pid = spawn(self->job, 0, master_in_group, NULL);
	ASSERT_LT(0, pid);
	for (int i = 0; i < CHECKS || oom_kills() < KILLS; i++) {
		unsigned int kills = oom_kills();

		ASSERT_EQ(0, untracked(self->id));
		ASSERT_TRUE(WAIT_FOR_CROWD(oom_kills() > kills));
	}
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_EQ(128 + SIGKILL, reap(pid));
	EXPECT_TRUE(jt_wait_empty(self->job));
	EXPECT_EQ(0, user_processes(OWNER, NULL, 0));
	EXPECT_EQ(0, untracked(self->id));

	ASSERT_EQ(0, jt_state(self->job, &state));
	EXPECT_EQ(0, state.procs + state.leaving);
	EXPECT_LE(storm->ran, state.births);	/* some were killed before they ran */
	ASSERT_EQ(0, jt_ioctl(self->job, JOBTRACK_IOC_ACCOUNT, &account));
	for (int i = 0; i < ARRAY_SIZE(account.exited); i++)
		ended += account.exited[i];
	for (int i = 0; i < ARRAY_SIZE(account.signaled); i++)
		ended += account.signaled[i];
	EXPECT_EQ(account.births + account.joined, ended);
	EXPECT_EQ(ended, account.gone);
	EXPECT_LE(KILLS, account.signaled[SIGKILL - 1]);
	ASSERT_TRUE(met_end(&met, "oom"));
	EXPECT_EQ(0, MET(&met, lost));
	EXPECT_EQ(0, MET(&met, unseen));
	TH_LOG("%u killed for memory, %llu born", oom_kills(), state.births);
}

TEST_HARNESS_MAIN
