/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Switches that turn one rule off each, so that the tests can show that they
 * would see it missing. Only in a module built with JT_DEBUG=1.
 */
#ifndef _JT_DEBUG_H
#define _JT_DEBUG_H

#include <linux/kernel.h>
#include <linux/timekeeping.h>
#include <linux/types.h>
#include <linux/jobtrack.h>

#define JT_DEBUG_NO_MARK	0x01	/* forks in flight get no mark */
#define JT_DEBUG_NO_LOG		0x02	/* a birth does not look at its parent's log */
#define JT_DEBUG_NO_ORDER	0x04	/* a birth ignores the operation under way */
#define JT_DEBUG_NO_CONDEMN	0x08	/* births into a killed job live */
#define JT_DEBUG_LOSE_BIRTH	0x10	/* the birth probe finds no memory */
#define JT_DEBUG_HIDE_BIRTH	0x20	/* the birth probe does not see the birth */
#define JT_DEBUG_NO_CONT	0x40	/* a SIGCONT does not cancel an older stop */
#define JT_DEBUG_PAUSE_CENSUS	0x80	/* no rule: a census pauses as signals do */
/* What the audit is to find: */
#define JT_DEBUG_BLIND		0x100	/* the witness does not look */
#define JT_DEBUG_HIDE_EXIT	0x200	/* the exit probe does not see the exit */
#define JT_DEBUG_FORGET		0x400	/* sweeps and births let the leaving be */
#define JT_DEBUG_MISCOUNT	0x800	/* a job counts each member twice */

#ifdef JT_DEBUG
#define JT_DEBUG_FEATURE	JOBTRACK_FEATURE_DEBUG

extern unsigned int jt_debug_switches;
extern unsigned int jt_debug_batch;
extern unsigned int jt_debug_pause_us;

static inline bool jt_debug(unsigned int rule)
{
	return READ_ONCE(jt_debug_switches) & rule;
}

unsigned int jt_debug_signal_batch(unsigned int normal);
void jt_debug_pause(void);

bool jt_debug_is_missing(const char *tracepoint);
bool jt_debug_is_silent(const char *tracepoint);

/* How long a tree's lock has been held, and by whom it was taken */
struct jt_debug_hold {
	u64 since;
	unsigned long caller;
};

void jt_debug_hold_check(const struct jt_debug_hold *hold);

#define jt_debug_hold_begin(tree)					\
	((tree)->hold = (struct jt_debug_hold){ ktime_get_ns(), _THIS_IP_ })
#define jt_debug_hold_end(tree)		jt_debug_hold_check(&(tree)->hold)
#else
#define JT_DEBUG_FEATURE	0

static inline bool jt_debug(unsigned int rule)
{
	return false;
}

static inline unsigned int jt_debug_signal_batch(unsigned int normal)
{
	return normal;
}

static inline void jt_debug_pause(void)
{
}

static inline bool jt_debug_is_missing(const char *tracepoint)
{
	return false;
}

static inline bool jt_debug_is_silent(const char *tracepoint)
{
	return false;
}

#define jt_debug_hold_begin(tree)	((void)0)
#define jt_debug_hold_end(tree)		((void)0)
#endif

#endif /* _JT_DEBUG_H */
