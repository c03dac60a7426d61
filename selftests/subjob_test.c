// SPDX-License-Identifier: GPL-2.0
/*
 * Jobs inside jobs, the life of a job and of its fds: depth, the limit for
 * ordinary users, what a tree's counts and signals cover, kill-on-close, poll.
 */
#include "common/adversary.h"
#include <sys/epoll.h>
#include <sys/resource.h>

FIXTURE(subjob) {
	uint64_t id, left_id, right_id;
	int job, left, right;	/* right and left are below job */
};

FIXTURE_SETUP(subjob)
{
	REQUIRE_MODULE();
	ASSERT_TRUE(clear_user(OWNER));
	self->job = jt_create(0, 0, NULL, &self->id);
	ASSERT_GE(self->job, 0);
	self->left = jt_create(0, self->id, NULL, &self->left_id);
	ASSERT_GE(self->left, 0);
	self->right = jt_create(0, self->id, NULL, &self->right_id);
	ASSERT_GE(self->right, 0);
}

FIXTURE_TEARDOWN(subjob)
{
	jt_signal(self->job, SIGKILL, NULL);
	clear_user(OWNER);
}

static pid_t sleeper_in(int job, uint64_t id)
{
	pid_t pid = spawn(job, OWNER, lone_sleeper, NULL);

	return WAIT_UNTIL(jt_job_of(pid) == (int64_t)id && belongs_to(pid, OWNER)) ? pid : -1;
}

static bool has_ended(uint64_t id)
{
	int fd = jt_open(id, 0);

	close(fd);
	return fd == -ENOENT;
}

static bool is_empty(int job)
{
	return fd_ready(job, 0);
}

/* ----------------------------------------------------------------- one tree */

TEST_F(subjob, counts)
{
	pid_t top = sleeper_in(self->job, self->id);
	pid_t left[2] = { sleeper_in(self->left, self->left_id),
			  sleeper_in(self->left, self->left_id) };
	struct jobtrack_row *rows;
	struct jobtrack_job state;

	ASSERT_EQ(0, jt_state(self->job, &state));
	EXPECT_EQ(1, state.procs);
	EXPECT_EQ(3, state.tree_procs);
	EXPECT_EQ(2, state.subjobs);
	EXPECT_EQ(1, state.depth);
	EXPECT_EQ(0, state.parent);
	EXPECT_EQ(JOBTRACK_RUNNING, state.state);
	ASSERT_EQ(0, jt_state(self->left, &state));
	EXPECT_EQ(2, state.procs);
	EXPECT_EQ(2, state.tree_procs);
	EXPECT_EQ(2, state.joined);
	EXPECT_EQ(2, state.depth);
	EXPECT_EQ(self->id, state.parent);
	ASSERT_EQ(0, jt_state(self->right, &state));
	EXPECT_EQ(0, state.tree_procs);
	EXPECT_EQ(JOBTRACK_EMPTY, state.state);

	/* in the order in which they became members, each with its own job */
	ASSERT_EQ(3, jt_snapshot(self->job, &rows, NULL));
	EXPECT_EQ(top, rows[0].pid);
	EXPECT_EQ(self->id, rows[0].job);
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(left[i], rows[1 + i].pid);
		EXPECT_EQ(self->left_id, rows[1 + i].job);
	}
	EXPECT_EQ(2, jt_snapshot(self->left, &rows, NULL));
	EXPECT_EQ(0, jt_snapshot(self->right, &rows, NULL));
}

/* A signal covers the job and all below it, and nothing beside or above. */
TEST_F(subjob, signal_covers_the_tree)
{
	pid_t top = sleeper_in(self->job, self->id);
	pid_t left = sleeper_in(self->left, self->left_id);
	pid_t right = sleeper_in(self->right, self->right_id);
	struct jobtrack_signal counts;

	EXPECT_EQ(0, jt_signal(self->left, SIGTERM, &counts));
	EXPECT_EQ(1, counts.signalled);
	EXPECT_EQ(128 + SIGTERM, reap(left));
	EXPECT_EQ(1, live_threads(top));
	EXPECT_EQ(1, live_threads(right));
	EXPECT_EQ(0, jt_signal(self->job, SIGTERM, &counts));
	EXPECT_EQ(2, counts.signalled);
	EXPECT_EQ(128 + SIGTERM, reap(top));
	EXPECT_EQ(128 + SIGTERM, reap(right));
}

TEST_F(subjob, kill_covers_the_tree)
{
	pid_t top = sleeper_in(self->job, self->id);
	pid_t left = sleeper_in(self->left, self->left_id);
	pid_t right = sleeper_in(self->right, self->right_id);
	struct jobtrack_job state;

	EXPECT_EQ(0, jt_signal(self->left, SIGKILL, NULL));
	EXPECT_EQ(128 + SIGKILL, reap(left));
	EXPECT_TRUE(jt_wait_empty(self->left));
	ASSERT_EQ(0, jt_state(self->left, &state));
	EXPECT_EQ(JOBTRACK_KILLED, state.state);
	ASSERT_EQ(0, jt_state(self->job, &state));
	EXPECT_EQ(JOBTRACK_RUNNING, state.state);
	EXPECT_EQ(2, state.tree_procs);
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_EQ(128 + SIGKILL, reap(top));
	EXPECT_EQ(128 + SIGKILL, reap(right));
	EXPECT_TRUE(jt_wait_empty(self->job));
	ASSERT_EQ(0, jt_state(self->right, &state));
	EXPECT_EQ(JOBTRACK_KILLED, state.state);
}

TEST_F(subjob, depth)
{
	uint64_t id = self->left_id;
	struct jobtrack_job state;
	pid_t deepest;
	int fd = -1;

	for (int depth = 3; depth <= JOBTRACK_MAX_DEPTH; depth++) {
		fd = jt_create(0, id, NULL, &id);
		ASSERT_GE(fd, 0);
		ASSERT_EQ(0, jt_state(fd, &state));
		EXPECT_EQ(depth, state.depth);
	}
	EXPECT_EQ(-EMLINK, jt_create(0, id, NULL, NULL));
	EXPECT_EQ(-EMLINK, jt_create(JOBTRACK_CREATE_ENTER, id, NULL, NULL));
	ASSERT_EQ(0, jt_state(fd, &state));
	EXPECT_EQ(0, state.subjobs);
	EXPECT_EQ(0, jt_job_of(0));

	deepest = sleeper_in(fd, id);
	ASSERT_GT(deepest, 0);
	ASSERT_EQ(0, jt_state(self->job, &state));
	EXPECT_EQ(1, state.tree_procs);
	EXPECT_FALSE(is_empty(self->job));
	EXPECT_TRUE(is_empty(self->right));
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_EQ(128 + SIGKILL, reap(deepest));
	EXPECT_TRUE(jt_wait_empty(self->job));
}

/* -------------------------------------------------------------------- the limit */

static int make_too_many(void *arg)
{
	FIXTURE_DATA(subjob) *self = arg;
	struct rlimit limit = { 4096, 4096 };
	int fd, fds[4], n = 0;
	uint64_t deep = 0;

	/* wherever in the tree they are */
	for (int i = 0; i < 4; i++) {
		fds[i] = jt_create(0, deep, NULL, &deep);
		CHECK(fds[i] >= 0);
		n++;
	}
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	CHECK(limit.rlim_cur > JOBTRACK_MAX_SUBJOBS + 32);
	while ((fd = jt_create(0, 0, NULL, NULL)) >= 0)
		n++;
	CHECK_EQ(-EDQUOT, fd);
	CHECK_EQ(JOBTRACK_MAX_SUBJOBS, n);
	CHECK_EQ(-EDQUOT, jt_create(JOBTRACK_CREATE_ENTER, 0, NULL, NULL));
	CHECK_EQ(-EDQUOT, jt_create(0, deep, NULL, NULL));
	CHECK_EQ(self->id, jt_job_of(0));
	/* at a time: one ends, one can be made */
	close(fds[3]);
	fd = jt_create(0, 0, NULL, NULL);
	CHECK(fd >= 0);
	CHECK_EQ(-EDQUOT, jt_create(0, 0, NULL, NULL));
	return 0;
}

TEST_F(subjob, limit_for_users)
{
	struct rlimit limit = { 4096, 4096 };
	int handed_over = jt_create_for(OWNER, NULL, &self->id);
	pid_t pid;

	ASSERT_GE(handed_over, 0);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	pid = spawn(handed_over, OWNER, make_too_many, self);
	EXPECT_EQ(0, reap(pid));
	/* they lived by their fds alone */
	EXPECT_TRUE(WAIT_UNTIL(({
		struct jobtrack_job state;

		!jt_state(handed_over, &state) && state.subjobs == 0;
	})));
	close(handed_over);
}

/* ---------------------------------------------------------------- life and fds */

TEST_F(subjob, lives_while_used)
{
	uint64_t id, below_id;
	int below, job = jt_create(0, 0, NULL, &id);
	pid_t pid;

	ASSERT_GE(job, 0);
	below = jt_create(0, id, NULL, &below_id);
	pid = sleeper_in(job, id);
	close(job);			/* a member is left */
	job = jt_open(id, 0);
	EXPECT_GE(job, 0);
	close(job);
	EXPECT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, reap(pid));
	/* a sub-job is left */
	EXPECT_TRUE(WAIT_UNTIL(is_empty(below)));
	job = jt_open(id, 0);
	EXPECT_GE(job, 0);
	close(job);
	close(below);
	EXPECT_TRUE(WAIT_UNTIL(has_ended(below_id)));
	EXPECT_TRUE(WAIT_UNTIL(has_ended(id)));
}

TEST_F(subjob, ids)
{
	uint64_t last = self->id, id;

	EXPECT_LT(self->id, 1ULL << 53);
	for (int i = 0; i < 100; i++) {
		int fd = jt_create(0, 0, NULL, &id);

		ASSERT_GE(fd, 0);
		close(fd);
		EXPECT_LT(last, id);
		last = id;
	}
}

/* Opened by label, through a sub-job's parent, as often as one likes */
TEST_F(subjob, open)
{
	struct jobtrack_job state;
	uint64_t id;
	int made = jt_create(0, self->id, "a.label:of_63@+-", &id);
	int opened = jt_open_label("a.label:of_63@+-");

	ASSERT_GE(made, 0);
	ASSERT_GE(opened, 0);
	ASSERT_EQ(0, jt_state(opened, &state));
	EXPECT_EQ(id, state.id);
	EXPECT_STREQ("a.label:of_63@+-", state.label);
	/* an fd that was not asked to manage does not, not even root's */
	EXPECT_EQ(-EPERM, jt_enter(opened));
	EXPECT_EQ(0, jt_job_of(0));
	EXPECT_TRUE(fcntl(opened, F_GETFD) & FD_CLOEXEC);
	close(made);
	close(opened);
}

static int enter_received(void *arg)
{
	int fd = recv_fd(*(int *)arg);

	CHECK(fd >= 0);
	CHECK_EQ(0, jt_enter(fd));
	return lone_sleeper(NULL);
}

/* A managing fd goes over a Unix socket to a process that has none. */
TEST_F(subjob, fd_over_socket)
{
	int sock[2];
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sock));
	pid = spawn(-1, 0, enter_received, &sock[1]);
	ASSERT_EQ(0, send_fd(sock[0], self->job));
	EXPECT_TRUE(WAIT_UNTIL(jt_job_of(pid) == (int64_t)self->id));
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_EQ(128 + SIGKILL, reap(pid));
}

/* --------------------------------------------------------------- kill on close */

TEST_F(subjob, kill_on_close)
{
	uint64_t id;
	int job = jt_create(JOBTRACK_CREATE_KILL_ON_CLOSE, 0, NULL, &id);
	int second = jt_open(id, JOBTRACK_OPEN_MANAGE);
	int third = dup(job);
	int look = jt_open(id, 0);
	struct jobtrack_job state;
	uint64_t below_id;
	int below = jt_create(0, id, NULL, &below_id);
	pid_t pid = sleeper_in(job, id);
	pid_t deep = sleeper_in(below, below_id);

	ASSERT_EQ(0, jt_state(job, &state));
	EXPECT_EQ(JOBTRACK_JOB_KILL_ON_CLOSE, state.flags);
	close(job);
	close(third);
	EXPECT_FALSE(fd_ready(look, 50));
	EXPECT_EQ(1, live_threads(pid));
	close(second);		/* the last that manages */
	EXPECT_EQ(128 + SIGKILL, reap(pid));
	EXPECT_EQ(128 + SIGKILL, reap(deep));
	EXPECT_TRUE(jt_wait_empty(look));
	ASSERT_EQ(0, jt_state(look, &state));
	EXPECT_EQ(JOBTRACK_KILLED, state.state);
	/* it is condemned, whoever gets another managing fd */
	second = jt_open(id, JOBTRACK_OPEN_MANAGE);
	ASSERT_GE(second, 0);
	EXPECT_EQ(-ECANCELED, jt_tag(second, getpid()));
	close(second);
	close(look);
}

struct daemon {
	uint64_t id;
	pid_t member;
	int sock;
};

static int daemon_that_crashes(void *arg)
{
	struct daemon *d = arg;
	int job = jt_create(JOBTRACK_CREATE_KILL_ON_CLOSE, 0, NULL, &d->id);

	CHECK(job >= 0);
	d->member = sleeper_in(job, d->id);
	/* an fd that is under way in a socket is open, too */
	CHECK_EQ(0, send_fd(d->sock, job));
	return sleeper(NULL);
}

TEST_F(subjob, kill_on_crash)
{
	struct daemon *d = shared(sizeof(*d));
	int sock[2];
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock));
	d->sock = sock[0];
	pid = spawn(-1, 0, daemon_that_crashes, d);
	ASSERT_TRUE(fd_ready(sock[1], PATIENCE_MS));
	ASSERT_GT(d->member, 0);
	EXPECT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, reap(pid));
	EXPECT_EQ(d->id, jt_job_of(d->member));
	EXPECT_EQ(1, live_threads(d->member));
	close(sock[0]);
	close(sock[1]);
	EXPECT_TRUE(WAIT_UNTIL(live_threads(d->member) == 0));
}

/* A create that fails late must not count as the close of a managing fd. */
TEST_F(subjob, failed_open_kills_nobody)
{
	struct jobtrack_open arg = { .flags = JOBTRACK_OPEN_MANAGE };
	struct rlimit old, limit;
	uint64_t id;
	int job = jt_create(JOBTRACK_CREATE_KILL_ON_CLOSE, 0, NULL, &id);
	pid_t pid = sleeper_in(job, id);
	int dev = open(JOBTRACK_DEVICE, O_RDWR);

	arg.id = id;
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	limit = old;
	limit.rlim_cur = dup(0) + 1;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	for (int i = 0; i < 3; i++) {
		int ret = jt_ioctl(dev, JOBTRACK_IOC_OPEN, &arg);

		EXPECT_EQ(-EMFILE, ret);
	}
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	EXPECT_FALSE(fd_ready(job, 50));
	EXPECT_EQ(1, live_threads(pid));
	close(job);
	EXPECT_EQ(128 + SIGKILL, reap(pid));
}

/* An ordinary job outlives whoever made it. */
TEST_F(subjob, no_kill_on_close)
{
	uint64_t id;
	int job = jt_create(0, 0, NULL, &id);
	pid_t pid = sleeper_in(job, id);

	close(job);
	job = jt_open(id, 0);
	ASSERT_GE(job, 0);
	EXPECT_FALSE(fd_ready(job, 50));
	EXPECT_EQ(1, live_threads(pid));
	EXPECT_EQ(0, jt_signal(job, SIGKILL, NULL));
	EXPECT_EQ(128 + SIGKILL, reap(pid));
	close(job);
}

/* ------------------------------------------------------------------------ poll */

TEST_F(subjob, poll)
{
	pid_t pid;

	EXPECT_TRUE(is_empty(self->job));
	pid = sleeper_in(self->left, self->left_id);
	EXPECT_FALSE(is_empty(self->left));
	EXPECT_FALSE(is_empty(self->job));
	EXPECT_TRUE(is_empty(self->right));
	EXPECT_EQ(0, kill(pid, SIGKILL));
	EXPECT_TRUE(jt_wait_empty(self->left));
	EXPECT_TRUE(jt_wait_empty(self->job));
	EXPECT_EQ(128 + SIGKILL, reap(pid));
	/* it can fill again */
	pid = sleeper_in(self->job, self->id);
	EXPECT_FALSE(is_empty(self->job));
	EXPECT_TRUE(is_empty(self->left));
	EXPECT_EQ(0, kill(pid, SIGKILL));
	EXPECT_TRUE(jt_wait_empty(self->job));
}

/* A zombie holds nothing: the job is empty though nobody has waited for it. */
TEST_F(subjob, zombie_is_gone)
{
	struct jobtrack_row *rows;
	pid_t pid = sleeper_in(self->job, self->id);

	EXPECT_EQ(0, kill(pid, SIGKILL));
	EXPECT_TRUE(jt_wait_empty(self->job));
	EXPECT_EQ('Z', proc_state(pid));
	EXPECT_EQ(0, jt_snapshot(self->job, &rows, NULL));
}

/* An edge-triggered waiter is woken once for each time the job empties. */
TEST_F(subjob, epoll_edges)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_GE(ep, 0);
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->job, &event));
	EXPECT_EQ(1, epoll_wait(ep, &event, 1, 0));	/* empty from the start */
	for (int i = 0; i < 20; i++) {
		pid_t pid = sleeper_in(self->right, self->right_id);

		EXPECT_EQ(0, epoll_wait(ep, &event, 1, 0));
		EXPECT_EQ(0, kill(pid, SIGKILL));
		EXPECT_EQ(1, epoll_wait(ep, &event, 1, PATIENCE_MS));
		EXPECT_EQ(128 + SIGKILL, reap(pid));
	}
	close(ep);
}

/* The last member moves down: the job above its new one is not empty. */
TEST_F(subjob, move_down)
{
	uint64_t below_id;
	int below = jt_create(0, self->left_id, NULL, &below_id);
	struct jobtrack_job state;
	pid_t pid = sleeper_in(self->job, self->id);

	ASSERT_GE(below, 0);
	EXPECT_EQ(0, jt_tag(self->left, pid));
	EXPECT_EQ(self->left_id, jt_job_of(pid));
	EXPECT_EQ(0, jt_tag(below, pid));
	EXPECT_EQ(below_id, jt_job_of(pid));
	ASSERT_EQ(0, jt_state(self->left, &state));
	EXPECT_EQ(0, state.procs);
	EXPECT_EQ(1, state.tree_procs);
	EXPECT_FALSE(is_empty(self->job));
	EXPECT_EQ(-EBUSY, jt_tag(self->job, pid));
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_EQ(128 + SIGKILL, reap(pid));
	EXPECT_TRUE(jt_wait_empty(below));
	close(below);
}

/* ------------------------------------------------------------- one instant */

#define LEVELS	JOBTRACK_MAX_DEPTH

static struct {
	int job[LEVELS];
	uint32_t turn;		/* odd while a process is somewhere below the first job */
	bool stop;
} *passage;

static int passers(void *unused)
{
	while (!passage->stop) {
		pid_t pid = fork();

		if (pid) {
			waitpid(pid, NULL, 0);
			CHECK(jt_wait_empty(passage->job[0]));
			continue;
		}
		CHECK_EQ(0, jt_enter(passage->job[0]));
		add_to(&passage->turn, 1);
		for (int i = 1; i < LEVELS; i++)
			CHECK_EQ(0, jt_enter(passage->job[i]));
		add_to(&passage->turn, 1);
		_exit(0);
	}
	return 0;
}

/* The job that a process stays below is empty at no instant while it moves down. */
TEST_F(subjob, not_empty_while_one_moves)
{
	const uint64_t end = now_ns() + 5 * NSEC_PER_SEC * how_slow();
	unsigned int looks = 0, empty = 0;
	struct jobtrack_job state;
	uint64_t id = 0;
	pid_t pid;

	passage = shared(sizeof(*passage));
	for (int i = 0; i < LEVELS; i++) {
		passage->job[i] = jt_create(0, id, NULL, &id);
		ASSERT_LE(0, passage->job[i]);
	}
	pid = spawn(-1, 0, passers, NULL);
	ASSERT_TRUE(WAIT_UNTIL(look_at(&passage->turn)));
	while (looks < 1000 && now_ns() < end) {
		uint32_t turn = look_at(&passage->turn);

		ASSERT_EQ(0, jt_state(passage->job[0], &state));
		if (turn % 2 == 0 || look_at(&passage->turn) != turn)
			continue;
		looks++;
		empty += state.state == JOBTRACK_EMPTY || !state.tree_procs;
	}
	passage->stop = true;
	EXPECT_EQ(0, reap(pid));
	/* one processor may never look while another process moves */
	EXPECT_TRUE(looks || sysconf(_SC_NPROCESSORS_ONLN) == 1);
	EXPECT_EQ(0, empty) TH_LOG("%u of %u looks", empty, looks);
}

TEST_HARNESS_MAIN
