// SPDX-License-Identifier: GPL-2.0
/*
 * The tests' switches, as module parameters.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/moduleparam.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/timekeeping.h>

#include "debug.h"

unsigned int jt_debug_switches;
module_param_named(debug, jt_debug_switches, uint, 0600);
MODULE_PARM_DESC(debug, "rules to turn off: 1 mark, 2 log, 4 order, 8 condemn, 16 lose births, 32 hide births, 64 cont; 128: a census pauses, too; to plant for the audit: 256 blind witness, 512 hide exits, 1024 forget the leaving, 2048 miscount");

unsigned int jt_debug_batch;
module_param_named(batch, jt_debug_batch, uint, 0600);
MODULE_PARM_DESC(batch, "members signalled per hold of the tree's lock (0: as usual)");

unsigned int jt_debug_pause_us;
module_param_named(pause_us, jt_debug_pause_us, uint, 0600);
MODULE_PARM_DESC(pause_us, "pause between two such holds (microseconds); 4294967295: until written again, or a minute");

static char *jt_debug_missing = "";
module_param_named(missing, jt_debug_missing, charp, 0400);
MODULE_PARM_DESC(missing, "tracepoint to be taken for one that this kernel does not have");

static char *jt_debug_silent = "";
module_param_named(silent, jt_debug_silent, charp, 0400);
MODULE_PARM_DESC(silent, "tracepoint to be taken for one that this kernel does not call");

bool jt_debug_is_missing(const char *tracepoint)
{
	return !strcmp(tracepoint, jt_debug_missing);
}

bool jt_debug_is_silent(const char *tracepoint)
{
	return !strcmp(tracepoint, jt_debug_silent);
}

/* The longest hold of any tree's lock since this was last written */
static unsigned long jt_debug_hold_ns;
module_param_named(hold_ns, jt_debug_hold_ns, ulong, 0600);
MODULE_PARM_DESC(hold_ns, "longest hold of a tree's lock so far (nanoseconds); write 0 to begin anew");

static unsigned long jt_debug_hold_caller;

static int jt_debug_hold_show(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%ps\n", (void *)READ_ONCE(jt_debug_hold_caller));
}

static const struct kernel_param_ops jt_debug_hold_ops = { .get = jt_debug_hold_show };
module_param_cb(hold_by, &jt_debug_hold_ops, NULL, 0400);
MODULE_PARM_DESC(hold_by, "which function that was");

/*
 * Called just before the lock is dropped. A longer hold that ends at the same
 * moment on another CPU may be overwritten; the tests have one CPU.
 */
void jt_debug_hold_check(const struct jt_debug_hold *hold)
{
	u64 ns = ktime_get_ns() - hold->since;

	if (ns <= READ_ONCE(jt_debug_hold_ns))
		return;
	WRITE_ONCE(jt_debug_hold_ns, ns);
	WRITE_ONCE(jt_debug_hold_caller, hold->caller);
}

unsigned int jt_debug_signal_batch(unsigned int normal)
{
	return READ_ONCE(jt_debug_batch) ?: normal;
}

/* Context: process, no locks held. */
void jt_debug_pause(void)
{
	unsigned int us = READ_ONCE(jt_debug_pause_us);
	const unsigned long end = jiffies + 60 * HZ;

	if (us && us != UINT_MAX)
		usleep_range(us, us + 10);
	/* Not for longer: nothing ends who waits here, and a test may be killed. */
	while (READ_ONCE(jt_debug_pause_us) == UINT_MAX && time_before(jiffies, end))
		usleep_range(500, 1000);
}
