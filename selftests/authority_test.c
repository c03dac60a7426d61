// SPDX-License-Identifier: GPL-2.0
/*
 * P2: no unprivileged call changes or removes a job ID, nor does root in a user
 * namespace; and who may look at, signal and manage a job.
 *
 * Each attempt uses otherwise valid data, and the same call by somebody who may
 * make it succeeds.
 */
#include "common/proc.h"
#include <linux/capability.h>

FIXTURE(authority) {
	uint64_t id, other_id;	/* two jobs that OWNER made */
	int job, other;
	uint64_t foreign_id;	/* one that STRANGER made */
	int foreign;
	int sock[2];
};

/* Where a child leaves the jobs that it made as an ordinary user */
struct made {
	uint64_t id;
	int sock;
	const char *label;
};

static int make_job(void *arg)
{
	struct made *made = arg;
	int fd = jt_create(0, 0, made->label, &made->id);

	CHECK(fd >= 0);
	return send_fd(made->sock, fd);
}

/* A job that @uid has made itself; its managing fd comes by the socket */
static int job_made_by(int *sock, uid_t uid, const char *label, uint64_t *id)
{
	struct made *made = shared(sizeof(*made));
	int fd;

	made->sock = sock[0];
	made->label = label;
	if (run_as(uid, make_job, made))
		return -EIO;
	fd = recv_fd(sock[1]);
	*id = made->id;
	return fd;
}

FIXTURE_SETUP(authority)
{
	REQUIRE_MODULE();
	ASSERT_TRUE(clear_user(OWNER) && clear_user(STRANGER));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, self->sock));
	self->job = job_made_by(self->sock, OWNER, "mine", &self->id);
	ASSERT_GE(self->job, 0);
	self->other = job_made_by(self->sock, OWNER, "other", &self->other_id);
	ASSERT_GE(self->other, 0);
	self->foreign = job_made_by(self->sock, STRANGER, "mine", &self->foreign_id);
	ASSERT_GE(self->foreign, 0);
}

FIXTURE_TEARDOWN(authority)
{
	jt_signal(self->job, SIGKILL, NULL);
	jt_signal(self->other, SIGKILL, NULL);
	jt_signal(self->foreign, SIGKILL, NULL);
	clear_user(OWNER);
	clear_user(STRANGER);
}

/* ----------------------------------------------------------- within one user */

static int stay_in_job(void *arg)
{
	FIXTURE_DATA(authority) *jobs = arg;

	CHECK_EQ(0, jt_enter(jobs->job));
	CHECK_EQ(0, jt_enter(jobs->job));	/* it is there: nothing to do */
	CHECK_EQ(-EBUSY, jt_enter(jobs->other));
	CHECK_EQ(-EBUSY, jt_tag(jobs->other, getpid()));
	CHECK_EQ(-EPERM, jt_create(JOBTRACK_CREATE_ENTER, jobs->other_id, NULL, NULL));
	CHECK_EQ(jobs->id, jt_job_of(0));
	return 0;
}

TEST_F(authority, member_stays)
{
	EXPECT_EQ(0, run_as(OWNER, stay_in_job, self));
}

/* Neither may one that manages both jobs move it, as a non-member or as root. */
static int move_others_member(void *arg)
{
	FIXTURE_DATA(authority) *jobs = arg;
	pid_t pid = spawn(jobs->job, 0, sleeper, NULL);

	CHECK(WAIT_UNTIL(jt_job_of(pid) == (int64_t)jobs->id));
	CHECK_EQ(-EBUSY, jt_tag(jobs->other, pid));
	CHECK_EQ(0, jt_tag(jobs->job, pid));
	CHECK_EQ(jobs->id, jt_job_of(pid));
	CHECK(kill(pid, SIGKILL) == 0);
	return 0;
}

TEST_F(authority, manager_moves_nobody)
{
	EXPECT_EQ(0, run_as(OWNER, move_others_member, self));
	EXPECT_EQ(0, run_as(0, move_others_member, self));
}

/*
 * There may be a command that lets go of a job. A member tries every number, in
 * every direction, on the device and on its job's fd.
 */
static int try_all_commands(void *arg)
{
	static const unsigned int directions[] = {
		_IOC_NONE, _IOC_READ, _IOC_WRITE, _IOC_READ | _IOC_WRITE
	};
	static char zero[4096];
	FIXTURE_DATA(authority) *jobs = arg;
	int dev = open(JOBTRACK_DEVICE, O_RDWR | O_CLOEXEC);

	CHECK(dev >= 0);
	CHECK_EQ(0, jt_enter(jobs->job));
	for (int nr = 0; nr < 256; nr++) {
		for (int d = 0; d < 4; d++) {
			for (int size = 0; size <= 256; size += 8) {
				unsigned int cmd = _IOC(directions[d], JOBTRACK_IOC_TYPE, nr, size);

				for (int i = 0; i < 2; i++) {
					int ret = ioctl(i ? jobs->job : dev, cmd, zero);

					if (ret > 2)
						close(ret);
					memset(zero, 0, sizeof(zero));
				}
			}
		}
		CHECK_EQ(jobs->id, jt_job_of(0));
	}
	return 0;
}

TEST_F(authority, no_command_lets_go)
{
	EXPECT_EQ(0, run_as(OWNER, try_all_commands, self));
}

/* Downwards only: not to the parent, not to a sibling, not to its sub-jobs */
static int move_in_tree(void *arg)
{
	FIXTURE_DATA(authority) *jobs = arg;
	uint64_t left_id, right_id, below_id;
	int left = jt_create(0, jobs->id, NULL, &left_id);
	int right = jt_create(0, jobs->id, NULL, &right_id);
	int below = jt_create(0, right_id, NULL, &below_id);
	pid_t member;

	CHECK(left >= 0 && right >= 0 && below >= 0);
	CHECK_EQ(0, jt_enter(jobs->job));
	member = spawn(-1, 0, sleeper, NULL);
	CHECK_EQ(jobs->id, jt_job_of(member));
	CHECK_EQ(0, jt_tag(right, member));
	CHECK_EQ(right_id, jt_job_of(member));

	CHECK_EQ(0, jt_enter(left));
	CHECK_EQ(left_id, jt_job_of(0));
	CHECK_EQ(-EBUSY, jt_enter(jobs->job));
	CHECK_EQ(-EBUSY, jt_enter(right));
	CHECK_EQ(-EBUSY, jt_enter(below));
	CHECK_EQ(-EBUSY, jt_tag(jobs->job, getpid()));
	CHECK_EQ(-EBUSY, jt_tag(right, getpid()));

	CHECK_EQ(-EBUSY, jt_tag(jobs->job, member));
	CHECK_EQ(-EBUSY, jt_tag(left, member));
	CHECK_EQ(0, jt_tag(below, member));
	CHECK_EQ(below_id, jt_job_of(member));
	CHECK_EQ(left_id, jt_job_of(0));
	CHECK(kill(member, SIGKILL) == 0);
	return 0;
}

TEST_F(authority, one_way_down)
{
	EXPECT_EQ(0, run_as(OWNER, move_in_tree, self));
}

/* What a member makes is a sub-job of its own, whatever it asks for. */
static int create_in_member(void *arg)
{
	FIXTURE_DATA(authority) *jobs = arg;
	struct jobtrack_job state;
	uint64_t id, deeper;
	int fd;

	CHECK_EQ(0, jt_enter(jobs->job));
	fd = jt_create(0, 0, NULL, &id);
	CHECK(fd >= 0);
	CHECK_EQ(0, jt_state(fd, &state));
	CHECK_EQ(jobs->id, state.parent);
	CHECK_EQ(2, state.depth);

	CHECK_EQ(-EPERM, jt_create(0, jobs->other_id, NULL, NULL));
	CHECK_EQ(-ENOENT, jt_create(0, jobs->foreign_id, NULL, NULL));
	CHECK_EQ(jobs->id, jt_job_of(0));

	/* `jobtrack run` inside a job */
	fd = jt_create(JOBTRACK_CREATE_ENTER, 0, NULL, &deeper);
	CHECK(fd >= 0);
	CHECK_EQ(deeper, jt_job_of(0));
	CHECK_EQ(0, jt_state(fd, &state));
	CHECK_EQ(jobs->id, state.parent);
	/* now its first sub-job is out of reach, too */
	CHECK_EQ(-EPERM, jt_create(JOBTRACK_CREATE_ENTER, id, NULL, NULL));
	CHECK_EQ(-EPERM, jt_create(0, jobs->id, NULL, NULL));
	CHECK_EQ(deeper, jt_job_of(0));
	return 0;
}

TEST_F(authority, members_job_is_below)
{
	EXPECT_EQ(0, run_as(OWNER, create_in_member, self));
}

/* --------------------------------------------------------------- other users */

static int look_for_foreign_jobs(void *arg)
{
	struct jobtrack_open by_label = {
		.flags = JOBTRACK_OPEN_OWNER, .uid = STRANGER, .label = "mine",
	};
	FIXTURE_DATA(authority) *jobs = arg;
	struct jobtrack_job *list;
	int n, seen = 0, fd;
	char id[24], buf[16384];

	CHECK_EQ(-ENOENT, jt_open(jobs->foreign_id, 0));
	CHECK_EQ(-ENOENT, jt_open(jobs->foreign_id, JOBTRACK_OPEN_MANAGE));
	CHECK_EQ(-ENOENT, jt_device(JOBTRACK_IOC_OPEN, &by_label));
	fd = jt_open(jobs->id, JOBTRACK_OPEN_MANAGE);
	CHECK(fd >= 0);
	by_label.uid = OWNER;
	fd = jt_device(JOBTRACK_IOC_OPEN, &by_label);
	CHECK(fd >= 0);
	CHECK_EQ(jobs->id, by_label.id);	/* the same label, another owner */

	n = jt_list(&list);
	CHECK(n >= 2);
	for (int i = 0; i < n; i++) {
		CHECK(list[i].id != jobs->foreign_id);
		seen += list[i].id == jobs->id || list[i].id == jobs->other_id;
	}
	CHECK_EQ(2, seen);
	CHECK(read_file("/proc/jobtrack", buf, sizeof(buf)) > 0);
	snprintf(id, sizeof(id), "\n%llu ", (unsigned long long)jobs->foreign_id);
	CHECK(!strstr(buf, id));
	snprintf(id, sizeof(id), "\n%llu ", (unsigned long long)jobs->id);
	CHECK(strstr(buf, id));
	return 0;
}

TEST_F(authority, others_jobs_are_hidden)
{
	EXPECT_EQ(0, run_as(OWNER, look_for_foreign_jobs, self));
}

struct target {
	uint64_t id;
	pid_t pid;
};

static int which_is_refused(void *arg)
{
	struct target *target = arg;

	CHECK_EQ(-EACCES, jt_job_of(target->pid));
	return 0;
}

static int which_is_told(void *arg)
{
	struct target *target = arg;

	CHECK_EQ(target->id, jt_job_of(target->pid));
	return 0;
}

TEST_F(authority, which_of_others)
{
	struct target target = { .id = self->foreign_id };

	target.pid = spawn(self->foreign, STRANGER, sleeper, NULL);
	ASSERT_TRUE(WAIT_UNTIL(belongs_to(target.pid, STRANGER)));
	EXPECT_EQ(0, run_as(OWNER, which_is_refused, &target));
	EXPECT_EQ(0, run_as(STRANGER, which_is_told, &target));
	EXPECT_EQ(0, run_as(0, which_is_told, &target));
}

/* A managing fd that was passed to somebody who is nobody to the job */
static int use_fd_of_another(void *arg)
{
	FIXTURE_DATA(authority) *jobs = arg;

	CHECK_EQ(0, send_fd(jobs->sock[0], jobs->foreign));
	jobs->foreign = recv_fd(jobs->sock[1]);
	CHECK(jobs->foreign >= 0);
	CHECK_EQ(-EPERM, jt_enter(jobs->foreign));
	CHECK_EQ(-EPERM, jt_tag(jobs->foreign, getpid()));
	CHECK_EQ(-EPERM, jt_signal(jobs->foreign, SIGTERM, NULL));
	CHECK_EQ(-EPERM, jt_signal(jobs->foreign, SIGKILL, NULL));
	CHECK_EQ(-ENOENT, jt_create(0, jobs->foreign_id, NULL, NULL));
	CHECK_EQ(0, jt_job_of(0));
	return 0;
}

TEST_F(authority, passed_fd_lends_nothing)
{
	pid_t pid = spawn(self->foreign, STRANGER, sleeper, NULL);

	ASSERT_TRUE(WAIT_UNTIL(belongs_to(pid, STRANGER)));
	EXPECT_EQ(0, run_as(OWNER, use_fd_of_another, self));
	EXPECT_EQ(1, live_threads(pid));
	EXPECT_EQ(0, jt_signal(self->foreign, SIGKILL, NULL));
	EXPECT_EQ(128 + SIGKILL, reap(pid));
}

/* The owner of a job that root made: may signal, and manage if root hands it over */
static int use_as_owner(void *arg)
{
	FIXTURE_DATA(authority) *jobs = arg;
	struct jobtrack_row *rows;
	int fd = jt_open(jobs->id, 0);

	CHECK(fd >= 0);
	CHECK_EQ(-EPERM, jt_open(jobs->id, JOBTRACK_OPEN_MANAGE));
	CHECK_EQ(-EPERM, jt_create(0, jobs->id, NULL, NULL));
	CHECK_EQ(-EPERM, jt_enter(fd));
	CHECK_EQ(-EPERM, jt_tag(fd, getpid()));
	CHECK_EQ(0, jt_job_of(0));
	CHECK_EQ(1, jt_snapshot(fd, &rows, NULL));
	CHECK_EQ(0, jt_signal(fd, SIGCONT, NULL));
	CHECK_EQ(0, jt_enter(jobs->job));	/* handed over */
	CHECK_EQ(jobs->id, jt_job_of(0));
	return 0;
}

TEST_F(authority, owner_of_roots_job)
{
	FIXTURE_DATA(authority) jobs = *self;
	pid_t pid;

	jobs.job = jt_create_for(OWNER, NULL, &jobs.id);
	ASSERT_GE(jobs.job, 0);
	pid = spawn(jobs.job, OWNER, sleeper, NULL);
	ASSERT_TRUE(WAIT_UNTIL(jt_job_of(pid) == (int64_t)jobs.id));
	EXPECT_EQ(0, run_as(OWNER, use_as_owner, &jobs));
	EXPECT_EQ(0, jt_signal(jobs.job, SIGKILL, NULL));
	EXPECT_EQ(128 + SIGKILL, reap(pid));
	close(jobs.job);
}

static int create_for_stranger(void *arg)
{
	(void)arg;
	CHECK_EQ(-EPERM, jt_create_for(STRANGER, NULL, NULL));
	CHECK_EQ(-EPERM, jt_create_for(0, NULL, NULL));
	CHECK(jt_create_for(OWNER, NULL, NULL) >= 0);
	return 0;
}

TEST_F(authority, create_for_another)
{
	EXPECT_EQ(0, run_as(OWNER, create_for_stranger, NULL));
}

/* A member that runs as somebody else, as a setuid program does, may look only. */
static int look_as_member(void *arg)
{
	FIXTURE_DATA(authority) *jobs = arg;
	struct jobtrack_row *rows;
	int fd = jt_open(jobs->id, 0);

	CHECK(fd >= 0);
	CHECK_EQ(1, jt_snapshot(fd, &rows, NULL));
	CHECK_EQ(rows[0].pid, getpid());
	CHECK_EQ(-EPERM, jt_signal(fd, SIGTERM, NULL));
	CHECK_EQ(-EPERM, jt_signal(fd, SIGKILL, NULL));
	CHECK_EQ(-EPERM, jt_enter(fd));
	CHECK_EQ(-EPERM, jt_open(jobs->id, JOBTRACK_OPEN_MANAGE));
	CHECK_EQ(-EPERM, jt_enter(jobs->job));	/* the fd was OWNER's */
	CHECK_EQ(-ENOENT, jt_open(jobs->other_id, 0));
	return 0;
}

TEST_F(authority, member_of_another_user)
{
	pid_t pid = spawn(self->job, STRANGER, look_as_member, self);

	EXPECT_EQ(0, reap(pid));
}

/* ---------------------------------------------------------------- capabilities */

static int keep_only(int cap)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };

	data[cap / 32].effective = 1U << cap % 32;
	data[cap / 32].permitted = 1U << cap % 32;
	return syscall(SYS_capset, &head, data) ? -errno : 0;
}

/* Somebody else than the jobs' users, with one capability of root's */
static int use_with_cap(FIXTURE_DATA(authority) *jobs, int cap, bool signals, bool manages)
{
	uid_t nobody = 65534;
	int fd, managing;

	CHECK(prctl(PR_SET_KEEPCAPS, 1) == 0);
	CHECK(setresuid(nobody, nobody, nobody) == 0);
	CHECK_EQ(0, keep_only(cap));
	fd = jt_open(jobs->id, 0);
	if (!signals && !manages) {
		CHECK_EQ(-ENOENT, fd);
		return 0;
	}
	CHECK(fd >= 0);
	CHECK_EQ(signals ? 0 : -EPERM, jt_signal(fd, SIGCONT, NULL));
	managing = jt_open(jobs->id, JOBTRACK_OPEN_MANAGE);
	CHECK_EQ(manages, managing >= 0);
	if (manages) {
		CHECK_EQ(0, jt_enter(managing));
		CHECK_EQ(jobs->id, jt_job_of(0));
	} else {
		CHECK_EQ(-EPERM, managing);
		CHECK_EQ(-EPERM, jt_enter(jobs->job));
	}
	return 0;
}

static int with_kill(void *arg)
{
	return use_with_cap(arg, CAP_KILL, true, false);
}

static int with_sys_admin(void *arg)
{
	return use_with_cap(arg, CAP_SYS_ADMIN, false, true);
}

static int with_something_else(void *arg)
{
	return use_with_cap(arg, CAP_SYS_PTRACE, false, false);
}

TEST_F(authority, capabilities)
{
	EXPECT_EQ(0, run_as(0, with_kill, self));
	EXPECT_EQ(0, run_as(0, with_sys_admin, self));
	EXPECT_EQ(0, run_as(0, with_something_else, self));
}

/* ------------------------------------------------------------- user namespaces */

static int root_in_userns(void *arg)
{
	FIXTURE_DATA(authority) *jobs = arg;
	int fd;

	CHECK_EQ(0, jt_enter(jobs->job));
	CHECK_EQ(0, enter_userns());
	CHECK(geteuid() == 0);
	/* a fd of its own jobs, but made outside, */
	CHECK_EQ(-EPERM, jt_signal(jobs->other, SIGTERM, NULL));
	CHECK_EQ(-EPERM, jt_signal(jobs->other, SIGKILL, NULL));
	CHECK_EQ(-EPERM, jt_enter(jobs->job));
	CHECK_EQ(-EPERM, jt_enter(jobs->other));
	/* other users' jobs, */
	CHECK_EQ(-ENOENT, jt_open(jobs->foreign_id, 0));
	CHECK_EQ(-EPERM, jt_signal(jobs->foreign, SIGKILL, NULL));
	CHECK_EQ(-ENOENT, jt_create(0, jobs->foreign_id, NULL, NULL));
	/* and a way out of its own */
	fd = jt_open(jobs->other_id, JOBTRACK_OPEN_MANAGE);
	CHECK(fd >= 0);
	CHECK_EQ(-EBUSY, jt_enter(fd));
	CHECK_EQ(-EBUSY, jt_tag(fd, getpid()));
	CHECK_EQ(-EPERM, jt_create(JOBTRACK_CREATE_ENTER, jobs->other_id, NULL, NULL));
	CHECK_EQ(-EINVAL, jt_create_for(STRANGER, NULL, NULL));	/* not mapped */
	CHECK_EQ(jobs->id, jt_job_of(0));
	/* it is still who it was: its own jobs are its own */
	CHECK_EQ(0, jt_signal(fd, SIGCONT, NULL));
	return 0;
}

TEST_F(authority, root_in_userns)
{
	pid_t pid = spawn(self->foreign, STRANGER, sleeper, NULL);

	ASSERT_TRUE(WAIT_UNTIL(belongs_to(pid, STRANGER)));
	EXPECT_EQ(0, run_as(OWNER, root_in_userns, self));
	EXPECT_EQ(1, live_threads(pid));
}

static int make_job_in_userns(void *arg)
{
	CHECK_EQ(0, enter_userns());
	return make_job(arg);
}

static int use_fd_from_userns(void *arg)
{
	FIXTURE_DATA(authority) *jobs = arg;

	CHECK_EQ(-EPERM, jt_enter(jobs->job));
	CHECK_EQ(-EPERM, jt_tag(jobs->job, getpid()));
	CHECK_EQ(-EPERM, jt_signal(jobs->job, SIGTERM, NULL));
	CHECK_EQ(-EPERM, jt_signal(jobs->job, SIGKILL, NULL));
	/* who made it may open it here, and then has its say */
	jobs->job = jt_open(jobs->id, JOBTRACK_OPEN_MANAGE);
	CHECK(jobs->job >= 0);
	CHECK_EQ(0, jt_signal(jobs->job, SIGTERM, NULL));
	CHECK_EQ(0, jt_enter(jobs->job));
	return 0;
}

/* The other way round: made in a user namespace, used outside */
TEST_F(authority, fd_from_userns)
{
	struct made *made = shared(sizeof(*made));
	FIXTURE_DATA(authority) jobs = *self;

	made->sock = self->sock[0];
	ASSERT_EQ(0, run_as(OWNER, make_job_in_userns, made));
	jobs.job = recv_fd(self->sock[1]);
	jobs.id = made->id;
	ASSERT_GE(jobs.job, 0);
	EXPECT_EQ(0, run_as(OWNER, use_fd_from_userns, &jobs));
	EXPECT_EQ(-EPERM, jt_enter(jobs.job));	/* root, too */
	close(jobs.job);
}

TEST_HARNESS_MAIN
