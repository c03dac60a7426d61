// SPDX-License-Identifier: GPL-2.0
/*
 * The tracepoint probes, the test at load time that each of them fires, and when
 * they are registered: only while there is a job, so that a node without one pays
 * nothing; the one for signals not before a job is sent one.
 *
 * Probes may run with preemption disabled or, in newer kernels, preemptible and
 * outside of an RCU read-side section: what they call is its own reader. They
 * sort out in a test or two what is not for them: threads, and the kernel's own
 * threads.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/smp.h>
#include <linux/tracepoint.h>
#include <linux/workqueue.h>
#include <trace/events/sched.h>
#include <trace/events/signal.h>
#include <trace/events/task.h>

#include "birth.h"
#include "compat.h"
#include "debug.h"
#include "exit.h"
#include "hooks.h"
#include "signal.h"

enum jt_hook_id {
	JT_HOOK_BIRTH,
	JT_HOOK_WITNESS,
	JT_HOOK_EXIT,
	JT_HOOK_SIGNAL,		/* the last: it is registered apart */
	JT_NR_HOOKS
};

#define JT_HOOKS_ALL	(BIT(JT_NR_HOOKS) - 1)

#define JT_IDLE_SECONDS	10	/* without a job, until the probes are taken out */

/* The probes that have seen the self-test's kernel thread, a bit each. */
static unsigned long jt_hooks_fired;
static bool jt_hooks_testing;

/* Kernel threads are in no job: what the self-test's does is noted, and that is all. */
static bool jt_hook_ignores(struct task_struct *task, enum jt_hook_id hook)
{
	if (likely(!(task->flags & PF_KTHREAD)))
		return false;
	if (unlikely(READ_ONCE(jt_hooks_testing)))
		set_bit(hook, &jt_hooks_fired);
	return true;
}

static void notrace jt_probe_birth_ulong(void *data, struct task_struct *task,
					 unsigned long clone_flags)
{
	if (!(clone_flags & CLONE_THREAD) && !jt_hook_ignores(task, JT_HOOK_BIRTH))
		jt_birth(task);
}

static void notrace jt_probe_birth_u64(void *data, struct task_struct *task, u64 clone_flags)
{
	jt_probe_birth_ulong(data, task, clone_flags);
}

static void notrace jt_probe_witness(void *data, struct task_struct *parent,
				     struct task_struct *child)
{
	if (thread_group_leader(child) && !jt_hook_ignores(child, JT_HOOK_WITNESS))
		jt_witness(child);
}

static void notrace jt_probe_exit(void *data, struct task_struct *task)
{
	/* live cannot rise from 0: whoever finds it there is a last thread. */
	if (!atomic_read(&task->signal->live) && !jt_hook_ignores(task, JT_HOOK_EXIT))
		jt_exit(task);
}

static void notrace jt_probe_exit_dead(void *data, struct task_struct *task, bool group_dead)
{
	jt_probe_exit(data, task);
}

static void notrace jt_probe_signal(void *data, int sig, struct kernel_siginfo *info,
				    struct task_struct *task, int group, int result)
{
	jt_signal_generated(sig, task, result);
}

static struct jt_hook {
	const char *name;
	void *probe;
	struct tracepoint *tracepoint;
	bool registered;		/* under jt_hooks_mutex */
} jt_hooks[JT_NR_HOOKS] = {
	[JT_HOOK_BIRTH] = {
		.name = "task_newtask",
		.probe = JT_PROBE(task_newtask, jt_probe_birth_ulong,
				  void (*)(void *, struct task_struct *, unsigned long),
			 JT_PROBE(task_newtask, jt_probe_birth_u64,
				  void (*)(void *, struct task_struct *, u64),
				  JT_PROBE_NONE)),
	},
	[JT_HOOK_WITNESS] = {
		.name = "sched_process_fork",
		.probe = jt_probe_witness,
	},
	[JT_HOOK_EXIT] = {
		.name = "sched_process_exit",
		.probe = JT_PROBE(sched_process_exit, jt_probe_exit,
				  void (*)(void *, struct task_struct *),
			 JT_PROBE(sched_process_exit, jt_probe_exit_dead,
				  void (*)(void *, struct task_struct *, bool),
				  JT_PROBE_NONE)),
	},
	[JT_HOOK_SIGNAL] = {
		.name = "signal_generate",
		.probe = jt_probe_signal,
	},
};

static_assert(JT_PROBE_FITS(sched_process_fork,
			    void (*)(void *, struct task_struct *, struct task_struct *)));
static_assert(JT_PROBE_FITS(signal_generate,
			    void (*)(void *, int, struct kernel_siginfo *, struct task_struct *,
				     int, int)));

static void jt_hook_match(struct tracepoint *tracepoint, void *unused)
{
	int i;

	for (i = 0; i < JT_NR_HOOKS; i++)
		if (!strcmp(tracepoint->name, jt_hooks[i].name) &&
		    !jt_debug_is_missing(jt_hooks[i].name))
			jt_hooks[i].tracepoint = tracepoint;
}

static int jt_selftest_thread(void *unused)
{
	set_current_state(TASK_IDLE);
	while (!kthread_should_stop()) {
		schedule();
		set_current_state(TASK_IDLE);
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

/*
 * A kernel that has the tracepoints may yet not call them. Make a task, signal
 * it and let it end, and see that each probe saw it.
 */
static int jt_hooks_selftest(void)
{
	struct task_struct *thread;
	unsigned long timeout;
	int i, err = 0;

	WRITE_ONCE(jt_hooks_testing, true);
	thread = kthread_run(jt_selftest_thread, NULL, "jobtrack/test");
	if (IS_ERR(thread)) {
		WRITE_ONCE(jt_hooks_testing, false);
		return PTR_ERR(thread);
	}
	if (jt_signal_selftest(task_tgid(thread)))
		set_bit(JT_HOOK_SIGNAL, &jt_hooks_fired);
	kthread_stop(thread);
	/*
	 * In some kernels its exit probe comes after we are told that it has ended: how
	 * long after, on a virtual CPU, is its host's to say.
	 */
	timeout = jiffies + 10 * HZ;
	while (!test_bit(JT_HOOK_EXIT, &jt_hooks_fired) && time_before(jiffies, timeout))
		usleep_range(50, 100);
	WRITE_ONCE(jt_hooks_testing, false);

	for (i = 0; i < JT_NR_HOOKS; i++) {
		if (!test_bit(i, &jt_hooks_fired)) {
			pr_err("this kernel does not call the tracepoint %s: cannot track\n",
			       jt_hooks[i].name);
			err = -ENODEV;
		}
	}
	return err;
}

static DEFINE_MUTEX(jt_hooks_mutex);	/* serialises (un)registering */
static atomic_t jt_hooks_jobs;		/* jobs, for which the probes are registered */
static bool jt_hooks_see_signals;	/* every CPU calls the signal probe */
static bool jt_hooks_closed;		/* for good: the module is on its way out */

static void jt_hooks_unregister(unsigned long which)
{
	int i;

	lockdep_assert_held(&jt_hooks_mutex);
	if (which & BIT(JT_HOOK_SIGNAL))
		WRITE_ONCE(jt_hooks_see_signals, false);
	/* In reverse: a witness without the birth probe would kill newborns. */
	for (i = JT_NR_HOOKS - 1; i >= 0; i--) {
		if (!(which & BIT(i)) || !jt_hooks[i].registered)
			continue;
		tracepoint_probe_unregister(jt_hooks[i].tracepoint, jt_hooks[i].probe, NULL);
		jt_hooks[i].registered = false;
	}
}

/*
 * Those before @end. Return: 0, and then every CPU calls them; or an error, and then
 * none is registered that was not before.
 */
static int jt_hooks_register(enum jt_hook_id end)
{
	unsigned long added = 0;
	int i, err;

	lockdep_assert_held(&jt_hooks_mutex);
	for (i = 0; i < end; i++) {
		if (jt_hooks[i].registered || jt_debug_is_silent(jt_hooks[i].name))
			continue;
		err = tracepoint_probe_register(jt_hooks[i].tracepoint, jt_hooks[i].probe, NULL);
		if (err) {
			pr_err("cannot register a probe for %s: %d\n", jt_hooks[i].name, err);
			jt_hooks_unregister(added);
			return err;
		}
		jt_hooks[i].registered = true;
		added |= BIT(i);
	}
	/* No CPU goes on with what it fetched before the text was patched. */
	if (added)
		kick_all_cpus_sync();
	return 0;
}

/* Registering costs every CPU an interruption: not for each of a row of jobs. */
static void jt_hooks_idle(struct work_struct *work)
{
	mutex_lock(&jt_hooks_mutex);
	if (!atomic_read(&jt_hooks_jobs))
		jt_hooks_unregister(JT_HOOKS_ALL);
	mutex_unlock(&jt_hooks_mutex);
}

static DECLARE_DELAYED_WORK(jt_hooks_idle_work, jt_hooks_idle);

/**
 * jt_hooks_get() - there is going to be a job: from here on births are seen
 *
 * A fork that passed the tracepoints before is that of a process which was in no
 * job then; that its child is on the task list is seen by whoever looks after
 * this, since every CPU is interrupted in between.
 *
 * Context: process, may sleep. Return: 0, -ENOMEM, or -ENODEV while unloading.
 */
int jt_hooks_get(void)
{
	int err = -ENODEV;

	if (likely(atomic_inc_not_zero(&jt_hooks_jobs)))
		return 0;
	mutex_lock(&jt_hooks_mutex);
	if (!jt_hooks_closed)
		err = jt_hooks_register(JT_HOOK_SIGNAL);
	if (!err)
		atomic_inc(&jt_hooks_jobs);
	mutex_unlock(&jt_hooks_mutex);
	return err;
}

/* That job is no more. Context: any. */
void jt_hooks_put(void)
{
	if (!atomic_dec_and_test(&jt_hooks_jobs))
		return;
	rcu_read_lock();		/* jt_hooks_exit() waits for us, then cancels */
	if (!READ_ONCE(jt_hooks_closed))
		mod_delayed_work(jt_sweeps, &jt_hooks_idle_work, JT_IDLE_SECONDS * HZ);
	rcu_read_unlock();
}

/**
 * jt_hooks_need_signal() - a job is going to be sent a signal other than SIGKILL
 *
 * The probe then stays for as long as there is a job: whose log may hold a stop
 * that a SIGCONT has to cancel.
 *
 * Context: process, may sleep; the caller has a job. Return: 0, -ENOMEM, -ENODEV.
 */
int jt_hooks_need_signal(void)
{
	int err = -ENODEV;

	/* pairs with the release below: every CPU was kicked before */
	if (likely(smp_load_acquire(&jt_hooks_see_signals)))
		return 0;
	mutex_lock(&jt_hooks_mutex);
	if (!jt_hooks_closed)
		err = jt_hooks_register(JT_NR_HOOKS);
	if (!err)
		smp_store_release(&jt_hooks_see_signals, true);	/* see above */
	mutex_unlock(&jt_hooks_mutex);
	return err;
}

/**
 * jt_hooks_init() - find the tracepoints and see that each of them fires
 *
 * Return: 0, or -ENODEV with a log line that names the tracepoint that is missing
 * or silent. Context: process.
 */
int __init jt_hooks_init(void)
{
	int i, err;

	for_each_kernel_tracepoint(jt_hook_match, NULL);
	for (i = 0; i < JT_NR_HOOKS; i++) {
		if (!jt_hooks[i].tracepoint) {
			pr_err("this kernel has no tracepoint %s: cannot track\n",
			       jt_hooks[i].name);
			return -ENODEV;
		}
	}

	mutex_lock(&jt_hooks_mutex);
	err = jt_hooks_register(JT_NR_HOOKS);
	if (!err)
		err = jt_hooks_selftest();
	jt_hooks_unregister(JT_HOOKS_ALL);
	mutex_unlock(&jt_hooks_mutex);
	if (err)
		tracepoint_synchronize_unregister();
	return err;
}

/* No probe runs any more when this returns, and none will be registered. */
void jt_hooks_exit(void)
{
	mutex_lock(&jt_hooks_mutex);
	WRITE_ONCE(jt_hooks_closed, true);
	jt_hooks_unregister(JT_HOOKS_ALL);
	mutex_unlock(&jt_hooks_mutex);
	tracepoint_synchronize_unregister();
	synchronize_rcu();		/* jt_hooks_put() */
	cancel_delayed_work_sync(&jt_hooks_idle_work);
}
