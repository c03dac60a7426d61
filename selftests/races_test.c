// SPDX-License-Identifier: GPL-2.0
/*
 * P4 under every race that can be built: ways to fork, exec and exit, and ways to
 * stretch the moments in which a fork can be overlooked, each with each class of
 * signal. All that happens is written down, and replayed: see common/race.h,
 * racers.h and replay.h. JT_RACES says how many times as much is to be done: `make
 * check` has a short draw, `make check-races` a long one.
 */
#include "common/race.h"

#define RACE_TIMEOUT	3600		/* of a test, in seconds, at whatever JT_RACES */
#define ROUNDS		3		/* of a race, where there is time */
#define MORE_RACES	20		/* at most, where chance has to help */

/* What all classes of a scenario have met together, outliving each test's process */
static struct tally {
	uint64_t by_mark, by_log, by_order, condemned, inexact, births, signalled;
	uint64_t checked, taken, beyond, pids_reused, ms;
	struct pressed pressed;
} *tallies;

static void __attribute__((constructor)) tallies_map(void)
{
	tallies = shared(sizeof(*tallies) * SCENARIOS);
}

FIXTURE(races)
{
	struct course course;
	struct tally *tally;
	struct met met;
	uint64_t began;
};

FIXTURE_VARIANT(races)
{
	unsigned int scenario;
};

FIXTURE_VARIANT_ADD(races, runners) { RUNNERS };
FIXTURE_VARIANT_ADD(races, breeders) { BREEDERS };
FIXTURE_VARIANT_ADD(races, vfork) { VFORK };
FIXTURE_VARIANT_ADD(races, threads) { THREADS };
FIXTURE_VARIANT_ADD(races, exec) { EXEC };
FIXTURE_VARIANT_ADD(races, exits) { EXITS };
FIXTURE_VARIANT_ADD(races, held) { HELD };
FIXTURE_VARIANT_ADD(races, linger) { LINGER };
FIXTURE_VARIANT_ADD(races, quota) { QUOTA };
FIXTURE_VARIANT_ADD(races, idle) { IDLE };
FIXTURE_VARIANT_ADD(races, pids) { PIDS };

FIXTURE_SETUP(races)
{
	REQUIRE_MODULE();
	self->tally = &tallies[variant->scenario];
	self->began = now_ns();
	ASSERT_TRUE(clear_user(OWNER));
	ASSERT_TRUE(course_open(&self->course, &scenarios[variant->scenario]));
	ASSERT_TRUE(met_begin(&self->met));
}

FIXTURE_TEARDOWN(races)
{
	struct tally *tally = self->tally;

	EXPECT_TRUE(course_close(&self->course, &tally->pressed));
	EXPECT_EQ(0, jt_info(&self->met.after));
	EXPECT_EQ(0, MET(&self->met, lost) + MET(&self->met, unseen));
	EXPECT_EQ(0, MET(&self->met, inexact));
#define TALLY(counter)	(tally->counter += MET(&self->met, counter))
	TALLY(by_mark);
	TALLY(by_log);
	TALLY(by_order);
	TALLY(condemned);
	TALLY(inexact);
	TALLY(births);
	TALLY(signalled);
	tally->ms += (now_ns() - self->began) / NSEC_PER_MSEC;
}

static void run(struct __test_metadata *_metadata, FIXTURE_DATA(races) *self,
		const struct class *class, unsigned int times)
{
	for (unsigned int i = 0; _metadata->passed && i < times; i++) {
		EXPECT_TRUE(run_race(&self->course, class, times_as_much() > 1 ? ROUNDS : 1)) {
			TH_LOG("%s; race %u, seed %u", self->course.wrong, i, self->course.seed);
		}
		self->tally->checked += self->course.verdict.checked;
		self->tally->taken += self->course.verdict.signalled;
		self->tally->beyond += self->course.verdict.beyond;
		self->tally->pids_reused += self->course.pids_reused;
	}
}

#define RACE(class)								\
	TEST_F_TIMEOUT(races, class, RACE_TIMEOUT)				\
	{									\
		run(_metadata, self, &class, times_as_much());				\
	}

RACE(handled)
RACE(real_time)
RACE(ignored)
RACE(blocked)
RACE(sigcont)
RACE(stop)
RACE(terminating)
RACE(killing)

/* Was there what the scenario is for, in all of its races? */
static bool enough(const struct tally *tally, const struct met *met, unsigned int pressure)
{
	const bool log = pressure & PRESS_LINGER && sysconf(_SC_NPROCESSORS_ONLN) > 1;

	return tally->by_mark + tally->by_log + tally->by_order + met_in_flight(met) &&
		(!log || tally->by_log + MET(met, by_log)) &&
		(!(pressure & PRESS_PIDS) || tally->pids_reused > 100);
}

TEST_F_TIMEOUT(races, met_what_they_are_for, RACE_TIMEOUT)
{
	const unsigned int pressure = self->course.scenario->pressure;
	struct tally *tally = self->tally;

	ASSERT_EQ(0, jt_info(&self->met.after));
	for (int i = 0; i < MORE_RACES && !enough(tally, &self->met, pressure); i++) {
		run(_metadata, self, &handled, 1);
		ASSERT_EQ(0, jt_info(&self->met.after));
	}
	EXPECT_TRUE(enough(tally, &self->met, pressure));
	EXPECT_TRUE(was_pressed(&self->course.pressure, &tally->pressed));

#define TELL(counter)	(unsigned long long)(tally->counter + MET(&self->met, counter))
#define TALLIED(what)	(unsigned long long)(tally->what)
	TH_LOG("%s: %llu births, %llu signalled, %llu PIDs reused, in %llu ms",
	       self->course.scenario->name, TELL(births), TELL(signalled), TALLIED(pids_reused),
	       TALLIED(ms));
	TH_LOG("replayed: %llu pairs of a process and an operation; %llu signalled, %llu beyond",
	       TALLIED(checked), TALLIED(taken), TALLIED(beyond));
	TH_LOG("in flight: by mark %llu, by log %llu, by order %llu, condemned %llu, inexact %llu",
	       TELL(by_mark), TELL(by_log), TELL(by_order), TELL(condemned), TELL(inexact));
}

TEST_HARNESS_MAIN
