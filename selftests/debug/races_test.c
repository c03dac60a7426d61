// SPDX-License-Identifier: GPL-2.0
/*
 * P4's rules, each turned off in turn: then the replay of a race must not find a
 * cut that explains it. (A mark is not needed for what ends a process: there the
 * kernel fails the fork.)
 */
#include "../common/debug.h"
#include "../common/race.h"

#define MISS_MS		(25000 * how_slow())	/* a miss is to be seen by then ... */
#define MISS_RACES	60	/* ... and so many races, which a busy machine takes longer for */
#define MISS_TIMEOUT	200	/* in which time it runs them */

#define MISSED		"or what it forked before was not signalled"
#define ACTED		"acted in the silence"
#define NOT_MET		"the forks that were held were not met"

FIXTURE(rule)
{
	struct course course;
};

FIXTURE_VARIANT(rule)
{
	unsigned int off;
	unsigned int scenario;
	const struct class *class;
	const char *wrong, *or;
	unsigned int cpus;		/* that it takes */
	unsigned int batch, pause_us;	/* a walk that takes its time */
};

FIXTURE_VARIANT_ADD(rule, mark_for_handled) {
	.off = NO_MARK, .scenario = RUNNERS, .class = &handled, .wrong = MISSED,
};
FIXTURE_VARIANT_ADD(rule, mark_for_stop) {
	.off = NO_MARK, .scenario = RUNNERS, .class = &stop, .wrong = ACTED, .or = MISSED,
};
FIXTURE_VARIANT_ADD(rule, mark_for_held) {
	.off = NO_MARK, .scenario = HELD, .class = &blocked, .wrong = NOT_MET,
};
FIXTURE_VARIANT_ADD(rule, log_for_real_time) {
	.off = NO_LOG, .scenario = LINGER, .class = &real_time, .wrong = MISSED, .cpus = 2,
};
FIXTURE_VARIANT_ADD(rule, log_for_terminating) {
	.off = NO_LOG, .scenario = LINGER, .class = &terminating, .wrong = ACTED, .cpus = 2,
};
FIXTURE_VARIANT_ADD(rule, order_for_handled) {
	.off = NO_ORDER, .scenario = RUNNERS, .class = &handled, .wrong = MISSED,
	.batch = 1, .pause_us = 300,
};
FIXTURE_VARIANT_ADD(rule, condemn) {
	.off = NO_CONDEMN, .scenario = LINGER, .class = &killing, .wrong = ACTED, .cpus = 2,
};

FIXTURE_SETUP(rule)
{
	REQUIRE_MODULE();
	ASSERT_TRUE(clear_user(OWNER));
	ASSERT_TRUE(set_rules(variant->off, variant->batch ?: DEFAULT_BATCH, variant->pause_us));
	ASSERT_TRUE(course_open(&self->course, &scenarios[variant->scenario]));
}

FIXTURE_TEARDOWN(rule)
{
	struct pressed pressed;

	EXPECT_TRUE(reset_rules());
	EXPECT_TRUE(course_close(&self->course, &pressed));
}

TEST_F_TIMEOUT(rule, is_missed, MISS_TIMEOUT)
{
	struct rounds round = rounds(MISS_RACES, MISS_MS);
	const char *wrong;

	if (sysconf(_SC_NPROCESSORS_ONLN) < variant->cpus)
		SKIP(return, "this takes %u processors", variant->cpus);
	while (next_round(&round)) {
		if (run_race(&self->course, variant->class, 3))
			continue;
		/* a rule that is off can thin them out, too, which proves nothing */
		if (strcmp(self->course.wrong, TOO_FEW))
			break;
		self->course.wrong = NULL;
	}
	wrong = self->course.wrong ?: "nothing wrong";
	TH_LOG("race %u: %s", round.n, wrong);
	if (!variant->or || strcmp(wrong, variant->or))
		EXPECT_STREQ(variant->wrong, wrong);
}

TEST_HARNESS_MAIN
