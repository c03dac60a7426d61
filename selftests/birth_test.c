// SPDX-License-Identifier: GPL-2.0
/*
 * The moment of birth, held still: a fork writes the child's PID to its parent's
 * memory when the child is there but has not been woken. Here that memory is a
 * page of a userfaultfd, and the fork stays there until the test has looked.
 */
#include "common/proc.h"
#include <pthread.h>
#include <linux/sched.h>
#include <linux/userfaultfd.h>

struct birth {
	int job;		/* that the parent enters, or -1 */
	int sock[2];
	uint64_t page;		/* as the parent sees it */
	bool ran;		/* the child has run an instruction */
	int uffd;
	pid_t parent, child;
};

/* Fork with a page that is not there for the child's PID. */
static int held_parent(void *arg)
{
	struct birth *birth = arg;
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct clone_args args = { .flags = CLONE_PARENT_SETTID, .exit_signal = SIGCHLD };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	CHECK(uffd >= 0 && page != MAP_FAILED);
	CHECK(ioctl(uffd, UFFDIO_API, &api) == 0);
	birth->page = (uintptr_t)page;
	args.parent_tid = birth->page;
	reg.range.start = birth->page;
	reg.range.len = 4096;
	CHECK(ioctl(uffd, UFFDIO_REGISTER, &reg) == 0);
	CHECK_EQ(0, send_fd(birth->sock[0], uffd));
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (!pid) {
		birth->ran = true;
		_exit(jt_job_of(0) > 0 ? 42 : 43);
	}
	return reap(pid);
}

static pid_t child_of(pid_t parent)
{
	DIR *dir = opendir("/proc");
	struct proc_stat st;
	pid_t pid;

	while ((pid = next_pid(dir)))
		if (!proc_stat(pid, 0, &st) && st.ppid == parent)
			break;
	closedir(dir);
	return pid;
}

FIXTURE(birth) {
	struct birth *birth;
	uint64_t id, other_id;
	int job, other;
};

FIXTURE_SETUP(birth)
{
	REQUIRE_MODULE();
	self->birth = shared(sizeof(*self->birth));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, self->birth->sock));
	self->job = jt_create(0, 0, NULL, &self->id);
	ASSERT_GE(self->job, 0);
	self->other = jt_create(0, 0, NULL, &self->other_id);
	ASSERT_GE(self->other, 0);
}

FIXTURE_TEARDOWN(birth)
{
	jt_signal(self->job, SIGKILL, NULL);
	jt_signal(self->other, SIGKILL, NULL);
	close(self->birth->uffd);
}

/* On return the child is there, and not woken. */
static void hold_birth(struct __test_metadata *_metadata, struct birth *birth, int job)
{
	birth->parent = spawn(job, 0, held_parent, birth);
	ASSERT_GT(birth->parent, 0);
	birth->uffd = recv_fd(birth->sock[1]);
	ASSERT_GE(birth->uffd, 0);
	ASSERT_TRUE(fd_ready(birth->uffd, PATIENCE_MS));
	birth->child = child_of(birth->parent);
	ASSERT_GT(birth->child, 0);
	ASSERT_FALSE(birth->ran);
}

static void let_it_be_born(struct __test_metadata *_metadata, struct birth *birth)
{
	struct uffdio_zeropage zero = { .range = { birth->page, 4096 } };

	EXPECT_EQ(0, ioctl(birth->uffd, UFFDIO_ZEROPAGE, &zero));
}

/* Its parent's job decides, and a non-member's child is in none: tag it later. */
TEST_F(birth, of_a_non_member)
{
	struct jobtrack_which which;
	struct jobtrack_tag out;

	hold_birth(_metadata, self->birth, -1);
	EXPECT_EQ(-EAGAIN, jt_which(self->birth->child, &which));
	EXPECT_EQ(0, which.start_time);
	/* EAGAIN or ESTALE: a caller cannot know its start time yet */
	EXPECT_GT(0, jt_tag_exact(self->other, self->birth->child, now_ns(), 0, NULL));
	/* a tree's scan waits for it, but not for ever, and says so */
	ASSERT_EQ(0, jt_which(self->birth->parent, &which));
	EXPECT_EQ(-ELOOP, jt_tag_exact(self->other, self->birth->parent, which.start_time,
				       JOBTRACK_TAG_TREE, &out));
	EXPECT_EQ(1, out.tagged);
	EXPECT_EQ(0, out.denied);
	EXPECT_EQ(self->other_id, jt_job_of(self->birth->parent));
	let_it_be_born(_metadata, self->birth);
	/* its parent joined after the birth had been recorded as that of nobody */
	EXPECT_EQ(43, reap(self->birth->parent));
	EXPECT_TRUE(self->birth->ran);
}

/* A member before its first instruction: listed, and not to be named yet */
TEST_F(birth, of_a_member)
{
	struct jobtrack_row *rows;
	struct jobtrack_which which;
	struct jobtrack_job state;

	hold_birth(_metadata, self->birth, self->job);
	EXPECT_EQ(-EAGAIN, jt_which(self->birth->child, &which));
	ASSERT_EQ(2, jt_snapshot(self->job, &rows, NULL));
	EXPECT_EQ(self->birth->parent, rows[0].pid);
	EXPECT_EQ(self->birth->child, rows[1].pid);
	ASSERT_EQ(0, jt_state(self->job, &state));
	EXPECT_EQ(1, state.births);
	/* with the true start time, even */
	EXPECT_EQ(-EAGAIN, jt_tag_exact(self->other, rows[1].pid, rows[1].start_time, 0, NULL));
	EXPECT_EQ(-EAGAIN, jt_tag_exact(self->job, rows[1].pid, rows[1].start_time, 0, NULL));
	EXPECT_FALSE(self->birth->ran);
	let_it_be_born(_metadata, self->birth);
	EXPECT_EQ(42, reap(self->birth->parent));
	EXPECT_TRUE(jt_wait_empty(self->job));
}

/*
 * SIGKILL reaches it though it has not been woken. (Its parent is reached first, and
 * may still wake it before: like every member, it runs until it is reached.)
 */
TEST_F(birth, killed)
{
	struct jobtrack_signal counts;

	hold_birth(_metadata, self->birth, self->job);
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, &counts));
	EXPECT_EQ(2, counts.signalled);
	EXPECT_EQ(128 + SIGKILL, reap(self->birth->parent));
	EXPECT_TRUE(jt_wait_empty(self->job));
	EXPECT_EQ(0, live_threads(self->birth->child));
}

/* The whole process enters, whichever thread asks; and what another thread forks */
struct threads {
	int job;
	uint64_t id;
	struct gate entered;
};

static void *fork_in_thread(void *arg)
{
	struct threads *t = arg;
	pid_t pid;

	CHECK(gate_wait(&t->entered, 1));
	CHECK_EQ(t->id, jt_job_of(0));
	pid = fork();
	if (!pid)
		_exit(jt_job_of(0) == (int64_t)t->id ? 42 : 43);
	CHECK_EQ(42, reap(pid));
	return NULL;
}

static void *enter_in_thread(void *arg)
{
	struct threads *t = arg;

	CHECK_EQ(0, jt_enter(t->job));
	gate_add(&t->entered, 1);
	return NULL;
}

static int enter_with_threads(void *arg)
{
	pthread_t forker, enterer;

	CHECK_EQ(0, pthread_create(&forker, NULL, fork_in_thread, arg));
	CHECK_EQ(0, pthread_create(&enterer, NULL, enter_in_thread, arg));
	pthread_join(forker, NULL);
	pthread_join(enterer, NULL);
	CHECK_EQ(((struct threads *)arg)->id, jt_job_of(0));
	return 0;
}

TEST_F(birth, all_threads_enter)
{
	struct threads *t = shared(sizeof(*t));
	struct jobtrack_job state;

	t->job = self->job;
	t->id = self->id;
	EXPECT_EQ(0, run_as(0, enter_with_threads, t));
	ASSERT_EQ(0, jt_state(self->job, &state));
	EXPECT_EQ(1, state.joined);
	EXPECT_EQ(1, state.births);
}

TEST_HARNESS_MAIN
