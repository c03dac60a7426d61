// SPDX-License-Identifier: GPL-2.0
/*
 * The atomic signal, one process at a time: delivery, and what a birth owes.
 *
 * A fork E enters its parent's list of forks in flight (signal->multiprocess),
 * takes the child's start_time, leaves the list at R, where the child becomes
 * visible, and fires the birth probe at B. E and R happen under the parent's
 * siglock, B under the tree's lock. A delivery D to the parent happens under
 * both. So for every fork and every delivery:
 *
 *   D < E      the kernel lets the parent take the signal first and begins the
 *              fork anew; or, if the parent does not take it (it is blocked,
 *              or another thread's), the fork began after its parent was reached
 *   E < D < R  D *marks* the fork: the signal is pending in the child when it
 *              appears. If the fork fails, the mark goes with its stack frame
 *   R < D < B  D is in the parent's *log* with a time at or after the child's
 *              start_time, and without a mark on this fork: B delivers
 *   B < D      the child is a member behind the parent. It is in the walk, or
 *              behind the walk's end, and then the *order* rule has it: when the
 *              operation under way had not reached the parent at B, B delivers
 *
 * Signals go to the process (kill_pid()), never to a thread: the leader may be a
 * zombie while others run.
 *
 * selftests/model/ goes through every order of these steps: cut.pml has E, S (the
 * start_time), R, B, T and D, cont.pml the same with a stop and SIGCONT. A comment
 * "model:" names the step that a piece of code is there.
 */
#include <linux/hash.h>
#include <linux/preempt.h>
#include <linux/sched/task_stack.h>
#include <linux/signal.h>
#include <linux/slab.h>
#include <linux/thread_info.h>
#include <linux/timekeeping.h>
#include <trace/events/signal.h>

#include "compat.h"
#include "counters.h"
#include "debug.h"
#include "signal.h"

#define JT_RESULT_NONE	(-1)

/*
 * What this CPU is delivering, for the signal_generate probe, which fires inside
 * kill_pid() in the same context. Nothing but an interrupt can come between, and
 * the probe does not take an interrupt's signal for ours.
 */
struct jt_note {
	struct jt_member *member;
	int sig;
	int result;
	unsigned int marked;
};

static DEFINE_PER_CPU(struct jt_note, jt_note);

/*
 * Newborns that somebody sent SIGCONT between R and B, when they are no members
 * yet: a stop that their parent's log holds was sent before, and is cancelled.
 * A slot may be lost to another newborn; jt_newborn_continued() says when.
 */
#define JT_CONT_BITS	6
static struct jt_cont {
	raw_spinlock_t lock;	/* the last of all: taken under a siglock, in interrupts */
	struct pid *pid;	/* to compare, never to look into; this and next under @lock */
	u64 time;
} jt_conts[1 << JT_CONT_BITS] = {
	[0 ... (1 << JT_CONT_BITS) - 1] = { .lock = __RAW_SPIN_LOCK_UNLOCKED(jt_conts.lock) },
};

static struct jt_cont *jt_cont_slot(const struct pid *pid)
{
	return &jt_conts[hash_ptr(pid, JT_CONT_BITS)];
}

/* Names the kernel stack that an address lies in. */
static u32 jt_stack_id(const void *address)
{
	return (unsigned long)address / THREAD_SIZE;
}

static bool jt_is_stop(int sig)
{
	return sig_kernel_stop(sig);
}

/* Where in the log what is @age newer than the oldest that is left lies. */
static unsigned int jt_log_at(const struct jt_member *member, unsigned int age)
{
	unsigned int logged = member->entry.logged;

	return (logged > JT_LOG_SIZE ? logged + age : age) % JT_LOG_SIZE;
}

static unsigned int jt_log_length(const struct jt_member *member)
{
	return min_t(unsigned int, member->entry.logged, JT_LOG_SIZE);
}

/* Did the delivery mark the fork on this stack, as far as the log can tell? */
static bool jt_mark_is_on(const struct jt_log *log, unsigned int at, u32 stack)
{
	unsigned int i;

	for (i = 0; i < min_t(unsigned int, log->marked[at], JT_LOG_STACKS); i++)
		if (log->stacks[at][i] == stack)
			return true;
	return false;
}

/* Did it mark more than the log can tell? */
static bool jt_marks_overflow(const struct jt_log *log, unsigned int at)
{
	return log->marked[at] > JT_LOG_STACKS;
}

/*
 * Mark the forks in flight, as the kernel does for a process group, and log it.
 * Marks are set whatever became of the parent's own signal: what is ignored there
 * is ignored by the child as well; but a stop and a SIGCONT must cancel each other
 * in the fork in flight, too. model: D in cut.pml and cont.pml.
 */
static void jt_mark_forks(struct jt_member *member, struct task_struct *task, int sig,
			  struct jt_note *note)
{
	unsigned int at = member->entry.logged % JT_LOG_SIZE;
	struct jt_log *log = &member->log;
	struct multiprocess_signals *fork;

	lockdep_assert_held(&task->sighand->siglock);

	log->time[at] = ktime_get_ns();
	log->sig[at] = sig;
	log->marked[at] = 0;
	if (!jt_debug(JT_DEBUG_NO_MARK)) {
		hlist_for_each_entry(fork, &task->signal->multiprocess, node) {
			if (sig == SIGCONT)
				sigdelsetmask(&fork->signal, SIG_KERNEL_STOP_MASK);
			else if (jt_is_stop(sig))
				sigdelset(&fork->signal, SIGCONT);
			sigaddset(&fork->signal, sig);
			if (log->marked[at] < JT_LOG_STACKS)
				log->stacks[at][log->marked[at]] = jt_stack_id(fork);
			if (log->marked[at] < U8_MAX)
				log->marked[at]++;
			note->marked++;
		}
	}
	member->entry.logged++;
}

/*
 * SIGCONT from anybody. The kernel itself leaves a stop on the forks in flight
 * if the parent ignores SIGCONT (prepare_signal() returns before its own loop);
 * the stops that we put there must not outlive it. So must not those in the log.
 * model: cont.pml, note_cont() and send_cont().
 */
static void jt_note_cont(struct task_struct *task)
{
	struct multiprocess_signals *fork;
	struct jt_member *member;
	struct jt_cont *slot;
	unsigned int age, at;

	rcu_read_lock();
	member = jt_member_find(task_tgid(task));
	if (!member) {
		if (jt_task_is_new(task)) {
			slot = jt_cont_slot(task_tgid(task));
			/* The clock inside, or an older one could take the place. */
			raw_spin_lock(&slot->lock);
			slot->pid = task_tgid(task);
			slot->time = ktime_get_ns();
			raw_spin_unlock(&slot->lock);
		}
		goto out;
	}

	WRITE_ONCE(member->last_cont, ktime_get_ns());
	for (age = 0; age < jt_log_length(member); age++) {
		at = jt_log_at(member, age);
		if (!jt_is_stop(member->log.sig[at]))
			continue;
		hlist_for_each_entry(fork, &task->signal->multiprocess, node)
			if (jt_mark_is_on(&member->log, at, jt_stack_id(fork)) ||
			    jt_marks_overflow(&member->log, at))
				sigdelsetmask(&fork->signal, SIG_KERNEL_STOP_MASK);
	}
out:
	rcu_read_unlock();
}

/**
 * jt_signal_generated() - the signal_generate probe's work
 * @sig: the signal
 * @task: the receiver
 * @result: what became of it, TRACE_SIGNAL_*
 *
 * Context: under the receiver's siglock with interrupts off, possibly in an
 * interrupt. Takes no lock but a newborn's slot.
 */
void jt_signal_generated(int sig, struct task_struct *task, int result)
{
	struct jt_note *note = this_cpu_ptr(&jt_note);
	struct jt_member *member = READ_ONCE(note->member);
	/* An interrupt's signal to the same process is not the one noted. */
	bool ours = unlikely(member) && note->sig == sig && in_task() &&
		    task_tgid(task) == member->pid;

	/*
	 * What a birth delivers from its parent's log is not new: a stop that
	 * follows there is newer. model: cont.pml, switch NOTE_OWN.
	 */
	if (unlikely(sig == SIGCONT) && !(ours && jt_task_is_new(task)))
		jt_note_cont(task);
	if (!ours)
		return;
	note->result = result;
	jt_mark_forks(member, task, sig, note);
}

/* kill_pid() with the note set. Return: kill_pid()'s error. */
static int jt_send(struct jt_member *member, int sig, int priv, struct jt_note *note)
{
	int err;

	note->sig = sig;
	note->result = JT_RESULT_NONE;
	note->marked = 0;
	WRITE_ONCE(note->member, member);
	barrier();		/* the probe is on this CPU */
	err = kill_pid(member->pid, sig, priv);
	barrier();
	WRITE_ONCE(note->member, NULL);
	return err;
}

/**
 * jt_deliver() - send a member a signal, and count what became of it
 * @member: the member
 * @sig: the signal
 * @priv: 0 to ask as kill(2) does with the caller's credentials, 1 not to ask
 * @counts: where to count, or NULL
 *
 * Context: under tree->lock. A member that has died meanwhile counts nowhere.
 */
void jt_deliver(struct jt_member *member, int sig, int priv, struct jobtrack_signal *counts)
{
	struct jt_note *note = this_cpu_ptr(&jt_note);
	struct jobtrack_signal unwanted = {};
	int err;

	lockdep_assert_held(&jt_member_tree(member)->lock);
	if (!counts)
		counts = &unwanted;

	/* What becomes of SIGKILL is no question, and it needs no mark. */
	if (sig == SIGKILL) {
		counts->signalled += !kill_pid(member->pid, SIGKILL, priv);
		return;
	}

	err = jt_send(member, sig, priv, note);
	if (err) {
		/* -ESRCH: reaped, or about to be */
		counts->denied += err != -ESRCH;
		return;
	}

	counts->signalled++;
	counts->newborns += note->marked;
	if (note->marked)
		jt_count_add(JT_BY_MARK, note->marked);

	switch (note->result) {
	case TRACE_SIGNAL_DELIVERED:
		break;
	case TRACE_SIGNAL_IGNORED:
		counts->ignored++;
		break;
	case TRACE_SIGNAL_ALREADY_PENDING:
		counts->pending++;
		break;
	case TRACE_SIGNAL_LOSE_INFO:
		counts->info_lost++;
		break;
	default:
		/* The probe did not fire: forks in flight were not reached. */
		jt_count(JT_INEXACT);
	}
}

/*
 * Did the mark of a logged delivery travel with the fork that @task comes from?
 * A fork is marked exactly if the delivery found it on its parent's list; it lay
 * on the stack of the thread that forks, which is current's. model: mark_is_on() in
 * cut.pml.
 */
static bool jt_mark_travelled(const struct jt_log *log, unsigned int at,
			      struct task_struct *task)
{
	if (jt_mark_is_on(log, at, jt_stack_id(task_stack_page(current))))
		return true;
	if (!jt_marks_overflow(log, at))
		return false;
	/*
	 * More forks than the log can tell apart. If the signal is pending in
	 * the child, it is from the mark or from somebody who sent the same to
	 * the newborn: the two merge. If it is not, then there was no mark, or a
	 * SIGCONT has taken the stop off again: count that we do not know.
	 */
	if (sigismember(&task->signal->shared_pending.signal, log->sig[at]))
		return true;
	jt_count(JT_INEXACT);
	return false;
}

/* Has anybody sent the newborn SIGCONT since @time: as a member, or before? */
static bool jt_newborn_continued(struct jt_member *child, u64 time)
{
	struct jt_cont *slot = jt_cont_slot(child->pid);
	unsigned long flags;
	bool later, ours;

	if (READ_ONCE(child->last_cont) > time)
		return true;
	raw_spin_lock_irqsave(&slot->lock, flags);
	later = slot->time >= time;
	ours = slot->pid == child->pid;
	raw_spin_unlock_irqrestore(&slot->lock, flags);
	if (!later)
		return false;
	if (ours)
		return true;
	jt_count(JT_INEXACT);	/* another's; it may have taken ours' place */
	return false;
}

/*
 * A stop that the newborn is to get, unless a SIGCONT came later.
 * model: cont.pml, deliver_stop().
 */
static bool jt_deliver_stop(struct jt_member *parent, struct jt_member *child, int sig, u64 time)
{
	if (jt_debug(JT_DEBUG_NO_CONT)) {
		jt_deliver(child, sig, 1, NULL);
		return true;
	}
	if (READ_ONCE(parent->last_cont) > time || jt_newborn_continued(child, time))
		return false;
	jt_deliver(child, sig, 1, NULL);
	/*
	 * kill(2) on a group reaches the child before the parent as well as the
	 * other way round. If a SIGCONT came between the look and the delivery,
	 * then it is pending in the child or ignored by it; one more merges with
	 * it and takes the stop off.
	 */
	if (jt_newborn_continued(child, time))
		jt_deliver(child, SIGCONT, 1, NULL);
	return true;
}

/*
 * R < D < B: what the parent was sent since the child's start_time.
 * model: cut.pml, B, replay_log().
 */
static void jt_replay_log(struct jt_member *parent, struct jt_member *child,
			  struct task_struct *task, struct jt_operation *op)
{
	const struct jt_log *log = &parent->log;
	unsigned int age;

	if (likely(!parent->entry.logged) || jt_debug(JT_DEBUG_NO_LOG))
		return;
	/* What was overwritten may have been for this child. */
	if (parent->entry.logged > JT_LOG_SIZE &&
	    log->time[jt_log_at(parent, 0)] >= task->start_time)
		jt_count(JT_INEXACT);

	for (age = 0; age < jt_log_length(parent); age++) {
		unsigned int at = jt_log_at(parent, age);
		u64 time = log->time[at];
		int sig = log->sig[at];

		if (time < task->start_time || jt_mark_travelled(log, at, task))
			continue;
		if (jt_is_stop(sig)) {
			if (!jt_deliver_stop(parent, child, sig, time))
				continue;
		} else {
			jt_deliver(child, sig, 1, NULL);
		}
		jt_count(JT_BY_LOG);
		if (op && time >= op->began)
			op->counts.newborns++;
	}
}

/*
 * B < D: the operation under way has not reached the parent yet.
 * model: cut.pml, B, keep_order().
 */
static void jt_keep_order(struct jt_member *parent, struct jt_member *child,
			  struct jt_operation *op)
{
	unsigned int superpriv = current->flags & PF_SUPERPRIV;
	const struct cred *old;
	int err;

	if (likely(!jt_operation_covers(op, child->job)) || parent->seen >= op->number ||
	    jt_debug(JT_DEBUG_NO_ORDER))
		return;
	/*
	 * May who signals signal the child? current is the parent, on which the
	 * use of the signaller's privilege is to leave no trace.
	 */
	old = override_creds(op->cred);
	err = kill_pid(child->pid, 0, 0);
	revert_creds(old);
	current->flags = (current->flags & ~PF_SUPERPRIV) | superpriv;
	if (err) {
		op->counts.denied++;
		return;
	}
	jt_deliver(child, op->sig, 1, NULL);
	op->counts.newborns++;
	jt_count(JT_BY_ORDER);
}

/**
 * jt_signal_newborn() - give a newborn the signals that its birth owes it
 * @parent: the member that created it
 * @child: the newborn, a member
 * @task: its task, not woken yet
 *
 * Context: under tree->lock, in the creating thread. model: B in cut.pml, cont.pml
 * and kill.pml.
 */
void jt_signal_newborn(struct jt_member *parent, struct jt_member *child,
		       struct task_struct *task)
{
	struct jt_tree *tree = jt_member_tree(parent);

	lockdep_assert_held(&tree->lock);

	if (unlikely(jt_job_condemned(child->job)) && !jt_debug(JT_DEBUG_NO_CONDEMN)) {
		jt_deliver(child, SIGKILL, 1, NULL);
		jt_count(JT_CONDEMNED);
		return;
	}
	jt_replay_log(parent, child, task, tree->op);
	jt_keep_order(parent, child, tree->op);
}

/**
 * jt_signal_selftest() - does the signal_generate probe fire inside kill_pid()?
 * @pid: a kernel thread that ignores signals
 *
 * Context: process.
 */
bool jt_signal_selftest(struct pid *pid)
{
	struct jt_member *dummy = jt_member_alloc(GFP_KERNEL);
	struct jt_note *note;
	bool fired;

	if (!dummy)
		return false;
	dummy->pid = pid;
	dummy->entry.logged = 0;
	preempt_disable();
	note = this_cpu_ptr(&jt_note);
	fired = !jt_send(dummy, SIGUSR1, 1, note) && note->result != JT_RESULT_NONE;
	preempt_enable();
	jt_member_free(dummy);
	return fired;
}
