// SPDX-License-Identifier: GPL-2.0
/*
 * P7: a job leaves no trace in its processes. A program paints all that it can see
 * of itself, inside and outside a job, and the two pictures are the same; so is
 * what its parent sees of its end, and what a signal says of its sender.
 */
#include "common/portrait.h"

#define PICTURE_SIZE	(1 << 18)

/* How the painter comes to be in a job, if at all */
enum way_in { OUTSIDE, ENTERS, IS_TAGGED, IS_BORN, CREATES };

struct sitting {
	enum way_in way;
	void (*mark)(void);	/* something that must be seen */
	int fd;			/* where to */
};

static void paint_self(void)
{
	char *argv[] = { "portrait", "with", "arguments", NULL };
	char *envp[] = { "A=1", "PATH=/bin", NULL };

	/* the same addresses each time */
	CHECK(personality(ADDR_NO_RANDOMIZE) >= 0);
	execve("/proc/self/exe", argv, envp);
	_exit(127);
}

/*
 * The launcher is an ordinary user: root's way in could leave the mark that a
 * capability was used, which /proc/PID/stat shows.
 */
static int launcher(void *arg)
{
	struct sitting *sitting = arg;
	int go[2], job = -1;
	char byte;
	pid_t pid;

	CHECK(dup2(sitting->fd, 1) == 1);
	if (sitting->way != OUTSIDE && sitting->way != CREATES) {
		job = jt_create(0, 0, "picture", NULL);
		CHECK(job >= 0);
	}
	if (sitting->way == IS_BORN)
		CHECK_EQ(0, jt_enter(job));
	CHECK(pipe2(go, O_CLOEXEC) == 0);
	pid = fork();
	if (!pid) {
		if (sitting->way == ENTERS)
			CHECK_EQ(0, jt_enter(job));
		if (sitting->way == CREATES)
			CHECK(jt_create(JOBTRACK_CREATE_ENTER, 0, "picture", NULL) >= 0);
		if (sitting->mark)
			sitting->mark();
		CHECK(read(go[0], &byte, 1) == 1);
		CHECK((jt_job_of(0) != 0) == (sitting->way != OUTSIDE));
		paint_self();
	}
	if (sitting->way == IS_TAGGED)
		CHECK_EQ(0, jt_tag(job, pid));
	CHECK(write(go[1], "", 1) == 1);
	CHECK_EQ(0, reap(pid));
	return 0;
}

/* The text, malloc()ed, or NULL. Always the same file: the picture shows it, too. */
static char *take_picture(int fd, enum way_in way, void (*mark)(void))
{
	struct sitting sitting = { .way = way, .mark = mark, .fd = fd };
	char *text = calloc(1, PICTURE_SIZE);

	if (ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET) || run_as(OWNER, launcher, &sitting) ||
	    pread(fd, text, PICTURE_SIZE - 1, 0) <= 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* The first line in which they differ, or NULL */
static const char *difference(const char *a, const char *b)
{
	static char both[600];

	while (*a || *b) {
		size_t na = strcspn(a, "\n"), nb = strcspn(b, "\n");

		if (na != nb || memcmp(a, b, na)) {
			snprintf(both, sizeof(both), "\"%.*s\" and \"%.*s\"",
				 (int)(na < 250 ? na : 250), a, (int)(nb < 250 ? nb : 250), b);
			return both;
		}
		a += na + !!a[na];
		b += nb + !!b[nb];
	}
	return NULL;
}

FIXTURE(trace) {
	int fd;
	char *outside;
};

FIXTURE_SETUP(trace)
{
	REQUIRE_MODULE();
	ASSERT_TRUE(clear_user(OWNER));
	self->fd = open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	ASSERT_GE(self->fd, 0);
	self->outside = take_picture(self->fd, OUTSIDE, NULL);
	ASSERT_NE(NULL, self->outside);
}

FIXTURE_TEARDOWN(trace)
{
	free(self->outside);
	close(self->fd);
}

static void compare(struct __test_metadata *_metadata, FIXTURE_DATA(trace) *self,
		    enum way_in way)
{
	char *inside = take_picture(self->fd, way, NULL);

	ASSERT_NE(NULL, inside);
	EXPECT_NULL(difference(self->outside, inside))
		TH_LOG("%s", difference(self->outside, inside));
	free(inside);
}

TEST_F(trace, outside_twice)
{
	compare(_metadata, self, OUTSIDE);
	EXPECT_LT(8000, strlen(self->outside));
}

TEST_F(trace, entered)
{
	compare(_metadata, self, ENTERS);
}

TEST_F(trace, tagged)
{
	compare(_metadata, self, IS_TAGGED);
}

TEST_F(trace, born)
{
	compare(_metadata, self, IS_BORN);
}

TEST_F(trace, created)
{
	compare(_metadata, self, CREATES);
}

/* ------------------------------------------------- things that the picture shows */

static void mark_group(void)
{
	setpgid(0, 0);
}

static void mark_session(void)
{
	setsid();
}

static void mark_signal_mask(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static void mark_ignored(void)
{
	signal(SIGUSR2, SIG_IGN);
}

static void mark_pending(void)
{
	mark_signal_mask();
	raise(SIGUSR1);
}

static void mark_fd(void)
{
	CHECK(fcntl(1, F_DUPFD, 50) == 50);
}

static void mark_umask(void)
{
	umask(077);
}

static void mark_nice(void)
{
	CHECK(nice(1) == 1);
}

static void mark_limit(void)
{
	struct rlimit limit = { 1 << 20, 1 << 20 };

	setrlimit(RLIMIT_CORE, &limit);
}

static void mark_privileges(void)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void mark_pdeathsig(void)
{
	prctl(PR_SET_PDEATHSIG, SIGHUP);
}

static void mark_child(void)
{
	if (!fork())
		_exit(0);
}

static void mark_namespace(void)
{
	CHECK_EQ(0, enter_userns());
}

static void mark_oom(void)
{
	CHECK_EQ(0, write_file("/proc/self/oom_score_adj", "500"));
}

static void mark_cwd(void)
{
	CHECK(chdir("/tmp") == 0);
}

static void mark_timer(void)
{
	alarm(1000);
}

TEST_F(trace, picture_shows)
{
	static const struct { const char *name; void (*mark)(void); } marks[] = {
		{ "process group", mark_group }, { "session", mark_session },
		{ "signal mask", mark_signal_mask }, { "ignored signal", mark_ignored },
		{ "pending signal", mark_pending }, { "open file", mark_fd },
		{ "umask", mark_umask }, { "nice value", mark_nice }, { "limit", mark_limit },
		{ "no new privileges", mark_privileges }, { "death signal", mark_pdeathsig },
		{ "child", mark_child }, { "user namespace", mark_namespace },
		{ "OOM adjustment", mark_oom }, { "directory", mark_cwd },
		{ "timer", mark_timer },
	};

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		char *picture = take_picture(self->fd, OUTSIDE, marks[i].mark);

		ASSERT_NE(NULL, picture) TH_LOG("%s", marks[i].name);
		EXPECT_NE(NULL, difference(self->outside, picture))
			TH_LOG("it does not show: %s", marks[i].name);
		free(picture);
	}
}

/* ---------------------------------------------------------------------- its end */

static int end_of(int how)
{
	if (how < 256)
		_exit(how);
	signal(how - 256, SIG_DFL);
	raise(how - 256);
	return sleeper(NULL);
}

static int end_as_told(void *how)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	return end_of(*(int *)how);
}

/* What a parent sees of its child's end, the two things apart that must differ */
static void watch_end(int job, int how, siginfo_t *info, int *status)
{
	pid_t pid = spawn(job, OWNER, end_as_told, &how);

	memset(info, 0, sizeof(*info));
	waitid(P_PID, pid, info, WEXITED | WNOWAIT);
	waitpid(pid, status, 0);
	info->si_pid -= pid;
	info->si_utime = 0;
	info->si_stime = 0;
}

TEST_F(trace, end_as_seen_by_the_parent)
{
	int ends[] = { 0, 1, 42, 127, 255, 256 + SIGTERM, 256 + SIGKILL, 256 + SIGSEGV,
		       256 + SIGABRT, 256 + SIGHUP, 256 + 40 };
	int job = jt_create(0, 0, NULL, NULL);

	ASSERT_GE(job, 0);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		siginfo_t inside, outside;
		int status_inside, status_outside;

		watch_end(-1, ends[i], &outside, &status_outside);
		watch_end(job, ends[i], &inside, &status_inside);
		EXPECT_EQ(status_outside, status_inside);
		EXPECT_EQ(0, memcmp(&outside, &inside, sizeof(inside)));
	}
	close(job);
}

/* ------------------------------------------------------------ a signal's sender */

struct received {
	struct gate ready, got;
	siginfo_t info;
};

static int receive(void *arg)
{
	struct received *r = arg;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN + 3);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (;;) {
		siginfo_t info;

		gate_add(&r->ready, 1);
		if (sigwaitinfo(&set, &info) < 0)
			continue;
		r->info = info;
		gate_add(&r->got, 1);
	}
	return 0;
}

/* The job's signal looks like kill(2) of whoever called. */
TEST_F(trace, signal_looks_like_kill)
{
	struct received *r = shared(sizeof(*r));
	const int signals[] = { SIGUSR1, SIGRTMIN + 3 };
	int job = jt_create(0, 0, NULL, NULL);
	pid_t pid = spawn(job, OWNER, receive, r);
	uint32_t got = 0;

	for (int i = 0; i < 2; i++) {
		siginfo_t by_kill, by_job;

		ASSERT_TRUE(gate_wait(&r->ready, got + 1));
		ASSERT_EQ(0, kill(pid, signals[i]));
		ASSERT_TRUE(gate_wait(&r->got, ++got));
		by_kill = r->info;
		EXPECT_EQ(getpid(), by_kill.si_pid);
		ASSERT_TRUE(gate_wait(&r->ready, got + 1));
		ASSERT_EQ(0, jt_signal(job, signals[i], NULL));
		ASSERT_TRUE(gate_wait(&r->got, ++got));
		by_job = r->info;
		EXPECT_EQ(0, memcmp(&by_kill, &by_job, sizeof(by_job)));
	}
	EXPECT_EQ(0, jt_signal(job, SIGKILL, NULL));
	EXPECT_EQ(128 + SIGKILL, reap(pid));
}

TEST_HARNESS_MAIN
