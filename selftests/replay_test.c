// SPDX-License-Identifier: GPL-2.0
/*
 * The judge of races_test.c judged: logs that a cut explains, and the same logs
 * with a miss, a double, a stranger and other things that must not be.
 */
#include "common/test.h"
#include "common/replay.h"

#define EVENTS	4096

/* A log in the making, and the highest name in it */
static struct replay_event events[EVENTS];
static uint32_t n, lives;

#define SAY(kind_, who_, ...) do {						\
	events[n] = (struct replay_event) {					\
		.kind = REPLAY_##kind_, .who = (who_), __VA_ARGS__ };		\
	events[n].since = n;							\
	n++;									\
} while (0)

static uint32_t join(void)
{
	SAY(JOIN, ++lives);
	return lives;
}

static uint32_t forks(uint32_t parent)
{
	SAY(FORK, parent, .other = ++lives);
	return lives;
}

static void begin_log(void)
{
	n = 0;
	lives = 0;
	SAY(NONE, 0);
}

static const char *verdict(void)
{
	struct replay_verdict v;

	replay(events, n, lives, &v);
	return v.what;
}

#define EXPLAINED()	EXPECT_STREQ("", verdict() ?: "")
#define REFUSED(why)	EXPECT_STREQ(why, verdict() ?: "nothing wrong")

#define MISSED	"or what it forked before was not signalled"
#define BEYOND	"was signalled, and is beyond the cut"

FIXTURE(log)
{
	uint32_t parent, child;
};

FIXTURE_SETUP(log)
{
	begin_log();
	self->parent = join();
}

FIXTURE_TEARDOWN(log)
{
}

static void operation(uint32_t name)
{
	SAY(BEGIN, name, .other = REPLAY_COUNTED);
	SAY(END, name);
}

TEST_F(log, signalled_once)
{
	operation(1);
	SAY(GOT, self->parent, .other = 1);
	SAY(EXIT, self->parent);
	EXPLAINED();
}

TEST_F(log, signalled_twice)
{
	operation(1);
	SAY(GOT, self->parent, .other = 1);
	SAY(GOT, self->parent, .other = 1);
	SAY(EXIT, self->parent);
	REFUSED("was signalled twice");
}

TEST_F(log, missed)
{
	operation(1);
	SAY(EXIT, self->parent);
	REFUSED(MISSED);
}

TEST_F(log, left_too_early_to_tell)
{
	uint32_t since = n;

	operation(1);
	SAY(EXIT, self->parent);
	events[n - 1].since = since;
	EXPLAINED();
}

TEST_F(log, before_it_began)
{
	SAY(GOT, self->parent, .other = 1);
	operation(1);
	SAY(EXIT, self->parent);
	REFUSED("was signalled before it began");
}

TEST_F(log, no_end)
{
	SAY(BEGIN, 1, .other = REPLAY_COUNTED);
	REFUSED("did not end");
}

TEST_F(log, stranger)
{
	uint32_t stranger = forks(++lives);

	operation(1);
	SAY(GOT, self->parent, .other = 1);
	EXPLAINED();
	SAY(GOT, stranger, .other = 1);
	REFUSED("was signalled, and is no member");
}

TEST_F(log, name_that_cannot_be)
{
	SAY(FORK, self->parent, .other = self->parent);
	REFUSED("has a name that cannot be");
}

/* The child of a fork in flight, whose memory does not know of the signal */
TEST_F(log, in_flight)
{
	self->child = forks(self->parent);
	operation(1);
	SAY(GOT, self->parent, .other = 1);
	SAY(BORN, self->child, .other = self->parent);
	SAY(GOT, self->child, .other = 1);
	SAY(EXIT, self->child);
	EXPLAINED();
	n -= 2;
	SAY(EXIT, self->child);
	REFUSED(MISSED);
}

/* The parent had been reached, and handled it, before it began the fork. */
TEST_F(log, reached_before_the_fork)
{
	uint32_t got;

	SAY(BEGIN, 1, .other = REPLAY_COUNTED);
	got = n;
	SAY(GOT, self->parent, .other = 1);
	self->child = forks(self->parent);
	SAY(BORN, self->child, .other = self->parent, .memory = got);
	SAY(END, 1);
	SAY(EXIT, self->child);
	EXPLAINED();
	SAY(GOT, self->child, .other = 1);
	REFUSED(BEYOND);
}

/* The same for grandchildren: the cut is closed under creation. */
TEST_F(log, beyond_is_inherited)
{
	uint32_t got, grandchild;

	SAY(BEGIN, 1, .other = REPLAY_COUNTED);
	got = n;
	SAY(GOT, self->parent, .other = 1);
	self->child = forks(self->parent);
	SAY(BORN, self->child, .other = self->parent, .memory = got);
	grandchild = forks(self->child);
	SAY(BORN, grandchild, .other = self->child, .memory = REPLAY_BLURRED);
	SAY(END, 1);
	EXPLAINED();
	SAY(GOT, grandchild, .other = 1);
	REFUSED(BEYOND);
}

TEST_F(log, forked_after_the_call)
{
	operation(1);
	SAY(GOT, self->parent, .other = 1);
	self->child = forks(self->parent);
	SAY(BORN, self->child, .other = self->parent, .memory = REPLAY_BLURRED);
	EXPLAINED();
	SAY(GOT, self->child, .other = 1);
	REFUSED(BEYOND);
}

/* A parent that blocks signals may have been reached before the fork or after it ... */
TEST_F(log, deaf_parent)
{
	uint32_t grandchild;

	SAY(BEGIN, 1, .other = REPLAY_COUNTED);
	self->child = forks(self->parent);
	SAY(BORN, self->child, .other = self->parent, .deaf = true);
	grandchild = forks(self->child);
	SAY(BORN, grandchild, .other = self->child, .deaf = true);
	SAY(END, 1);
	SAY(GOT, self->parent, .other = 1);
	SAY(EXIT, grandchild);
	EXPLAINED();
	SAY(EXIT, self->child);
	EXPLAINED();
	/* ... but not after it by what its child says, and before by its grandchild */
	SAY(GOT, self->child, .other = 1);
	EXPLAINED();
	events[n - 1].who = grandchild;
	REFUSED(BEYOND);
}

TEST_F(log, failed_fork)
{
	self->child = forks(self->parent);
	operation(1);
	SAY(GOT, self->parent, .other = 1);
	SAY(FAIL, self->parent, .other = self->child);
	SAY(EXIT, self->parent);
	EXPLAINED();
}

TEST_F(log, silence)
{
	uint32_t since;

	SAY(BEGIN, 1, .other = REPLAY_SILENCING);
	SAY(END, 1);
	since = events[n - 1].since;
	forks(self->parent);
	events[n - 1].since = since;	/* it had been on its way */
	SAY(BEGIN, 2, .other = REPLAY_ROUSING);
	SAY(END, 2);
	SAY(GOT, self->parent, .other = 2);
	SAY(EXIT, self->parent);
	EXPLAINED();
}

TEST_F(log, silence_broken)
{
	SAY(BEGIN, 1, .other = REPLAY_SILENCING);
	SAY(END, 1);
	self->child = forks(++lives);		/* of somebody who is no member */
	EXPLAINED();
	forks(self->parent);
	REFUSED("acted in the silence");
}

TEST_F(log, newborn_breaks_the_silence)
{
	self->child = forks(self->parent);
	SAY(BEGIN, 1, .other = REPLAY_SILENCING);
	SAY(END, 1);
	SAY(BORN, self->child, .other = self->parent);
	REFUSED("acted in the silence");
}

/* --------------------------------------------------------- logs of many, by chance */

#define CROWD	24

/*
 * A job that forks while an operation reaches one member after the other, where
 * each step is an instant: a fork is as its parent is, reached or not.
 */
static struct {
	bool alive, reached, signalled;
	uint32_t memory;
} life[EVENTS];

static void model_fork(uint32_t parent, bool blurred)
{
	uint32_t child = forks(parent);

	life[child] = life[parent];
	life[child].signalled = false;
	SAY(BORN, child, .other = parent,
	    .memory = blurred ? REPLAY_BLURRED : life[child].memory);
}

static void model_reach(uint32_t who, uint32_t operation)
{
	if (life[who].reached || !life[who].alive)
		return;
	life[who].reached = true;
	life[who].signalled = true;
	life[who].memory = n;
	SAY(GOT, who, .other = operation);
}

static void model_log(unsigned int *seed, bool blurred)
{
	uint32_t root;

	begin_log();
	memset(life, 0, sizeof(life));
	root = join();
	life[root].alive = true;
	while (lives < CROWD)
		model_fork(1 + rand_r(seed) % lives, blurred);
	SAY(BEGIN, 1, .other = REPLAY_COUNTED);
	for (int step = 0; step < 4 * CROWD; step++) {
		uint32_t who = 1 + rand_r(seed) % lives;

		if (!life[who].alive) {
			continue;
		} else if (rand_r(seed) % 2) {
			model_reach(who, 1);
		} else if (rand_r(seed) % 4) {
			model_fork(who, blurred);
		} else {
			SAY(EXIT, who);
			life[who].alive = false;
		}
	}
	for (uint32_t i = 1; i <= lives; i++)
		model_reach(i, 1);
	SAY(END, 1);
	for (uint32_t i = 1; i <= lives; i++)
		if (life[i].alive)
			SAY(EXIT, i);
}

/* Take an event out; positions in other events stay right, as they are only compared. */
static struct replay_event blank(uint32_t at)
{
	struct replay_event was = events[at];

	events[at].kind = REPLAY_NONE;
	return was;
}

FIXTURE(model)
{
};

FIXTURE_VARIANT(model)
{
	bool blurred;
};

FIXTURE_VARIANT_ADD(model, exact) { .blurred = false };
FIXTURE_VARIANT_ADD(model, blurred) { .blurred = true };

FIXTURE_SETUP(model)
{
}

FIXTURE_TEARDOWN(model)
{
}

TEST_F(model, every_mistake_is_seen)
{
	unsigned int misses = 0, doubles = 0, surplus = 0;

	for (unsigned int seed = 1; seed <= 50; seed++) {
		unsigned int state = seed;

		model_log(&state, variant->blurred);
		EXPLAINED() TH_LOG("seed %u", seed);
		for (uint32_t i = 0; i < n; i++) {
			struct replay_event was = events[i];

			/* who left before the end need not have been reached */
			if (was.kind != REPLAY_GOT || !life[was.who].alive)
				continue;
			blank(i);
			/* of a blurred one, the fork may have been after the parent's turn */
			if (!variant->blurred || was.who <= CROWD) {
				REFUSED(MISSED) TH_LOG("seed %u, event %u", seed, i);
				misses++;
			}
			events[i] = was;
			events[n++] = was;
			REFUSED("was signalled twice") TH_LOG("seed %u, event %u", seed, i);
			doubles++;
			n--;
		}
		for (uint32_t i = 1; i <= lives; i++) {
			if (!life[i].alive || life[i].signalled || variant->blurred)
				continue;
			SAY(GOT, i, .other = 1);
			REFUSED(BEYOND) TH_LOG("seed %u, process %u", seed, i);
			n--;
			surplus++;
		}
	}
	TH_LOG("%u misses, %u doubles, %u of those beyond", misses, doubles, surplus);
	EXPECT_LT(100, misses);
	EXPECT_LT(100, doubles);
	EXPECT_LT(variant->blurred ? -1 : 100, (int)surplus);
}

TEST_HARNESS_MAIN
