// SPDX-License-Identifier: GPL-2.0
/*
 * P3: a list under heavy forking is the membership at one instant: each listed
 * process was a member then, none is missing, none is there twice; and a PID that
 * is used again is told apart.
 */
#include "common/chains.h"
#include <linux/sched.h>

#define SNAPSHOTS	2000
#define BURST		20		/* lists, one right after the other */
#define NEW_BETWEEN	8		/* processes between two bursts */
#define RUN_NS		(6 * NSEC_PER_SEC)
#define SLOW_RUN_NS	(60 * NSEC_PER_SEC * how_slow())
#define SMALL_PID_MAX	1500		/* they wrap round at 300 */
#define PROCESSES	(SMALL_PID_MAX + 300)	/* by then many PIDs are used again */

struct snapshot {
	uint64_t before, time, after;	/* the call, and the instant between */
	struct jobtrack_row *rows;
	int n;
};

FIXTURE(list) {
	struct history *h;
	struct gate *content;		/* the rival was, to its end */
	uint64_t id, below_id;
	int job, below;			/* chains of odd number run in the job below */
	int pid_max;
};

FIXTURE_SETUP(list)
{
	REQUIRE_MODULE();
	ASSERT_TRUE(clear_user(OWNER));
	self->job = jt_create(0, 0, NULL, &self->id);
	ASSERT_GE(self->job, 0);
	self->below = jt_create(0, self->id, NULL, &self->below_id);
	ASSERT_GE(self->below, 0);
	self->h = shared(sizeof(*self->h));
	self->content = shared(sizeof(*self->content));
	/* orphans come here, to be reaped at a time that we know */
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	self->pid_max = set_pid_max(SMALL_PID_MAX);
	ASSERT_GT(self->pid_max, 0);
}

FIXTURE_TEARDOWN(list)
{
	set_pid_max(self->pid_max);
	jt_signal(self->job, SIGKILL, NULL);
	clear_user(OWNER);
}

static int sleepers(void *h)
{
	start_sleepers(h, SLEEPERS);
	return lone_sleeper(NULL);
}

static bool is_populated(struct history *h, int job, unsigned int procs)
{
	struct jobtrack_job state;

	reap_and_note(h);
	return !jt_state(job, &state) && state.tree_procs > procs && h->n >= procs;
}

static void start_sleeping(struct __test_metadata *_metadata, FIXTURE_DATA(list) *self)
{
	ASSERT_GT(spawn(self->job, OWNER, sleepers, self->h), 0);
	ASSERT_TRUE(WAIT_UNTIL(is_populated(self->h, self->job, SLEEPERS)));
}

static void start_chains(struct __test_metadata *_metadata, FIXTURE_DATA(list) *self)
{
	for (int i = 0; i < CHAINS; i++)
		start_chain(self->h, i, i % 2 ? self->below : self->job);
	ASSERT_TRUE(gate_wait(&self->h->started, CHAINS));
}

/* ------------------------------------------------------- snapshots against history */

static void take(struct snapshot *s, int job)
{
	struct jobtrack_snapshot arg;

	s->before = now_ns();
	s->n = jt_snapshot(job, &s->rows, &arg);
	s->after = now_ns();
	s->time = arg.time;
}

/*
 * The process that a row means, by its PID and its start time. A fork may have begun
 * before an earlier process of the PID started, and got the PID after its end; but
 * lives of one PID follow one another: it is the first that acted since the start.
 */
static struct record *find_record(struct history *h, const struct jobtrack_row *row)
{
	struct record *found = NULL;

	for (uint32_t i = h->latest[row->pid]; i; i = h->record[i].older) {
		struct record *r = &h->record[i];

		if (r->fork_begins <= row->start_time && row->start_time <= r->first_act &&
		    (!found || r->first_act < found->first_act))
			found = r;
	}
	return found;
}

static int reused_pids(const struct history *h)
{
	int n = 0;

	for (uint32_t i = 1; i <= h->n; i++)
		n += h->record[i].older != 0;
	return n;
}

struct verdict {
	uint32_t strangers, twice, too_early, too_late, missing, broken_chains, wrong_job;
	uint32_t leaving, late_by_ms;	/* not mistakes, but worth knowing */
};

static void check_snapshot(struct history *h, const struct snapshot *s, uint32_t number,
			   FIXTURE_DATA(list) *self, uint32_t *seen_in, struct verdict *v)
{
	uint32_t in_chain[CHAINS + 1] = { 0 };

	for (int i = 0; i < s->n; i++) {
		const struct jobtrack_row *row = &s->rows[i];
		bool leaving = row->flags & JOBTRACK_ROW_LEAVING;
		struct record *r = find_record(h, row);

		v->too_early += row->start_time > s->time;
		if (!r) {	/* those that were there before all records */
			v->strangers += row->start_time > h->record[1].fork_begins;
			continue;
		}
		v->twice += seen_in[r - h->record] == number;
		seen_in[r - h->record] = number;
		in_chain[r->chain]++;
		v->wrong_job += row->job != (r->chain != NO_CHAIN && r->chain % 2 ?
					     self->below_id : self->id);
		v->leaving += leaving;
		if (r->reaped && r->reaped < s->time) {
			uint32_t ms = (s->time - r->reaped) / NSEC_PER_MSEC;

			v->too_late += !leaving;
			v->late_by_ms = ms > v->late_by_ms ? ms : v->late_by_ms;
		}
	}
	for (uint32_t i = 1; i <= h->n; i++) {
		const struct record *r = &h->record[i];
		bool was_there = r->pid && r->first_act < s->time && r->joined < s->time &&
				 (!r->exit_begins || s->time < r->exit_begins);

		v->missing += was_there && seen_in[i] != number;
	}
	for (int i = 0; i < CHAINS; i++)
		v->broken_chains += !in_chain[i];
}

/* Somebody else takes lists, too, and signals, all the while. */
static int rival(void *arg)
{
	FIXTURE_DATA(list) *self = arg;
	struct jobtrack_row *rows;

	while (!self->h->stop) {
		CHECK(jt_snapshot(self->below, &rows, NULL) >= CHAINS / 2);
		free(rows);
		CHECK_EQ(0, jt_signal(self->job, SIGCONT, NULL));
	}
	gate_add(self->content, 1);
	return 0;
}

TEST_F_TIMEOUT(list, is_of_one_instant, 120)
{
	struct snapshot *snapshots = calloc(SNAPSHOTS, sizeof(*snapshots));
	uint32_t *seen_in = calloc(RECORDS, sizeof(*seen_in));
	struct verdict v = { 0 };
	uint64_t begin, rows = 0;
	int n = 0;
	pid_t pid;

	start_sleeping(_metadata, self);
	start_chains(_metadata, self);
	pid = spawn(-1, 0, rival, self);
	begin = now_ns();
	while (n < SNAPSHOTS && now_ns() - begin <
	       (self->h->n < PROCESSES ? SLOW_RUN_NS : RUN_NS)) {
		uint32_t processes = self->h->n;

		take(&snapshots[n], self->job);
		ASSERT_GE(snapshots[n].n, SLEEPERS + CHAINS);
		rows += snapshots[n++].n;
		if (n % BURST)
			continue;
		EXPECT_TRUE(WAIT_UNTIL((reap_and_note(self->h),
					self->h->n >= processes + NEW_BETWEEN)));
	}
	self->h->stop = true;
	EXPECT_TRUE(WAIT_UNTIL((reap_and_note(self->h), kill(pid, 0))));
	EXPECT_TRUE(gate_wait(self->content, 1));
	set_pid_max(self->pid_max);

	link_records(self->h);
	for (int i = 0; i < n; i++) {
		EXPECT_LE(snapshots[i].before, snapshots[i].time);
		EXPECT_LE(snapshots[i].time, snapshots[i].after);
		check_snapshot(self->h, &snapshots[i], i + 1, self, seen_in, &v);
	}
	EXPECT_EQ(0, v.strangers);
	EXPECT_EQ(0, v.twice);
	EXPECT_EQ(0, v.too_early);
	EXPECT_EQ(0, v.too_late);
	EXPECT_EQ(0, v.missing);
	EXPECT_EQ(0, v.broken_chains);
	EXPECT_EQ(0, v.wrong_job);
	TH_LOG("%d lists, %llu rows, %u processes, %d PIDs again",
	       n, (unsigned long long)rows, self->h->n, reused_pids(self->h));
	TH_LOG("%u rows of the leaving, reaped up to %u ms before", v.leaving, v.late_by_ms);
	EXPECT_LT(10, n);
	/* PIDs were used again, or half of the test tested nothing */
	EXPECT_LT(0, reused_pids(self->h));
}

/* ------------------------------------------ the same question to /proc, as ps asks it */

struct scan {
	uint64_t begin, end;
	uint8_t found[MAX_PID / 8];
};

static void scan_proc(struct scan *scan)
{
	DIR *dir = opendir("/proc");
	struct proc_stat st;
	pid_t pid;

	memset(scan, 0, sizeof(*scan));
	scan->begin = now_ns();
	while ((pid = next_pid(dir)))
		if (!proc_stat(pid, 0, &st))
			scan->found[pid / 8] |= 1 << pid % 8;
	scan->end = now_ns();
	closedir(dir);
}

/* Chains of which the scan shows nobody, though at each instant somebody was there */
static int broken_chains(struct history *h, const struct scan *scan)
{
	bool there[CHAINS + 1] = { false };
	int broken = 0;

	for (uint32_t i = 1; i < h->n; i++) {
		const struct record *r = &h->record[i];

		if (r->pid && scan->found[r->pid / 8] & 1 << r->pid % 8 &&
		    r->fork_begins < scan->end &&
		    (!r->exit_begins || r->exit_begins > scan->begin))
			there[r->chain] = true;
	}
	for (int i = 0; i < CHAINS; i++)
		broken += !there[i];
	return broken;
}

/* If this one finds nothing wrong, then the test above proves nothing. */
TEST_F(list, proc_is_not)
{
	struct scan *scan = calloc(1, sizeof(*scan));
	int scans = 0, broken = 0;

	/* fewer numbers, so that more chains go back to those that ps has passed */
	ASSERT_GT(set_pid_max(SMALL_PID_MAX / 3), 0);
	/* nor do zombies keep them while it looks */
	signal(SIGCHLD, SIG_IGN);
	start_chains(_metadata, self);
	EXPECT_TRUE(WAIT_UNTIL(({
		scan_proc(scan);
		scans++;
		broken = broken_chains(self->h, scan);
		broken;
	})));
	self->h->stop = true;
	TH_LOG("scan %d of /proc missed %d of %d chains", scans, broken, CHAINS);
}

TEST_HARNESS_MAIN
