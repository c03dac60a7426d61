// SPDX-License-Identifier: GPL-2.0
/*
 * The module's counters: per CPU, so that a fork never waits for another CPU's
 * cache line to count itself.
 */
#include "counters.h"

DEFINE_PER_CPU(struct jt_counters, jt_counters);

static const char * const jt_counter_names[JT_NR_COUNTERS] = {
	[JT_JOBS]		= "jobs",
	[JT_MEMBERS]		= "members",
	[JT_LEAVING_NOW]	= "leaving",
	[JT_JOBS_CREATED]	= "jobs_created",
	[JT_JOINED]		= "joined",
	[JT_BIRTHS]		= "births",
	[JT_LOST]		= "lost",
	[JT_UNSEEN]		= "unseen",
	[JT_CONDEMNED]		= "condemned",
	[JT_SIGNALS]		= "signals",
	[JT_SIGNALLED]		= "signalled",
	[JT_BY_MARK]		= "by_mark",
	[JT_BY_LOG]		= "by_log",
	[JT_BY_ORDER]		= "by_order",
	[JT_INEXACT]		= "inexact",
};

/**
 * jt_counter_sum() - a counter's value over all CPUs
 * @counter: which one
 *
 * The CPUs are read one after the other while they go on counting. Context: any.
 */
u64 jt_counter_sum(enum jt_counter counter)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(jt_counters, cpu).value[counter]);
	return sum;
}

/**
 * jt_counter_name() - a counter's name in /proc/jobtrack
 * @counter: which one
 */
const char *jt_counter_name(enum jt_counter counter)
{
	return jt_counter_names[counter];
}
