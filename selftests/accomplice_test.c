// SPDX-License-Identifier: GPL-2.0
/*
 * P2, the race: a newborn can be seen, and named to the module, before its birth
 * is recorded. An accomplice outside the job tries to have it in another job by
 * then. Whatever it does, the child is in its parent's job.
 */
#include "common/proc.h"
#include <linux/sched.h>

#define ROUNDS		4000
#define ENOUGH_NS	(6 * NSEC_PER_SEC * how_slow())	/* on a slow machine fewer do */
#define GUESSES		3
#define MAX_PID		(1 << 22)

struct race {
	uint64_t parent_id;
	int parent_job, other_job;
	uint32_t go, stop;
	uint32_t guess;			/* the PID that the next child will have */
	struct gate ready;
	/* what the accomplice met */
	uint32_t tries, absent, being_born, in_parents, tagged, unexpected;
	uint32_t rounds;
	bool is_child[MAX_PID];		/* by PID: the member has made it */
	bool escaped[MAX_PID];		/* by PID: seen outside the parent's job */
};

/*
 * Ask for the process that is about to be, and as soon as there is one, tag it.
 * "In no job" is what must never be heard of a member's child.
 */
static void try_to_catch(struct race *race, pid_t pid)
{
	struct jobtrack_which which;
	int ret = jt_which(pid, &which);

	race->tries++;
	if (ret == -ESRCH) {
		race->absent++;
		return;
	}
	if (ret == -EAGAIN)
		race->being_born++;
	else if (ret)
		race->unexpected++;
	else if (which.id == race->parent_id)
		race->in_parents++;
	else if (!state_is_dead(proc_state(pid)))
		race->escaped[pid] = true;	/* if it is a child */
	/* Its start time is not told while it is being born: guess. */
	if (!ret)
		race->tagged += !jt_tag_exact(race->other_job, pid, which.start_time, 0, NULL);
	race->tagged += !jt_tag_exact(race->other_job, pid, now_ns(), 0, NULL);
}

static int accomplice(void *arg)
{
	struct race *race = arg;
	pid_t guess;

	gate_add(&race->ready, 1);
	while (!__atomic_load_n(&race->stop, __ATOMIC_RELAXED)) {
		guess = __atomic_load_n(&race->guess, __ATOMIC_RELAXED);
		for (int i = 0; guess && i < GUESSES; i++)
			try_to_catch(race, guess + i);
	}
	return 0;
}

/* A child asks as its first act; its status says what it heard. */
static int parent(void *arg)
{
	struct race *race = arg;
	uint64_t end = now_ns() + ENOUGH_NS;
	int status;

	CHECK(gate_wait(&race->ready, 1));
	while (race->rounds < ROUNDS && now_ns() < end) {
		pid_t pid = fork();

		if (!pid)
			_exit(jt_job_of(0) == (int64_t)race->parent_id ? 0 : 42);
		race->is_child[pid] = true;
		race->rounds++;
		__atomic_store_n(&race->guess, pid + 1, __ATOMIC_RELAXED);
		CHECK(waitpid(pid, &status, 0) == pid);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	return 0;
}

/* Both jobs are the attackers' own: they may tag into either. */
static int attack(void *arg)
{
	struct race *race = arg;
	pid_t helper, forker;
	int status;

	race->parent_job = jt_create(0, 0, NULL, &race->parent_id);
	race->other_job = jt_create(0, 0, NULL, NULL);
	CHECK(race->parent_job >= 0 && race->other_job >= 0);
	helper = spawn(-1, 0, accomplice, race);
	forker = spawn(race->parent_job, 0, parent, race);
	status = reap(forker);
	__atomic_store_n(&race->stop, 1, __ATOMIC_RELAXED);
	CHECK_EQ(0, reap(helper));
	return status;
}

TEST(newborn_is_its_parents)
{
	struct race *race = shared(sizeof(*race));
	struct jobtrack_info before, after;
	uint32_t escaped = 0;

	REQUIRE_MODULE();
	ASSERT_EQ(0, jt_info(&before));
	EXPECT_EQ(0, run_as(OWNER, attack, race));
	EXPECT_TRUE(clear_user(OWNER));
	ASSERT_EQ(0, jt_info(&after));

	TH_LOG("%u tries on %u children: absent %u, being born %u, its parent's %u", race->tries,
	       race->rounds, race->absent, race->being_born, race->in_parents);
	for (pid_t pid = 1; pid < MAX_PID; pid++)
		escaped += race->is_child[pid] && race->escaped[pid];
	EXPECT_EQ(0, escaped);
	EXPECT_EQ(0, race->tagged);
	EXPECT_EQ(0, race->unexpected);
	EXPECT_GT(race->in_parents + race->being_born, 0)
		TH_LOG("the accomplice met nobody: nothing was tested");
	EXPECT_EQ(before.unseen, after.unseen);
	EXPECT_EQ(before.lost, after.lost);
	EXPECT_LE(race->rounds, after.births - before.births);
	EXPECT_LT(30, race->rounds);
}

/*
 * The same with an accomplice that shares its memory and files with the parent,
 * and so learns of the child's pidfd before the birth is recorded.
 */
struct shared_files {
	uint64_t parent_id;
	int parent_job, other_job;
	volatile int pidfd, stop;
	uint32_t rounds, seen, being_born, in_parents, escaped;
};

static pid_t pid_of_pidfd(int pidfd)
{
	char path[64], buf[512], *p;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	if (read_file(path, buf, sizeof(buf)) < 0)
		return 0;
	p = strstr(buf, "\nPid:");
	return p ? atoi(p + 5) : 0;
}

/* Shares its C library's state with the accomplice: no CHECK of errno here. */
static int forker_with_pidfd(void *arg)
{
	struct shared_files *s = arg;
	struct clone_args args = { .flags = CLONE_PIDFD, .pidfd = (uintptr_t)&s->pidfd };
	uint64_t end = now_ns() + ENOUGH_NS;

	CHECK_EQ(0, jt_enter(s->parent_job));
	for (; s->rounds < ROUNDS && now_ns() < end; s->rounds++) {
		pid_t pid = syscall(SYS_clone3, &args, sizeof(args));
		int pidfd;

		if (!pid)
			_exit(0);
		CHECK(pid > 0 && waitpid(pid, NULL, __WCLONE) == pid);
		pidfd = s->pidfd;
		s->pidfd = -1;
		close(pidfd);
	}
	s->stop = 1;
	return 0;
}

static int catch_by_pidfd(void *arg)
{
	static char stack[65536] __attribute__((aligned(16)));
	struct shared_files *s = arg;
	struct jobtrack_which which;
	pid_t pid, child;
	int ret;

	s->parent_job = jt_create(0, 0, NULL, &s->parent_id);
	s->other_job = jt_create(0, 0, NULL, NULL);
	s->pidfd = -1;
	pid = clone(forker_with_pidfd, stack + sizeof(stack), CLONE_VM | CLONE_FILES | SIGCHLD, s);
	CHECK(pid > 0);
	while (!s->stop && waitpid(pid, NULL, WNOHANG) == 0) {
		ret = s->pidfd;
		child = ret >= 0 ? pid_of_pidfd(ret) : 0;
		if (child <= 0)
			continue;
		ret = jt_which(child, &which);
		if (ret == -ESRCH)
			continue;
		s->seen++;
		s->being_born += ret == -EAGAIN;
		if (ret)
			continue;
		s->in_parents += which.id == s->parent_id;
		s->escaped += which.id != s->parent_id && !state_is_dead(proc_state(child));
		CHECK(jt_tag_exact(s->other_job, child, which.start_time, 0, NULL) < 0);
	}
	return 0;
}

TEST(newborn_with_pidfd)
{
	struct shared_files *s = shared(sizeof(*s));

	REQUIRE_MODULE();
	EXPECT_EQ(0, run_as(OWNER, catch_by_pidfd, s));
	EXPECT_TRUE(clear_user(OWNER));
	TH_LOG("%u looks at %u children: being born %u, their parent's %u", s->seen, s->rounds,
	       s->being_born, s->in_parents);
	EXPECT_EQ(0, s->escaped);
	EXPECT_EQ(1, s->stop);
	EXPECT_GT(s->seen, 0);
}

TEST_HARNESS_MAIN
