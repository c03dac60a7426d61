// SPDX-License-Identifier: GPL-2.0
/*
 * The account: what the processes of a job have used, the gone included.
 *
 * A process is read once when it is gone: from its leader, to which its record
 * holds a reference from its last thread's exit on. The kernel adds what a thread
 * has used to the process's signal_struct when the thread is reaped, under
 * signal->stats_lock, and takes it off the list of threads there: the sum over
 * both is right at any time, before the leader is waited for and after, and also
 * when nobody ever waits.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/user_namespace.h>

#include "account.h"
#include "census.h"
#include "member.h"

/* One more. Read without the lock: see jt_job_state(). */
static void jt_count_up(__u64 *counter)
{
	WRITE_ONCE(*counter, *counter + 1);
}

/* A process was born into the job. Under tree->lock, as the next. */
void jt_account_birth(struct jt_job *job)
{
	lockdep_assert_held(&job->tree->lock);
	if (job->own)
		jt_count_up(&job->own->sum.births);
	for (; job; job = job->parent)
		jt_count_up(&job->account.sum.births);
}

void jt_account_lost(struct jt_job *job)
{
	lockdep_assert_held(&job->tree->lock);
	if (job->own)
		jt_count_up(&job->own->sum.lost);
	for (; job; job = job->parent)
		jt_count_up(&job->account.sum.lost);
}

/**
 * jt_account_joined() - a process entered or was tagged
 * @job: where to
 * @from: the job above it that it comes from, in whose account it is already;
 *	or NULL
 *
 * Context: under tree->lock.
 */
void jt_account_joined(struct jt_job *job, struct jt_job *from)
{
	lockdep_assert_held(&job->tree->lock);
	if (job->own)
		jt_count_up(&job->own->sum.joined);
	for (; job != from; job = job->parent)
		jt_count_up(&job->account.sum.joined);
}

/* Ticks tell how run time divides into user and system, run time is exact. */
struct jt_times {
	u64 utime;
	u64 stime;
	u64 runtime;
};

static void jt_io_add_task(struct jt_io *sum, const struct task_io_accounting *io)
{
#ifdef CONFIG_TASK_XACCT
	sum->rchar += io->rchar;
	sum->wchar += io->wchar;
#endif
#ifdef CONFIG_TASK_IO_ACCOUNTING
	sum->read_bytes += io->read_bytes;
	sum->write_bytes += io->write_bytes;
	sum->cancelled_write_bytes += io->cancelled_write_bytes;
#endif
}

static void jt_io_add(struct jt_io *sum, const struct jt_io *io)
{
	sum->rchar += io->rchar;
	sum->wchar += io->wchar;
	sum->read_bytes += io->read_bytes;
	sum->write_bytes += io->write_bytes;
	sum->cancelled_write_bytes += io->cancelled_write_bytes;
}

/*
 * How much a process reads and writes tells of what it handles. So the kernel shows
 * it to nobody who could not trace the process (do_io_accounting() in fs/proc/base.c),
 * and we don't show a job's owner that of setuid programs, which act with others'
 * rights, or of processes that are not the owner's. What has only dropped rights
 * cannot be told from the owner's own any more.
 */
static bool jt_process_is_foreign(struct task_struct *leader, kuid_t owner)
{
	const struct cred *cred = __task_cred(leader);

	return !uid_eq(cred->uid, owner) || !uid_eq(cred->euid, owner) ||
	       !uid_eq(cred->suid, owner) || !gid_eq(cred->egid, cred->gid) ||
	       !gid_eq(cred->sgid, cred->gid) || !cap_isclear(cred->cap_permitted);
}

static void jt_usage_add_thread(struct jt_usage *usage, struct jt_times *times,
				const struct task_struct *thread)
{
	times->utime += thread->utime;
	times->stime += thread->stime;
	times->runtime += thread->se.sum_exec_runtime;
	usage->minflt += thread->min_flt;
	usage->majflt += thread->maj_flt;
	usage->nvcsw += thread->nvcsw;
	usage->nivcsw += thread->nivcsw;
	jt_io_add_task(&usage->io, &thread->ioac);
}

/*
 * As the kernel's cputime_adjust(), which modules cannot call, so that wait4() and
 * /proc agree with us: the exact run time, split as the ticks are, and neither part
 * less than what anybody was told before, by us included.
 */
static void jt_usage_split_time(struct jt_usage *usage, const struct jt_times *times,
				struct signal_struct *signal)
{
	struct prev_cputime *told = &signal->prev_cputime;
	unsigned long flags;
	u64 stime;

	raw_spin_lock_irqsave(&told->lock, flags);
	if (told->utime + told->stime < times->runtime) {
		if (!times->stime)
			stime = 0;
		else if (!times->utime)
			stime = times->runtime;
		else
			stime = min(mul_u64_u64_div_u64(times->stime, times->runtime,
							times->stime + times->utime),
				    times->runtime);
		stime = max(stime, told->stime);
		told->utime = max(times->runtime - stime, told->utime);
		told->stime = times->runtime - told->utime;
	}
	usage->utime = told->utime;
	usage->stime = told->stime;
	raw_spin_unlock_irqrestore(&told->lock, flags);
}

/* What its threads have used, those that were reaped and those that were not. */
static void jt_usage_sum(struct jt_usage *usage, struct jt_times *times,
			 struct task_struct *leader)
{
	const struct signal_struct *signal = leader->signal;
	struct task_struct *thread;

	*times = (struct jt_times){ signal->utime, signal->stime, signal->sum_sched_runtime };
	*usage = (struct jt_usage){
		.minflt = signal->min_flt,
		.majflt = signal->maj_flt,
		.nvcsw = signal->nvcsw,
		.nivcsw = signal->nivcsw,
	};
	jt_io_add_task(&usage->io, &signal->ioac);
	for_each_thread(leader, thread)
		jt_usage_add_thread(usage, times, thread);
}

/**
 * jt_usage_read() - what a process has used so far
 * @usage: out
 * @leader: the process's leader, pinned: running, a zombie, or reaped
 * @owner: its job's
 *
 * Context: process, not under a siglock or a task_lock().
 */
void jt_usage_read(struct jt_usage *usage, struct task_struct *leader, kuid_t owner)
{
	struct signal_struct *signal = leader->signal;
	struct task_struct *thread;
	struct jt_times times;
	unsigned long flags;
	unsigned int seq;
	u64 maxrss = 0;

	rcu_read_lock();
	seq = read_seqbegin(&signal->stats_lock);
	jt_usage_sum(usage, &times, leader);
	if (read_seqretry(&signal->stats_lock, seq)) {
		/* A thread was reaped meanwhile: now none is, as the kernel itself does. */
		read_seqlock_excl_irqsave(&signal->stats_lock, flags);
		jt_usage_sum(usage, &times, leader);
		read_sequnlock_excl_irqrestore(&signal->stats_lock, flags);
	}

	/* The memory of the living; the exit leaves its peak in signal->maxrss. */
	for_each_thread(leader, thread) {
		if (!READ_ONCE(thread->mm))
			continue;
		task_lock(thread);
		if (thread->mm)
			maxrss = get_mm_hiwater_rss(thread->mm);
		task_unlock(thread);
		break;
	}
	usage->foreign = jt_process_is_foreign(leader, owner);
	rcu_read_unlock();

	usage->maxrss = max_t(u64, maxrss, READ_ONCE(signal->maxrss)) << PAGE_SHIFT;
	jt_usage_split_time(usage, &times, signal);
}

/* As wait(2) gives it. @leader is of a process that is gone. */
int jt_process_exit_code(struct task_struct *leader)
{
	if (leader->signal->flags & SIGNAL_GROUP_EXIT)
		return leader->signal->group_exit_code;
	return leader->exit_code;
}

static void jt_account_add_usage(struct jobtrack_account *account, struct jt_io *foreign,
				 const struct jt_usage *usage)
{
	account->utime += usage->utime;
	account->stime += usage->stime;
	account->maxrss = max(account->maxrss, usage->maxrss);
	account->minflt += usage->minflt;
	account->majflt += usage->majflt;
	account->nvcsw += usage->nvcsw;
	account->nivcsw += usage->nivcsw;
	account->rchar += usage->io.rchar;
	account->wchar += usage->io.wchar;
	account->read_bytes += usage->io.read_bytes;
	account->write_bytes += usage->io.write_bytes;
	account->cancelled_write_bytes += usage->io.cancelled_write_bytes;
	if (usage->foreign)
		jt_io_add(foreign, &usage->io);
}

/* Leave out of an account what its reader is not to see. */
static void jt_account_hide_io(struct jobtrack_account *account, const struct jt_io *io)
{
	account->rchar -= io->rchar;
	account->wchar -= io->wchar;
	account->read_bytes -= io->read_bytes;
	account->write_bytes -= io->write_bytes;
	account->cancelled_write_bytes -= io->cancelled_write_bytes;
}

static void jt_account_add_gone(struct jt_account *kept, const struct jt_usage *usage, int code)
{
	struct jobtrack_account *account = &kept->sum;
	int sig = code & 0x7f;

	jt_account_add_usage(account, &kept->foreign, usage);
	account->gone++;
	account->dumped += !!(code & 0x80);
	if (!sig)
		account->exited[(code >> 8) & 0xff]++;
	else if (sig <= ARRAY_SIZE(account->signaled))
		account->signaled[sig - 1]++;
}

/**
 * jt_account_gone() - a process of a job is gone
 * @job: the job
 * @usage: what it has used
 * @code: its exit code, as wait(2) gives it
 *
 * Context: under tree->lock.
 */
void jt_account_gone(struct jt_job *job, const struct jt_usage *usage, int code)
{
	lockdep_assert_held(&job->tree->lock);
	if (job->own)
		jt_account_add_gone(job->own, usage, code);
	for (; job; job = job->parent)
		jt_account_add_gone(&job->account, usage, code);
}

/**
 * jt_account_take() - what a job's processes have used until now
 * @job: the job; the caller has a reference
 * @account: in: flags; out: the rest
 *
 * Who is living and who is gone is settled at the census's instant. Those who go
 * while the living are looked at are still met, and are not in the sum of the gone
 * that was taken before.
 *
 * Context: process, may sleep. Return: 0, or -EINTR.
 */
int jt_account_take(struct jt_job *job, struct jobtrack_account *account)
{
	bool below = account->flags & JOBTRACK_ACCOUNT_TREE;
	struct jt_tree *tree = job->tree;
	const struct jt_account *kept;
	struct task_struct *leader;
	jt_population population;
	struct jt_member *member;
	struct jt_census census;
	struct jt_usage usage;
	struct jt_io foreign;
	u64 flags = account->flags;
	kuid_t owner;

	if (mutex_lock_killable(&tree->list_mutex))
		return -EINTR;
	jt_census_begin(&census, tree);
	kept = below ? &job->account : jt_job_own(job);
	*account = kept->sum;
	foreign = kept->foreign;
	account->flags = flags;
	account->time = tree->census;
	population = below ? job->tree_population : job->population;
	account->living = jt_procs(population);
	account->leaving = jt_leaving(population);
	while ((member = jt_census_next(&census))) {
		if (below ? !jt_job_within(member->job, job) : member->job != job)
			continue;
		leader = jt_member_leader(member);
		if (!leader)
			continue;
		owner = member->job->owner;
		/* A process may have any number of threads: not under the lock. */
		jt_census_pause(&census);
		jt_usage_read(&usage, leader, owner);
		put_task_struct(leader);
		jt_account_add_usage(account, &foreign, &usage);
		jt_census_resume(&census);
	}
	jt_census_end(&census);
	mutex_unlock(&tree->list_mutex);

	if (!ns_capable_noaudit(&init_user_ns, CAP_SYS_PTRACE)) {
		if (!jt_job_belongs_to(job, current_euid()))
			foreign = (struct jt_io){
				account->rchar, account->wchar, account->read_bytes,
				account->write_bytes, account->cancelled_write_bytes,
			};
		jt_account_hide_io(account, &foreign);
	}
	return 0;
}
