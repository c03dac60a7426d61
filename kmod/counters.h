/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _JT_COUNTERS_H
#define _JT_COUNTERS_H

#include <linux/percpu.h>
#include <linux/types.h>

/*
 * In the order of struct jobtrack_info, which says what each one counts. The
 * first three go up and down: their per-CPU parts may be negative, their sum
 * is not.
 */
enum jt_counter {
	JT_JOBS,
	JT_MEMBERS,
	JT_LEAVING_NOW,
	JT_JOBS_CREATED,
	JT_JOINED,
	JT_BIRTHS,
	JT_LOST,
	JT_UNSEEN,
	JT_CONDEMNED,
	JT_SIGNALS,
	JT_SIGNALLED,
	JT_BY_MARK,
	JT_BY_LOG,
	JT_BY_ORDER,
	JT_INEXACT,
	JT_NR_COUNTERS
};

struct jt_counters {
	u64 value[JT_NR_COUNTERS];
};

DECLARE_PER_CPU(struct jt_counters, jt_counters);

#define jt_count_add(counter, n)	this_cpu_add(jt_counters.value[counter], n)
#define jt_count(counter)		this_cpu_inc(jt_counters.value[counter])
#define jt_uncount(counter)		this_cpu_dec(jt_counters.value[counter])

u64 jt_counter_sum(enum jt_counter counter);
const char *jt_counter_name(enum jt_counter counter);

#endif /* _JT_COUNTERS_H */
