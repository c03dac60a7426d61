/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels, and nothing else; included before every source
 * file. Enterprise kernels backport, so a version number says little: what the
 * kernel's own headers declare decides, by type, or by whether a test compiles.
 */
#ifndef _JT_COMPAT_H
#define _JT_COMPAT_H

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kconfig.h>
#include <linux/compiler.h>
#include <linux/sched.h>

#include "have.h"	/* made by Kbuild of the tests in probe/ */

#ifndef CONFIG_64BIT
#error "jobtrack needs a 64-bit kernel: job IDs do not fit an unsigned long"
#endif

#ifdef CONFIG_PREEMPT_RT
#error "jobtrack cannot run on PREEMPT_RT: there spinlocks sleep, probes must not"
#endif

#ifdef CONFIG_VIRT_CPU_ACCOUNTING_NATIVE
#error "jobtrack cannot account with CONFIG_VIRT_CPU_ACCOUNTING_NATIVE: it has no prev_cputime"
#endif

#ifndef JT_HAVE_MULTIPROCESS
#error "jobtrack needs signal->multiprocess: without it no signal reaches a fork in flight"
#endif

/*
 * JT_PROBE(name, probe, type, otherwise) - the probe for a tracepoint
 *
 * Each tracepoint declares check_trace_callback_type_NAME() with its prototype.
 * JT_PROBE() nests in @otherwise; a prototype that fits none ends at
 * JT_PROBE_NONE, which is no value, and fails the build: never the node.
 */
#define JT_PROBE_FITS(name, type)						\
	__builtin_types_compatible_p(typeof(check_trace_callback_type_##name),	\
				     void (type))
#define JT_PROBE(name, probe, type, otherwise)					\
	__builtin_choose_expr(JT_PROBE_FITS(name, type), probe, otherwise)
#define JT_PROBE_NONE	((void)0)

#ifdef JT_HAVE_TASK___STATE
#define jt_task_state(task)	((task)->__state)
#else
#define jt_task_state(task)	((task)->state)
#endif

/*
 * A task that copy_process() has made and nobody has woken yet. Who is told that it
 * has been woken finds what its birth probe recorded: that was done under locks that
 * were dropped before wake_up_new_task() took the one under which it sets the state.
 */
#define jt_task_is_new(task)						\
	(smp_load_acquire(&jt_task_state(task)) == TASK_NEW) /* see above */

/*
 * Has it run its last instruction? do_task_dead() sets the state with preemption
 * disabled, after exit_notify(); then it still has to leave its CPU, and what it
 * has used is final.
 */
#ifdef CONFIG_SMP
#define jt_task_on_cpu(task)	smp_load_acquire(&(task)->on_cpu) /* finish_task() */
#else
#define jt_task_on_cpu(task)	false
#endif
#define jt_task_is_dead(task) ({					\
	struct task_struct *__task = (task);				\
									\
	/* each look comes after that before it, and the caller's after all */ \
	smp_load_acquire(&__task->exit_state) &&			\
	/* so that on_cpu is not that of a sleep before its death */	\
	smp_load_acquire(&jt_task_state(__task)) == TASK_DEAD &&	\
	!jt_task_on_cpu(__task);					\
})

#endif /* _JT_COMPAT_H */
