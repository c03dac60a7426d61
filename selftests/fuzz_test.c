// SPDX-License-Identifier: GPL-2.0
/*
 * The programs that the fuzzer begins with: no crash, nothing is left, the audit is
 * clean, and no call fails with an error that uapi/linux/jobtrack.h does not have
 * for it. See fuzz/program.h for how they are written.
 */
#include "fuzz/corpus.h"
#include "fuzz/execute.h"

FIXTURE(fuzz) {
	struct outcome *out;
	struct jobtrack_info info;
};

FIXTURE_SETUP(fuzz)
{
	REQUIRE_MODULE();
	self->out = shared(sizeof(*self->out));
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	ASSERT_EQ(0, jt_info(&self->info));
}

FIXTURE_TEARDOWN(fuzz)
{
}

TEST_F_TIMEOUT(fuzz, corpus, 120)
{
	char *rest = strdup(corpus), *line;
	char copy[LINE_SIZE];
	unsigned int n = 0;

	while ((line = strsep(&rest, "\n"))) {
		struct program p;
		const char *wrong;

		if (!*line || *line == '#')
			continue;
		snprintf(copy, sizeof(copy), "%s", line);
		ASSERT_TRUE(program_parse(copy, &p)) TH_LOG("cannot read: %s", line);
		ASSERT_STREQ(line, program_text(&p, copy));
		ASSERT_TRUE(execute(&p, self->out)) TH_LOG("cannot be killed: %s", line);
		wrong = invariants(&p, &self->info, true);
		EXPECT_EQ(NULL, wrong) TH_LOG("%s: %s", wrong, line);
		EXPECT_EQ(0, self->out->bad) TH_LOG("%s: %s", self->out->text, line);
		n++;
	}
	EXPECT_LT(0, n);
	EXPECT_TRUE(audit_is_clean());
}

/* The check of errors is worth something: this is one that no header documents. */
TEST_F(fuzz, undocumented_errors_are_seen)
{
	char line[] = "plain root map fd=0";
	struct program p;

	ASSERT_TRUE(program_parse(line, &p));
	p.threads[0].calls[0].op = 0;	/* "info" of no fd at all ... */
	outcome = self->out;
	actors[0].alone = true;
	check_call(&actors[0], &p.threads[0].calls[0], NULL, -1, EBADF);
	EXPECT_EQ(0, self->out->bad);
	check_call(&actors[0], &p.threads[0].calls[0], NULL, -1, EPERM);
	EXPECT_EQ(1, self->out->bad);
	EXPECT_STREQ("info: undocumented error: EPERM", self->out->text);
}

TEST_HARNESS_MAIN
