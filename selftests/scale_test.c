// SPDX-License-Identifier: GPL-2.0
/*
 * P3, P4 and P9 for jobs of very many processes, and for very many jobs: each count
 * is exact, and the promises are what they are for three. How many depends on the
 * machine's memory.
 */
#include "common/bombs.h"
#include "common/crowd.h"
#include "common/listeners.h"
#include "common/oracle.h"
#include "common/proc_file.h"

#include <sys/epoll.h>
#include <sys/sysinfo.h>

#define MANY		100000
#define FEWER		10000
#define JOBS		10000
#define SCALE_TIMEOUT	900		/* seconds: a slow machine is no mistake */

/* What 100,000 sleepers need, and a gigabyte for everything else */
static unsigned int how_many(void)
{
	struct sysinfo info;

	return !sysinfo(&info) && info.totalram * info.mem_unit > MANY * 40000ULL + (1ULL << 30) ?
		MANY : FEWER;
}

/* ----------------------------------------------------------------------- a large job */

FIXTURE(scale) {
	int job;
	uint64_t id;
	unsigned int n;
	pid_t keepers[CROWD_NESTS];
	struct met met;
};

FIXTURE_SETUP(scale)
{
	uint64_t began = now_ns();

	REQUIRE_MODULE();
	self->n = how_many();
	self->job = jt_create(0, 0, NULL, &self->id);
	ASSERT_LE(0, self->job);
	ASSERT_TRUE(met_begin(&self->met));
	/* not the user's whose processes fork: theirs are limited */
	ASSERT_TRUE(crowd_gather(self->job, STRANGER, self->n, RT(0), self->keepers));
	TH_LOG("%u processes, made in %llu s", self->n,
	       (unsigned long long)((now_ns() - began) / NSEC_PER_SEC));
}

FIXTURE_TEARDOWN(scale)
{
	struct jobtrack_info info;

	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_TRUE(crowd_gone(self->job));
	for (int i = 0; i < CROWD_NESTS; i++)
		dismiss(self->keepers[i]);
	close(self->job);
	EXPECT_TRUE(WAIT_UNTIL(!jt_info(&info) && !info.members));
	EXPECT_EQ(0, info.lost - self->met.before.lost);
}

static int compare_pids(const void *a, const void *b)
{
	return *(const pid_t *)a - *(const pid_t *)b;
}

/* Is everybody of the crowd in the list, once, and nobody else? */
static bool lists_the_crowd(int job, uint64_t id)
{
	pid_t *want = malloc(crowd->n * sizeof(*want)), *got = malloc(crowd->n * sizeof(*got));
	struct jobtrack_snapshot snapshot;
	struct jobtrack_row *rows;
	int n = jt_snapshot(job, &rows, &snapshot);
	bool good = n == (int)crowd->n;

	for (int i = 0; good && i < n; i++) {
		want[i] = crowd->sleeper[i].pid;
		got[i] = rows[i].pid;
		good = rows[i].job == id && !rows[i].flags && rows[i].start_time < snapshot.time;
	}
	qsort(want, crowd->n, sizeof(*want), compare_pids);
	qsort(got, crowd->n, sizeof(*got), compare_pids);
	good = good && !memcmp(want, got, crowd->n * sizeof(*want));
	free(rows);
	free(want);
	free(got);
	return good;
}

/* Each time a process has counted, there is progress. */
static bool whole_crowd_got(uint32_t times)
{
	unsigned int before = 0, now = crowd_got(times);

	while (now < crowd->n) {
		before = now;
		if (!WAIT_UNTIL(crowd_got(times) > before))
			return false;
		now = crowd_got(times);
	}
	return true;
}

static void expect_exact_counts(struct __test_metadata *_metadata, FIXTURE_DATA(scale) *self)
{
	static char text[1 << 16];
	struct jobtrack_account account = { .flags = 0 };
	struct jobtrack_signal counts;
	struct jobtrack_which which;
	struct jobtrack_job state;
	struct line line;

	for (uint32_t times = 1; times <= 2; times++) {
		ASSERT_EQ(0, jt_signal(self->job, RT(0), &counts));
		EXPECT_EQ(self->n, counts.signalled);
		EXPECT_EQ(0, counts.ignored + counts.pending + counts.info_lost +
			     counts.denied + counts.newborns);
		EXPECT_TRUE(whole_crowd_got(times));
	}
	EXPECT_TRUE(lists_the_crowd(self->job, self->id));
	ASSERT_EQ(0, jt_state(self->job, &state));
	EXPECT_EQ(self->n, state.procs);
	EXPECT_EQ(self->n, state.tree_procs);
	EXPECT_EQ(0, state.leaving);
	EXPECT_EQ(CROWD_NESTS, state.joined);
	EXPECT_EQ(self->n - CROWD_NESTS, state.births);
	ASSERT_TRUE(read_proc(text, sizeof(text)));
	ASSERT_TRUE(find_line(text, self->id, &line));
	EXPECT_EQ(self->n, line.procs);
	ASSERT_EQ(0, jt_ioctl(self->job, JOBTRACK_IOC_ACCOUNT, &account));
	EXPECT_EQ(self->n, account.living);
	EXPECT_EQ(CROWD_NESTS, account.joined);
	EXPECT_EQ(self->n - CROWD_NESTS, account.births);
	for (unsigned int i = 0; i < self->n; i += self->n / 1000) {
		ASSERT_EQ(0, jt_which(crowd->sleeper[i].pid, &which));
		EXPECT_EQ(self->id, which.id);
	}
}

/* Whoever forks among them is reached once, too, however long the walk takes. */
static void expect_exact_forks(struct __test_metadata *_metadata, FIXTURE_DATA(scale) *self)
{
	static const struct oracle_crowd forking = {
		.breeders = 8, .runners = 8, .swarms = 1, .room = 32, .expect = ~0,
	};
	static const int signals[] = { SIGUSR1, SIGUSR2, 0 };
	struct jobtrack_signal sum = { 0 };
	struct rounds round = rounds(3, 3000);
	pid_t keeper;

	oracle_prepare(signals);
	keeper = oracle_gather(self->job, OWNER, &forking);
	ASSERT_LT(0, keeper);
	/* or the walk gets as little of the processor as each of those that fork */
	ASSERT_EQ(0, setpriority(PRIO_PROCESS, 0, -10));
	while (next_round(&round)) {
		ASSERT_TRUE(oracle_forks_on());
		ASSERT_TRUE(oracle_round(self->job, ~0, &sum));
	}
	ASSERT_EQ(0, setpriority(PRIO_PROCESS, 0, 0));
	EXPECT_TRUE(oracle_verdict("among many"));
	dismiss(keeper);
	ASSERT_TRUE(met_end(&self->met, "among many"));
	EXPECT_LT(0, met_in_flight(&self->met)) TH_LOG("no fork was in flight");
	EXPECT_EQ(0, MET(&self->met, inexact));
	EXPECT_LE(self->n, sum.pending);
}

/* Is the process one that may still run? Only the dead are passed over. */
static unsigned int crowd_survivors(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < crowd->n; i++)
		n += !kill(crowd->sleeper[i].pid, 0) &&
			!state_is_dead(proc_state(crowd->sleeper[i].pid));
	return n;
}

/* Hundreds multiply among them: nobody survives, and *empty* is told when all are gone. */
static void expect_no_survivor(struct __test_metadata *_metadata, FIXTURE_DATA(scale) *self)
{
	static const struct bomb bomb = {
		.name = "daemons", .life = daemon_life, .limit = 300, .quorum = 150,
	};
	struct jobtrack_account account = { .flags = 0 };
	struct jobtrack_signal counts;
	struct jobtrack_row *rows;
	struct jobtrack_job state;
	uint32_t lives;
	pid_t keeper;

	bombs_prepare();
	keeper = bomb_light(self->job, &bomb);
	ASSERT_TRUE(WAIT_FOR_CROWD(bomb_lives() > 2 * bomb.quorum));
	EXPECT_FALSE(fd_ready(self->job, 0));
	ASSERT_EQ(0, jt_signal(self->job, SIGKILL, &counts));
	EXPECT_LE(self->n, counts.signalled);
	EXPECT_TRUE(crowd_gone(self->job));
	EXPECT_EQ(0, crowd_survivors());
	EXPECT_EQ(0, user_processes(OWNER, NULL, 0));
	EXPECT_EQ(0, jt_snapshot(self->job, &rows, NULL));
	ASSERT_EQ(0, jt_state(self->job, &state));
	EXPECT_EQ(JOBTRACK_KILLED, state.state);
	EXPECT_EQ(0, state.tree_procs + state.tree_leaving);
	ASSERT_EQ(0, jt_ioctl(self->job, JOBTRACK_IOC_ACCOUNT, &account));
	EXPECT_EQ(account.births + account.joined, account.gone);
	EXPECT_LE(self->n, account.signaled[SIGKILL - 1]);
	lives = bomb_lives();
	TH_LOG("%llu signalled, %u lives", (unsigned long long)counts.signalled, lives);
	dismiss(keeper);
	EXPECT_EQ(lives, bomb_lives());
}

/* All with one crowd: to make it takes the longest. */
TEST_F_TIMEOUT(scale, promises_are_kept, SCALE_TIMEOUT)
{
	expect_exact_counts(_metadata, self);
	expect_exact_forks(_metadata, self);
	expect_no_survivor(_metadata, self);
}

/* ------------------------------------------------------------------------- many jobs */

FIXTURE(jobs) {
	int top, *job;
	pid_t keeper;
	bool below_one;		/* as the variant says */
	uint64_t top_id, *id;
};

FIXTURE_VARIANT(jobs) {
	bool below_one;		/* sub-jobs of one job, or each for itself */
};

FIXTURE_VARIANT_ADD(jobs, each_for_itself) { .below_one = false };
FIXTURE_VARIANT_ADD(jobs, below_one) { .below_one = true };

/* Every third is labelled */
static void label_of(char *label, int i)
{
	*label = 0;
	if (i % 3 == 0)
		sprintf(label, "job%d", i);
}

FIXTURE_SETUP(jobs)
{
	struct rlimit limit = { JOBS + 100, JOBS + 100 };
	char label[JOBTRACK_LABEL_SIZE];

	REQUIRE_MODULE();
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	self->below_one = variant->below_one;
	self->top = jt_create(0, 0, NULL, &self->top_id);
	ASSERT_LE(0, self->top);
	self->job = calloc(JOBS, sizeof(*self->job));
	self->id = calloc(JOBS, sizeof(*self->id));
	for (int i = 0; i < JOBS; i++) {
		label_of(label, i);
		self->job[i] = jt_create(0, variant->below_one ? self->top_id : 0, label,
					 &self->id[i]);
		ASSERT_LE(0, self->job[i]) TH_LOG("job %d", i);
	}
	/* one process in each */
	self->keeper = crowd_disperse(self->job, JOBS, RT(0));
	ASSERT_LT(0, self->keeper);
}

FIXTURE_TEARDOWN(jobs)
{
	struct jobtrack_info info;

	jt_signal(self->top, SIGKILL, NULL);
	for (int i = 0; i < JOBS; i++) {
		jt_signal(self->job[i], SIGKILL, NULL);
		close(self->job[i]);
	}
	close(self->top);
	dismiss(self->keeper);		/* it has all of them open, too */
	EXPECT_TRUE(WAIT_UNTIL(!jt_info(&info) && !info.jobs));
}

static void are_told_apart(struct __test_metadata *_metadata, FIXTURE_DATA(jobs) *self)
{
	const uint64_t parent = self->below_one ? self->top_id : 0;
	char label[JOBTRACK_LABEL_SIZE];
	struct jobtrack_which which;
	struct jobtrack_job state, *list;
	struct jobtrack_row *rows;
	int fd;

	ASSERT_EQ(JOBS + 1, jt_list(&list));
	EXPECT_EQ(self->top_id, list[0].id);
	for (int i = 0; i < JOBS; i++) {
		label_of(label, i);
		ASSERT_EQ(self->id[i], list[i + 1].id);
		EXPECT_EQ(parent, list[i + 1].parent);
		EXPECT_STREQ(label, list[i + 1].label);
		EXPECT_EQ(1, list[i + 1].procs);
		ASSERT_EQ(0, jt_state(self->job[i], &state));
		EXPECT_EQ(0, memcmp(&state, &list[i + 1], sizeof(state)));
		ASSERT_EQ(0, jt_which(crowd->sleeper[i].pid, &which));
		EXPECT_EQ(self->id[i], which.id);
		EXPECT_STREQ(label, which.label);
		ASSERT_EQ(1, jt_snapshot(self->job[i], &rows, NULL));
		EXPECT_EQ(crowd->sleeper[i].pid, rows[0].pid);
		free(rows);
		fd = *label ? jt_open_label(label) : jt_open(self->id[i], 0);
		ASSERT_EQ(0, jt_state(fd, &state));
		EXPECT_EQ(self->id[i], state.id);
		close(fd);
	}
	EXPECT_EQ(-EEXIST, jt_create(0, 0, "job0", NULL));
	free(list);
}

/* /proc/jobtrack has each job's line, in order of ID. */
static void have_their_lines(struct __test_metadata *_metadata, FIXTURE_DATA(jobs) *self)
{
	const size_t room = 256 * (JOBS + 100);
	char *text = malloc(room), want[160], label[JOBTRACK_LABEL_SIZE], *line;
	unsigned long long age;
	int n = 0, found;

	ASSERT_TRUE(read_proc(text, room));
	line = strstr(text, HEAD "\n");
	ASSERT_NE(NULL, line);
	line = strchr(strchr(line, '\n') + 1, '\n') + 1;	/* that of the top */
	for (int i = 0; i < JOBS; i++) {
		label_of(label, i);
		found = sscanf(line, "%*u %*u %*u %*s %*u %*u %*u %*u %llu", &age);
		ASSERT_EQ(1, found);
		snprintf(want, sizeof(want), "%llu %llu 0 running 1 0 0 0 %llu %s\n",
			 (unsigned long long)self->id[i],
			 (unsigned long long)(self->below_one ? self->top_id : 0), age,
			 *label ? label : "-");
		n += !strncmp(line, want, strlen(want));
		line = strchr(line, '\n') + 1;
	}
	EXPECT_EQ(JOBS, n);
	EXPECT_EQ(0, *line);
	free(text);
}

/* A signal reaches the job's own, or all if it is to the job above them. */
static void are_signalled(struct __test_metadata *_metadata, FIXTURE_DATA(jobs) *self)
{
	struct jobtrack_signal counts;

	for (int i = 0; i < JOBS; i += 2) {
		ASSERT_EQ(0, jt_signal(self->job[i], RT(0), &counts));
		EXPECT_EQ(1, counts.signalled);
	}
	EXPECT_TRUE(WAIT_UNTIL(crowd_got(1) == JOBS / 2));
	for (int i = 0; i < JOBS; i++)
		ASSERT_EQ(i % 2 == 0, look_at(&crowd->sleeper[i].got));
	ASSERT_EQ(0, jt_signal(self->top, RT(0), &counts));
	EXPECT_EQ(self->below_one ? JOBS : 0, counts.signalled);
	if (self->below_one)
		EXPECT_TRUE(WAIT_UNTIL(crowd_got(2) == JOBS / 2 && crowd_got(1) == JOBS / 2));
}

/* One poll for all: each is told when it is empty, and no other. */
static void are_waited_for(struct __test_metadata *_metadata, FIXTURE_DATA(jobs) *self)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET }, *events;
	int epoll = epoll_create1(EPOLL_CLOEXEC), n = 0, ready;
	uint8_t *told = calloc(JOBS, 1);

	events = calloc(JOBS, sizeof(*events));
	for (int i = 0; i < JOBS; i++) {
		event.data.u32 = i;
		ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->job[i], &event));
	}
	ASSERT_EQ(0, epoll_wait(epoll, events, JOBS, 0));
	for (int i = 0; i < JOBS; i += 2)
		ASSERT_EQ(0, jt_signal(self->job[i], SIGKILL, NULL));
	while (n < JOBS / 2) {
		ready = epoll_wait(epoll, events, JOBS, PATIENCE_MS);
		ASSERT_LT(0, ready) TH_LOG("%d of %d told", n, JOBS / 2);
		for (int i = 0; i < ready; i++) {
			EXPECT_EQ(0, events[i].data.u32 % 2);
			EXPECT_EQ(1, ++told[events[i].data.u32]);
		}
		n += ready;
	}
	EXPECT_EQ(0, epoll_wait(epoll, events, JOBS, 100));
	EXPECT_FALSE(fd_ready(self->top, 0) && self->below_one);
	close(epoll);
}

/* All with the same jobs, for the same reason */
TEST_F_TIMEOUT(jobs, are_kept_apart, SCALE_TIMEOUT)
{
	are_told_apart(_metadata, self);
	have_their_lines(_metadata, self);
	are_signalled(_metadata, self);
	are_waited_for(_metadata, self);
}

TEST_HARNESS_MAIN
