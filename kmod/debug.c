// SPDX-License-Identifier: GPL-2.0
/*
 * The tests' switches, as module parameters.
 */
#include <linux/delay.h>
#include <linux/moduleparam.h>

#include "debug.h"

unsigned int jt_debug_switches;
module_param_named(debug, jt_debug_switches, uint, 0600);
MODULE_PARM_DESC(debug, "rules to turn off: 1 mark, 2 log, 4 order, 8 condemn, 16 lose births, 32 hide births, 64 cont");

unsigned int jt_debug_batch;
module_param_named(batch, jt_debug_batch, uint, 0600);
MODULE_PARM_DESC(batch, "members signalled per hold of the tree's lock (0: as usual)");

unsigned int jt_debug_pause_us;
module_param_named(pause_us, jt_debug_pause_us, uint, 0600);
MODULE_PARM_DESC(pause_us, "pause between two such holds (microseconds)");

unsigned int jt_debug_signal_batch(unsigned int normal)
{
	return READ_ONCE(jt_debug_batch) ?: normal;
}

/* Context: process, no locks held. */
void jt_debug_signal_pause(void)
{
	unsigned int us = READ_ONCE(jt_debug_pause_us);

	if (us)
		usleep_range(us, us + 10);
}
