// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/jobtrack: its format, which programs outside the project rely on, who sees
 * which line, and that it agrees with the ioctls and with `jobtrack list`.
 */
#include "common/fuse.h"
#include "common/proc_file.h"

#define VISIBLE		"/sys/module/jobtrack/parameters/visible"

FIXTURE(proc) {
	int job, below, foreign;
	uint64_t id, below_id, foreign_id;
	char text[1 << 16];
};

FIXTURE_SETUP(proc)
{
	REQUIRE_MODULE();
	ASSERT_TRUE(clear_user(OWNER));
	self->job = jt_create_for(OWNER, "label.of:job", &self->id);
	self->below = jt_create(0, self->id, NULL, &self->below_id);
	self->foreign = jt_create_for(STRANGER, "foreign", &self->foreign_id);
	ASSERT_GE(self->job, 0);
	ASSERT_GE(self->below, 0);
	ASSERT_GE(self->foreign, 0);
}

FIXTURE_TEARDOWN(proc)
{
	write_file(VISIBLE, "0");
	jt_signal(self->job, SIGKILL, NULL);
	jt_signal(self->foreign, SIGKILL, NULL);
	clear_user(OWNER);
	clear_user(STRANGER);
}

/* --------------------------------------------------------------------- format */

/* Counters, the head, and then nothing but job lines. */
TEST_F(proc, format)
{
	static const char *const counters[] = {
		"jobs", "members", "leaving", "jobs_created", "joined", "births", "lost",
		"unseen", "condemned", "signals", "signalled", "by_mark", "by_log", "by_order",
		"inexact",
	};
	const size_t n = ARRAY_SIZE(counters);
	struct jobtrack_info info;
	uint64_t *value = (uint64_t *)&info.jobs;
	char *line, *save, *copy;
	size_t number = 0;
	struct line job;

	ASSERT_TRUE(read_proc(self->text, sizeof(self->text)));
	ASSERT_EQ(0, jt_info(&info));
	EXPECT_EQ('\n', self->text[strlen(self->text) - 1]);
	copy = strdup(self->text);
	for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char want[64];

		if (number < n) {
			snprintf(want, sizeof(want), "# %s %llu", counters[number],
				 (unsigned long long)value[number]);
			EXPECT_STREQ(want, line);
		} else if (number == n) {
			EXPECT_STREQ(HEAD, line);
		} else {
			EXPECT_TRUE(find_line(self->text, strtoull(line, NULL, 10), &job))
				TH_LOG("%s", line);
		}
		number++;
	}
	EXPECT_EQ(n + 1 + info.jobs, number);
	free(copy);
}

TEST_F(proc, mode)
{
	struct stat st;

	ASSERT_EQ(0, stat(PROC_FILE, &st));
	EXPECT_EQ(S_IFREG | 0444, st.st_mode);
	EXPECT_EQ(0, st.st_uid);
	EXPECT_GT(0, write_file(PROC_FILE, "1"));
}

static int two_children(void *ready)
{
	if (!fork() || !fork())
		return lone_sleeper(NULL);
	gate_add(ready, 1);
	return lone_sleeper(NULL);
}

TEST_F(proc, columns)
{
	struct gate *ready = shared(sizeof(*ready));
	struct line job, below;

	ASSERT_TRUE(read_proc(self->text, sizeof(self->text)));
	ASSERT_TRUE(find_line(self->text, self->id, &job));
	ASSERT_TRUE(find_line(self->text, self->below_id, &below));
	EXPECT_EQ(0, job.parent);
	EXPECT_EQ(self->id, below.parent);
	EXPECT_EQ(OWNER, job.uid);
	EXPECT_EQ(0, below.uid);
	EXPECT_STREQ("empty", job.state);
	EXPECT_STREQ("label.of:job", job.label);
	EXPECT_STREQ("-", below.label);
	EXPECT_LE(job.age, 60 * how_slow());

	ASSERT_GT(spawn(self->below, OWNER, two_children, ready), 0);
	ASSERT_TRUE(gate_wait(ready, 1));
	ASSERT_TRUE(read_proc(self->text, sizeof(self->text)));
	ASSERT_TRUE(find_line(self->text, self->id, &job));
	ASSERT_TRUE(find_line(self->text, self->below_id, &below));
	EXPECT_STREQ("running", job.state);	/* of the whole tree */
	EXPECT_EQ(0, job.procs);		/* of the job itself */
	EXPECT_STREQ("running", below.state);
	EXPECT_EQ(3, below.procs);
	EXPECT_EQ(2, below.births);
	EXPECT_EQ(0, below.lost);

	ASSERT_EQ(0, jt_signal(self->below, SIGKILL, NULL));
	ASSERT_TRUE(jt_wait_empty(self->below));
	ASSERT_TRUE(read_proc(self->text, sizeof(self->text)));
	ASSERT_TRUE(find_line(self->text, self->id, &job));
	ASSERT_TRUE(find_line(self->text, self->below_id, &below));
	EXPECT_STREQ("empty", job.state);
	EXPECT_STREQ("killed", below.state);
	EXPECT_EQ(0, below.procs + below.leaving);
	EXPECT_EQ(2, below.births);
}

static int hold_file(void *arg)
{
	CHECK(open(FUSE_FILE, O_RDONLY) >= 0);
	gate_add(arg, 1);
	return sleeper(NULL);
}

/* A member that was killed, and whose files are not closed yet */
TEST_F(proc, killing)
{
	struct gate *ready = shared(sizeof(*ready));
	struct line job, below;
	struct fuse fuse;
	pid_t pid;

	ASSERT_EQ(0, fuse_start(&fuse)) TH_LOG("is fuse.ko loaded?");
	pid = spawn(self->below, OWNER, hold_file, ready);
	EXPECT_TRUE(gate_wait(ready, 1));
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_TRUE(gate_wait(fuse.held, 1));
	EXPECT_TRUE(read_proc(self->text, sizeof(self->text)));
	fuse_answer(&fuse);
	EXPECT_EQ(128 + SIGKILL, reap(pid));
	fuse_stop(&fuse);

	ASSERT_TRUE(find_line(self->text, self->id, &job));
	ASSERT_TRUE(find_line(self->text, self->below_id, &below));
	EXPECT_STREQ("killing", job.state);
	EXPECT_EQ(0, job.leaving);
	EXPECT_STREQ("killing", below.state);
	EXPECT_EQ(0, below.procs);
	EXPECT_EQ(1, below.leaving);
}

TEST_F(proc, age)
{
	struct jobtrack_job state;
	struct line line;
	uint64_t before, after;

	ASSERT_EQ(0, jt_state(self->job, &state));
	/* until the job is one second old */
	EXPECT_TRUE(WAIT_UNTIL(now_ns() - state.created > NSEC_PER_SEC));
	before = (now_ns() - state.created) / NSEC_PER_SEC;
	ASSERT_TRUE(read_proc(self->text, sizeof(self->text)));
	after = (now_ns() - state.created) / NSEC_PER_SEC;
	ASSERT_TRUE(find_line(self->text, self->id, &line));
	EXPECT_LE(before, line.age);
	EXPECT_GE(after, line.age);
	EXPECT_LE(1, line.age);
}

/* ------------------------------------------------------------------- counters */

#define MEMBERS	8	/* of whom 3 joined and 5 were born */

static int five_children(void *ready)
{
	for (int i = 0; i < 5; i++)
		if (!fork())
			return lone_sleeper(NULL);
	gate_add(ready, 1);
	return lone_sleeper(NULL);
}

/* Each moves by what was done, and no other. */
TEST_F(proc, counters)
{
	struct gate *ready = shared(sizeof(*ready));
	struct jobtrack_info was, now;
	struct jobtrack_signal counts;
	uint64_t id, below_id;
	int job, below;
	pid_t pid[3];

	ASSERT_TRUE(read_counters(&was));
	job = jt_create(0, 0, NULL, &id);
	below = jt_create(0, id, NULL, &below_id);
	pid[0] = spawn(job, OWNER, five_children, ready);
	pid[1] = spawn(below, OWNER, lone_sleeper, NULL);
	pid[2] = spawn(-1, OWNER, lone_sleeper, NULL);
	EXPECT_EQ(0, jt_tag(below, pid[2]));
	EXPECT_TRUE(gate_wait(ready, 1));
	EXPECT_TRUE(WAIT_UNTIL(jt_job_of(pid[1]) == (int64_t)below_id));

	ASSERT_TRUE(read_counters(&now));
	EXPECT_EQ(2, now.jobs - was.jobs);
	EXPECT_EQ(2, now.jobs_created - was.jobs_created);
	EXPECT_EQ(MEMBERS, now.members - was.members);
	EXPECT_EQ(3, now.joined - was.joined);
	EXPECT_EQ(5, now.births - was.births);
	EXPECT_EQ(0, now.signals - was.signals);
	EXPECT_EQ(0, now.signalled - was.signalled);

	EXPECT_EQ(0, jt_signal(below, SIGURG, &counts));
	EXPECT_EQ(2, counts.signalled);
	EXPECT_EQ(0, jt_signal(job, SIGKILL, &counts));
	EXPECT_EQ(MEMBERS, counts.signalled);
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(128 + SIGKILL, reap(pid[i]));
	EXPECT_TRUE(jt_wait_empty(job));
	close(job);
	close(below);

	/* the last of them with its job, a moment later */
	EXPECT_TRUE(WAIT_UNTIL(read_counters(&now) && now.jobs == was.jobs));
	was.jobs_created += 2;
	was.joined += 3;
	was.births += 5;
	was.signals += 2;
	was.signalled += 2 + MEMBERS;
	EXPECT_EQ(0, memcmp(&now.jobs, &was.jobs, sizeof(now) - offsetof(typeof(now), jobs)));
}

/* ----------------------------------------------------------------- visibility */

struct view {
	uint64_t seen, unseen;
};

static int look(void *arg)
{
	static char text[1 << 16];
	struct view *view = arg;
	struct line line;

	CHECK(read_proc(text, sizeof(text)));
	CHECK(strstr(text, "# births "));
	CHECK(strstr(text, HEAD));
	CHECK(!view->seen || find_line(text, view->seen, &line));
	CHECK(!view->unseen || !find_line(text, view->unseen, &line));
	return 0;
}

static int look_as_userns_root(void *arg)
{
	CHECK_EQ(0, enter_userns());
	return look(arg);
}

TEST_F(proc, visibility)
{
	struct view owner = { self->id, self->foreign_id };
	struct view below = { self->below_id, self->foreign_id };
	struct view stranger = { self->foreign_id, self->id };
	struct view nobody = { 0, self->id };
	struct view all = { self->id, 0 };

	EXPECT_EQ(0, run_as(OWNER, look, &owner));
	EXPECT_EQ(0, run_as(OWNER, look, &below));	/* made by root, below its own */
	EXPECT_EQ(0, run_as(STRANGER, look, &stranger));
	EXPECT_EQ(0, run_as(65534, look, &nobody));
	EXPECT_EQ(0, run_as(STRANGER, look_as_userns_root, &stranger));
	EXPECT_EQ(0, run_as(0, look, &all));
	/* a member sees its tree, whoever it runs as */
	EXPECT_EQ(0, reap(spawn(self->job, STRANGER, look, &all)));
	EXPECT_EQ(0, reap(spawn(self->below, STRANGER, look, &all)));

	ASSERT_EQ(0, write_file(VISIBLE, "1"));
	EXPECT_EQ(0, run_as(65534, look, &all));
	ASSERT_EQ(0, write_file(VISIBLE, "0"));
	EXPECT_EQ(0, run_as(65534, look, &nobody));
}

/* What counts is who opened it: the reader may be a setuid program. */
struct opened {
	uint64_t id;
	int fd, sock[2];
	bool shown;
};

static int read_opened(void *arg)
{
	static char text[1 << 16];
	struct opened *opened = arg;
	struct line line;

	CHECK(read(opened->fd, text, sizeof(text) - 1) > 0);
	CHECK_EQ(opened->shown, find_line(text, opened->id, &line));
	return 0;
}

static int open_and_send(void *arg)
{
	struct opened *opened = arg;

	return send_fd(opened->sock[0], open(PROC_FILE, O_RDONLY));
}

TEST_F(proc, opener_counts)
{
	struct opened opened = { .id = self->foreign_id, .shown = true };

	opened.fd = open(PROC_FILE, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(opened.fd, 0);
	EXPECT_EQ(0, run_as(OWNER, read_opened, &opened));
	close(opened.fd);

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, opened.sock));
	ASSERT_EQ(0, run_as(OWNER, open_and_send, &opened));
	opened.fd = recv_fd(opened.sock[1]);
	ASSERT_GE(opened.fd, 0);
	opened.shown = false;
	EXPECT_EQ(0, run_as(0, read_opened, &opened));
}

/* ------------------------------------------------------------------ agreement */

/* The rows of the LIST ioctl and of /proc are the same, in the same order. */
TEST_F(proc, agrees_with_list)
{
	static const char *const states[] = { "empty", "running", "killing", "killed" };
	struct jobtrack_job *list;
	struct line line;
	const char *at;
	int n;

	ASSERT_GT(spawn(self->below, OWNER, lone_sleeper, NULL), 0);
	ASSERT_GT(spawn(self->foreign, STRANGER, lone_sleeper, NULL), 0);
	ASSERT_TRUE(WAIT_UNTIL(user_processes(OWNER, NULL, 0) == 2));	/* both are marked */
	ASSERT_TRUE(read_proc(self->text, sizeof(self->text)));
	n = jt_list(&list);
	ASSERT_LE(3, n);
	at = strstr(self->text, HEAD);
	for (int i = 0; i < n; i++) {
		at = strchr(at, '\n') + 1;
		EXPECT_EQ(list[i].id, strtoull(at, NULL, 10));
		ASSERT_TRUE(find_line(self->text, list[i].id, &line));
		EXPECT_EQ(list[i].parent, line.parent);
		EXPECT_EQ(list[i].uid, line.uid);
		EXPECT_EQ(list[i].procs, line.procs);
		EXPECT_EQ(list[i].leaving, line.leaving);
		EXPECT_EQ(list[i].births, line.births);
		EXPECT_EQ(list[i].lost, line.lost);
		EXPECT_STREQ(states[list[i].state], line.state);
		EXPECT_STREQ(list[i].label[0] ? list[i].label : "-", line.label);
	}
	EXPECT_STREQ("\n", strchr(at, '\n'));
}

/* The command's table has the same jobs: its first column is the ID. */
TEST_F(proc, agrees_with_command)
{
	struct jobtrack_job *list;
	char line[512];
	int rows = 0, n = jt_list(&list);
	FILE *out = popen("jobtrack list", "r");

	ASSERT_NE(NULL, out);
	ASSERT_NE(NULL, fgets(line, sizeof(line), out));
	while (fgets(line, sizeof(line), out)) {
		ASSERT_LT(rows, n);
		EXPECT_EQ(list[rows].id, strtoull(line, NULL, 10)) TH_LOG("%s", line);
		if (list[rows].label[0])
			EXPECT_NE(NULL, strstr(line, list[rows].label)) TH_LOG("%s", line);
		rows++;
	}
	EXPECT_EQ(n, rows);
	EXPECT_EQ(0, pclose(out));
}

/* -------------------------------------------------------------- parts of a file */

#define MANY	400	/* jobs: their lines are more than a page */

static void create_many(struct __test_metadata *_metadata, int *fds, uint64_t *ids)
{
	for (int i = 0; i < MANY; i++) {
		char label[JOBTRACK_LABEL_SIZE];

		snprintf(label, sizeof(label), "label.%0*d", i % 57 + 1, i);
		fds[i] = jt_create(0, 0, label, &ids[i]);
		ASSERT_GE(fds[i], 0);
	}
}

/* A job grows a second older now and then: until none does while it is read. */
TEST_F(proc, any_pieces)
{
	static const struct {
		size_t size;
		bool at;
	} ways[] = { { 1, false }, { 7, false }, { 4096, false }, { 97, true }, { 4095, true } };
	static char before[1 << 16], after[1 << 16];
	int fds[MANY], fd = open(PROC_FILE, O_RDONLY | O_CLOEXEC);
	uint64_t ids[MANY];

	create_many(_metadata, fds, ids);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		ASSERT_TRUE(WAIT_UNTIL(({
			ASSERT_TRUE(read_proc(before, sizeof(before)));
			ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
			read_pieces(fd, self->text, 0, sizeof(self->text), ways[i].size,
				    ways[i].at);
			ASSERT_TRUE(read_proc(after, sizeof(after)));
			!strcmp(before, after);
		})));
		EXPECT_EQ(0, strcmp(before, self->text)) TH_LOG("pieces of %zu", ways[i].size);
	}
	EXPECT_LT(4096 * 2, strlen(before));
}

/* Every second job ends when a part has been read: the others are there, once. */
TEST_F(proc, jobs_end_meanwhile)
{
	int fds[MANY], fd = open(PROC_FILE, O_RDONLY | O_CLOEXEC), found = 0;
	uint64_t ids[MANY], last = 0;
	struct line line;
	ssize_t n;

	create_many(_metadata, fds, ids);
	n = read(fd, self->text, 3000);
	ASSERT_LT(0, n);
	for (int i = 0; i < MANY; i += 2)
		close(fds[i]);
	read_pieces(fd, self->text, n, sizeof(self->text), 100, false);
	for (int i = 0; i < MANY; i++) {
		bool there = find_line(self->text, ids[i], &line);

		found += there;
		EXPECT_TRUE(there || i % 2 == 0) TH_LOG("job %d", i);
	}
	EXPECT_GT(MANY, found);
	for (char *at = strchr(strstr(self->text, HEAD), '\n') + 1; *at;
	     at = strchr(at, '\n') + 1) {
		ASSERT_LT(last, strtoull(at, NULL, 10));
		last = strtoull(at, NULL, 10);
		EXPECT_TRUE(find_line(self->text, last, &line)) TH_LOG("job %lu", last);
	}
}

/* Many more lines than fit into one read, while jobs come and go */
static int come_and_go(void *stop)
{
	while (!__atomic_load_n((int *)stop, __ATOMIC_RELAXED))
		close(jt_create(0, 0, NULL, NULL));
	return 0;
}

TEST_F(proc, long_and_changing)
{
	static char text[1 << 20];
	int *stop = shared(sizeof(*stop));
	int fds[MANY];
	uint64_t ids[MANY];
	pid_t pid;

	create_many(_metadata, fds, ids);
	pid = spawn(-1, 0, come_and_go, stop);
	for (int round = 0; round < 20; round++) {
		uint64_t last = 0;
		struct line line;
		char *at;

		ASSERT_TRUE(read_proc(text, sizeof(text)));
		for (int i = 0; i < MANY; i++)
			ASSERT_TRUE(find_line(text, ids[i], &line));
		/* in order, so that none is there twice */
		for (at = strchr(strstr(text, HEAD), '\n') + 1; *at; at = strchr(at, '\n') + 1) {
			uint64_t id = strtoull(at, NULL, 10);

			ASSERT_LT(last, id);
			last = id;
		}
	}
	*stop = 1;
	EXPECT_EQ(0, reap(pid));
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
}

TEST_HARNESS_MAIN
