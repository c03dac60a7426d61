// SPDX-License-Identifier: GPL-2.0
/*
 * P3 and P4 when several act on a tree at once, at full speed: signallers, lists,
 * joins and moves. What needs an operation to stand still is in debug/crawl_test.c.
 */
#include "common/listeners.h"

#include <sys/resource.h>

/* The jobs of a tree as deep as can be, the top one first */
struct ladder {
	int job[JOBTRACK_MAX_DEPTH];
	uint64_t id[JOBTRACK_MAX_DEPTH];
};

FIXTURE(concurrent)
{
	struct ladder *ladder;
	int job, below;
	uint64_t id;
	struct met met;
};

FIXTURE_SETUP(concurrent)
{
	struct ladder *ladder = shared(sizeof(*ladder));

	REQUIRE_MODULE();
	ASSERT_TRUE(clear_user(OWNER));
	self->ladder = ladder;
	ladder->job[0] = jt_create_for(OWNER, NULL, &ladder->id[0]);
	ASSERT_LE(0, ladder->job[0]);
	for (int i = 1; i < JOBTRACK_MAX_DEPTH; i++) {
		ladder->job[i] = jt_create(0, ladder->id[i - 1], NULL, &ladder->id[i]);
		ASSERT_LE(0, ladder->job[i]);
	}
	self->job = ladder->job[0];
	self->id = ladder->id[0];
	self->below = ladder->job[1];
	/* nobody's signals are lost because they come faster than they are taken */
	ASSERT_EQ(0, setrlimit(RLIMIT_SIGPENDING, &(struct rlimit){ 1000000, 1000000 }));
	ASSERT_TRUE(met_begin(&self->met));
}

FIXTURE_TEARDOWN(concurrent)
{
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_TRUE(jt_wait_empty(self->job));
	EXPECT_TRUE(met_end(&self->met, "concurrent"));
	EXPECT_EQ(0, MET(&self->met, inexact));
	EXPECT_TRUE(clear_user(OWNER));
}

/* Somebody who sends a job the same signal again and again */
struct sender {
	int job, sig;
	uint32_t least;		/* processes that it is to reach each time */
	uint32_t times, started, done;
	struct gate *go;
};

static int send_on(void *arg)
{
	struct sender *sender = arg;
	struct jobtrack_signal counts;

	CHECK(!sender->go || gate_wait(sender->go, 1));
	while (look_at(&sender->started) < look_at(&sender->times)) {
		add_to(&sender->started, 1);
		CHECK_EQ(0, jt_signal(sender->job, sender->sig, &counts));
		CHECK(counts.signalled >= sender->least);
		CHECK_EQ(0, counts.info_lost + counts.denied + counts.ignored);
		add_to(&sender->done, 1);
		sched_yield();		/* it is somebody else's turn */
	}
	return 0;
}

static void send_no_more(struct sender *sender)
{
	__atomic_store_n(&sender->times, 0, __ATOMIC_SEQ_CST);
}

/* ----------------------------------------------------------------- several signallers */

#define SENDERS	3
#define TIMES	150

static bool same_log(int i, int k)
{
	const struct listener *one = &listeners->listener[i], *other = &listeners->listener[k];

	return one->logged == other->logged &&
		!memcmp(one->log, other->log, one->logged * sizeof(*one->log));
}

/* Without what @pid sent, is the log of @i that of @k? */
static bool same_log_but_for(int i, int k, pid_t pid)
{
	const struct listener *all = &listeners->listener[i], *some = &listeners->listener[k];
	uint32_t n = 0;

	for (uint32_t j = 0; j < all->logged; j++)
		if (all->log[j] != pid && (n == some->logged || all->log[j] != some->log[n++]))
			return false;
	return n == some->logged;
}

static unsigned int changes_of_sender(const struct listener *listener)
{
	unsigned int n = 0;

	for (uint32_t i = 1; i < listener->logged; i++)
		n += listener->log[i] != listener->log[i - 1];
	return n;
}

/*
 * Operations in one tree have one order, the same for each process: here two
 * senders signal the whole of it and one signals the job below.
 */
TEST_F(concurrent, one_order_for_all)
{
	struct sender *sender = shared(SENDERS * sizeof(*sender));
	struct gate *go = shared(sizeof(*go));
	pid_t pid[SENDERS];

	ASSERT_TRUE(listeners_join(self->job, OWNER, 8));
	ASSERT_TRUE(listeners_join(self->below, OWNER, 8));
	for (int i = 0; i < SENDERS; i++) {
		bool last = i == SENDERS - 1;

		sender[i] = (struct sender) {
			.job = last ? self->below : self->job, .least = last ? 8 : 16,
			.sig = RT(0), .times = TIMES, .go = go,
		};
		pid[i] = spawn(-1, 0, send_on, &sender[i]);
	}
	gate_add(go, 1);
	for (int i = 0; i < SENDERS; i++)
		EXPECT_EQ(0, reap(pid[i]));

	for (int i = 0; i < 16; i++) {
		const uint32_t *got = &listeners->listener[i].got[RT(0)];
		uint32_t want = (i < 8 ? SENDERS - 1 : SENDERS) * TIMES;

		EXPECT_TRUE(WAIT_UNTIL(look_at(got) >= want));
		EXPECT_EQ(want, look_at(got));
		EXPECT_TRUE(same_log(i, i < 8 ? 0 : 8)) TH_LOG("listener %d", i);
	}
	EXPECT_TRUE(same_log_but_for(8, 0, pid[SENDERS - 1]));
	/* had each sent all of its own at a time, then this would prove nothing */
	EXPECT_LE(SENDERS, changes_of_sender(&listeners->listener[8]));
}

/* A standard signal merges with one that waits, as with kill(2), and that is counted. */
TEST_F(concurrent, same_signal_merges)
{
	struct jobtrack_signal counts;

	ASSERT_TRUE(listeners_join(self->job, OWNER, 8));
	ASSERT_EQ(0, jt_signal(self->job, SIGSTOP, NULL));
	ASSERT_TRUE(WAIT_UNTIL(listeners_are('T')));	/* until then each takes what comes */
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, jt_signal(self->job, SIGUSR1, &counts));
		EXPECT_EQ(8, counts.signalled);
		EXPECT_EQ(i * 8, counts.pending);
	}
	ASSERT_EQ(0, jt_signal(self->job, SIGCONT, NULL));
	ASSERT_EQ(0, jt_signal(self->job, RT(0), NULL));	/* comes after it */
	EXPECT_TRUE(WAIT_UNTIL(all_got(RT(0), 1)));
	EXPECT_TRUE(all_got(SIGUSR1, 1));
}

/* ------------------------------------------------------- lists and moves during signals */

struct lister {
	struct ladder *ladder;
	uint32_t lists, stop;
};

static int listener_of(pid_t pid)
{
	for (int i = 0; i < LISTENERS_MAX; i++)
		if (listeners->listener[i].pid == pid)
			return i;
	return -1;
}

/* Each list has every listener once, and nobody is ever seen to move up. */
static int list_on(void *arg)
{
	struct lister *lister = arg;
	unsigned int depth[LISTENERS_MAX] = { 0 }, listed[LISTENERS_MAX] = { 0 };
	struct jobtrack_row *rows;

	for (unsigned int lists = 1; !look_at(&lister->stop); lists++) {
		CHECK_EQ(LISTENERS_MAX, jt_snapshot(lister->ladder->job[0], &rows, NULL));
		for (int row = 0; row < LISTENERS_MAX; row++) {
			int i = listener_of(rows[row].pid);
			unsigned int now = 0;

			while (lister->ladder->id[now] != rows[row].job)
				CHECK(++now < JOBTRACK_MAX_DEPTH);
			CHECK(i >= 0 && now >= depth[i]);
			depth[i] = now;
			listed[i]++;
		}
		free(rows);
		for (int i = 0; i < LISTENERS_MAX; i++)
			CHECK_EQ(lists, listed[i]);
		add_to(&lister->lists, 1);
	}
	return 0;
}

/* Whoever is in the tree gets every signal to it once, wherever in it they go. */
TEST_F(concurrent, moves_and_lists_during_signals)
{
	struct sender *sender = shared(sizeof(*sender));
	struct lister *lister = shared(sizeof(*lister));
	pid_t sends, lists;

	ASSERT_TRUE(listeners_join(self->job, OWNER, LISTENERS_MAX));
	*sender = (struct sender) {
		.job = self->job, .sig = RT(0), .least = LISTENERS_MAX, .times = UINT32_MAX,
	};
	lister->ladder = self->ladder;
	sends = spawn(-1, 0, send_on, sender);
	lists = spawn(-1, 0, list_on, lister);
	for (int level = 1; level < JOBTRACK_MAX_DEPTH; level++) {
		for (int i = 0; i < LISTENERS_MAX; i++) {
			uint32_t before = look_at(&sender->started);

			EXPECT_EQ(0, jt_tag(self->ladder->job[level], listeners->listener[i].pid));
			ASSERT_TRUE(WAIT_UNTIL(look_at(&sender->started) > before));
		}
	}
	ASSERT_TRUE(WAIT_UNTIL(look_at(&lister->lists) > 20));
	__atomic_store_n(&lister->stop, 1, __ATOMIC_SEQ_CST);
	send_no_more(sender);
	EXPECT_EQ(0, reap(lists));
	EXPECT_EQ(0, reap(sends));
	EXPECT_TRUE(WAIT_UNTIL(all_got(RT(0), look_at(&sender->done))))
		TH_LOG("not each got %u", sender->done);
}

/*
 * Somebody who comes while signals are sent: gets those that begin after it has
 * come, none that had ended before, and each of the others once or not.
 */
struct latecomer {
	int from, to;			/* enters these; from: -1 for none */
	struct sender *sender;
	uint32_t done, started;		/* just before it came, and after */
	struct gate *came;
	struct listener *listener;
};

static int come_late(void *arg)
{
	struct latecomer *self = arg;
	uint32_t before = look_at(&self->sender->done);

	block_signals(EVERY_SIGNAL);
	if (self->from >= 0)
		CHECK_EQ(0, jt_enter(self->from));
	/* in the middle of something */
	CHECK(WAIT_UNTIL(look_at(&self->sender->done) > before));
	self->done = look_at(&self->sender->done);
	CHECK_EQ(0, jt_enter(self->to));
	self->started = look_at(&self->sender->started);
	gate_add(self->came, 1);
	return listener(self->listener);
}

static void expect_latecomers(struct __test_metadata *_metadata, int signalled, int from, int to)
{
	struct latecomer *late = shared(LISTENERS_MAX * sizeof(*late));
	struct sender *sender = shared(sizeof(*sender));
	struct gate *came = shared(sizeof(*came));
	pid_t pid;

	listeners = shared(sizeof(*listeners));
	*sender = (struct sender) { .job = signalled, .sig = RT(0), .times = UINT32_MAX };
	pid = spawn(-1, 0, send_on, sender);
	for (int i = 0; i < LISTENERS_MAX; i++) {
		late[i] = (struct latecomer) {
			.from = from, .to = to, .sender = sender, .came = came,
			.listener = &listeners->listener[listeners->n++],
		};
		ASSERT_LT(0, spawn(-1, 0, come_late, &late[i]));
	}
	ASSERT_TRUE(gate_wait(came, LISTENERS_MAX));
	send_no_more(sender);
	EXPECT_EQ(0, reap(pid));
	ASSERT_EQ(0, jt_signal(signalled, RT(1), NULL));	/* comes after them */
	EXPECT_TRUE(WAIT_UNTIL(all_got(RT(1), 1)));

	for (int i = 0; i < LISTENERS_MAX; i++) {
		uint32_t got = listeners->listener[i].got[RT(0)];

		EXPECT_LE(sender->done - late[i].started, got) TH_LOG("latecomer %d", i);
		EXPECT_GE(sender->started - late[i].done, got) TH_LOG("latecomer %d", i);
	}
}

TEST_F(concurrent, enter_during_signals)
{
	expect_latecomers(_metadata, self->job, -1, self->below);
}

/* To a signal for the job below, whoever moves into it is a newcomer. */
TEST_F(concurrent, move_into_what_is_signalled)
{
	expect_latecomers(_metadata, self->below, self->job, self->ladder->job[3]);
}

/* Members that go down by making jobs of their own get each once, too. */
struct founder {
	struct sender *sender;
	struct listener *listener;
};

static int found_jobs(void *arg)
{
	struct founder *founder = arg;

	block_signals(EVERY_SIGNAL);
	gate_add(&listeners->ready, 1);
	CHECK(WAIT_UNTIL(look_at(&founder->sender->done)));
	for (int depth = 2; depth <= JOBTRACK_MAX_DEPTH; depth++) {
		uint32_t before = look_at(&founder->sender->done);

		CHECK(jt_create(JOBTRACK_CREATE_ENTER, 0, NULL, NULL) >= 0);
		CHECK(WAIT_UNTIL(look_at(&founder->sender->done) > before));
	}
	return listener(founder->listener);
}

TEST_F(concurrent, members_make_jobs_during_signals)
{
	struct founder *founder = shared(LISTENERS_MAX * sizeof(*founder));
	struct sender *sender = shared(sizeof(*sender));
	pid_t pid;

	listeners = shared(sizeof(*listeners));
	listeners->n = LISTENERS_MAX;
	*sender = (struct sender) {
		.job = self->job, .sig = RT(0), .least = LISTENERS_MAX, .times = UINT32_MAX,
	};
	for (int i = 0; i < LISTENERS_MAX; i++) {
		founder[i] = (struct founder) { sender, &listeners->listener[i] };
		ASSERT_LT(0, spawn(self->job, OWNER, found_jobs, &founder[i]));
	}
	ASSERT_TRUE(gate_wait(&listeners->ready, LISTENERS_MAX));
	pid = spawn(-1, 0, send_on, sender);
	ASSERT_TRUE(gate_wait(&listeners->ready, 2 * LISTENERS_MAX));
	send_no_more(sender);
	EXPECT_EQ(0, reap(pid));
	EXPECT_TRUE(WAIT_UNTIL(all_got(RT(0), look_at(&sender->done))));
}

TEST_HARNESS_MAIN
