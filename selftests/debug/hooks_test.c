// SPDX-License-Identifier: GPL-2.0
/*
 * P8: a kernel that lacks one of the tracepoints, or has it and does not call it, is
 * not served: the module does not load, and the log names the tracepoint.
 */
#include "../common/debug.h"
#include "../common/module.h"

FIXTURE(hooks)
{
	int log;
};

FIXTURE_VARIANT(hooks)
{
	const char *tracepoint;
};

#define VARIANT(name)						\
	FIXTURE_VARIANT_ADD(hooks, name)			\
	{							\
		.tracepoint = #name,				\
	}

VARIANT(task_newtask);
VARIANT(sched_process_fork);
VARIANT(sched_process_exit);
VARIANT(signal_generate);

FIXTURE_SETUP(hooks)
{
	if (access(DEBUG_FILE, R_OK) && !getenv("JOBTRACK_REQUIRED"))
		SKIP(_exit(255), "no " DEBUG_FILE);
	ASSERT_TRUE(is_gone());
	self->log = log_open();
	ASSERT_LE(0, self->log);
}

FIXTURE_TEARDOWN(hooks)
{
	EXPECT_TRUE(is_gone());
	/* What it had registered is out again. */
	EXPECT_EQ(0, load_file(DEBUG_FILE, "missing=no_such silent=no_such"));
	EXPECT_TRUE(unload_in_time());
}

static int load_without(const char *what, const char *tracepoint)
{
	char parameters[64];

	snprintf(parameters, sizeof(parameters), "%s=%s", what, tracepoint);
	return load_file(DEBUG_FILE, parameters);
}

TEST_F(hooks, missing)
{
	char line[128];

	EXPECT_EQ(-ENODEV, load_without("missing", variant->tracepoint));
	snprintf(line, sizeof(line), "jobtrack: this kernel has no tracepoint %s: cannot track",
		 variant->tracepoint);
	EXPECT_TRUE(log_tells(self->log, line));
}

TEST_F(hooks, silent)
{
	char line[128];

	EXPECT_EQ(-ENODEV, load_without("silent", variant->tracepoint));
	snprintf(line, sizeof(line),
		 "jobtrack: this kernel does not call the tracepoint %s: cannot track",
		 variant->tracepoint);
	EXPECT_TRUE(log_tells(self->log, line));
}

TEST_HARNESS_MAIN
