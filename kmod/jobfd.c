// SPDX-License-Identifier: GPL-2.0
/*
 * Job fds: what a job can be asked.
 */
#include <linux/cred.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "account.h"
#include "command.h"
#include "exit.h"
#include "file.h"
#include "jobfd.h"
#include "member.h"
#include "signal.h"
#include "snapshot.h"
#include "tag.h"

/**
 * struct jt_jobfd - an open job
 * @file: the fd's side
 * @job: the job, a reference held. Constant, as what follows
 * @manage: the fd manages the job, and counts in its managers
 * @signal: whoever opened it may signal the job
 */
struct jt_jobfd {
	struct jt_file file;
	struct jt_job *job;
	bool manage;
	bool signal;
};

/*
 * What an fd may was settled when it was opened; who uses it is asked again.
 * An fd that crossed into another user namespace is for looking at.
 */
static bool jt_jobfd_at_home(struct file *file)
{
	return file->f_cred->user_ns == current_user_ns();
}

static bool jt_jobfd_may_manage(struct file *file)
{
	struct jt_jobfd *fd = file->private_data;

	return fd->manage && jt_jobfd_at_home(file) && jt_job_may_use(fd->job);
}

static bool jt_jobfd_may_signal(struct file *file)
{
	struct jt_jobfd *fd = file->private_data;

	return fd->signal && jt_jobfd_at_home(file) && jt_job_may_signal(fd->job);
}

static long jt_jobfd_state(struct jt_call *call)
{
	struct jt_jobfd *fd = call->file->private_data;
	struct jobtrack_job state;

	jt_job_state(fd->job, &state);
	return jt_call_out(call, &state, sizeof(state));
}

/**
 * jt_jobfd_enter() - the calling process enters an fd's job
 * @file: the job's fd
 *
 * Return: as jt_member_join().
 */
int jt_jobfd_enter(struct file *file)
{
	struct jt_jobfd *fd = file->private_data;
	u64 start_time;

	/* As jt_tag(): a job's SIGKILL would panic the machine. */
	if (is_global_init(current))
		return -EINVAL;
	/* current may be any thread; the process's time is its leader's. */
	rcu_read_lock();
	start_time = READ_ONCE(current->group_leader)->start_boottime;
	rcu_read_unlock();
	return jt_member_join(fd->job, task_tgid(current), current, start_time);
}

static long jt_jobfd_do_enter(struct jt_call *call)
{
	struct jobtrack_enter enter;
	int err;

	err = jt_call_in(call, &enter, sizeof(enter));
	if (err)
		return err;
	if (enter.flags)
		return -EINVAL;
	if (!jt_jobfd_may_manage(call->file))
		return -EPERM;
	return jt_jobfd_enter(call->file);
}

static long jt_jobfd_tag(struct jt_call *call)
{
	struct jt_jobfd *fd = call->file->private_data;
	struct jobtrack_tag tag;
	int err;

	err = jt_call_in(call, &tag, sizeof(tag));
	if (err)
		return err;
	if (tag.flags & ~JOBTRACK_TAG_MASK || tag.pid < 1 || tag.tagged || tag.denied || tag.__pad)
		return -EINVAL;
	if (!jt_jobfd_may_manage(call->file))
		return -EPERM;
	/* Tagging cannot be taken back: see now whether the result can be told. */
	err = jt_call_out(call, &tag, sizeof(tag));
	if (err)
		return err;
	err = jt_tag(fd->job, &tag);
	return jt_call_out(call, &tag, sizeof(tag)) ?: err;
}

static long jt_jobfd_signal(struct jt_call *call)
{
	struct jt_jobfd *fd = call->file->private_data;
	struct jobtrack_signal signal;
	int err;

	err = jt_call_in(call, &signal, sizeof(signal));
	if (err)
		return err;
	if (!signal.sig || !valid_signal(signal.sig) || signal.flags || signal.signalled ||
	    signal.ignored || signal.pending || signal.info_lost || signal.denied ||
	    signal.newborns)
		return -EINVAL;
	if (!jt_jobfd_may_signal(call->file))
		return -EPERM;
	/* A signal cannot be taken back, either. */
	err = jt_call_out(call, &signal, sizeof(signal));
	if (err)
		return err;
	err = jt_signal_job(fd->job, &signal);
	if (err)
		return err;
	return jt_call_out(call, &signal, sizeof(signal));
}

static long jt_jobfd_snapshot(struct jt_call *call)
{
	struct jt_jobfd *fd = call->file->private_data;
	struct jobtrack_snapshot snapshot;
	struct jt_rows *rows;
	int err;

	err = jt_call_in(call, &snapshot, sizeof(snapshot));
	if (err)
		return err;
	if (snapshot.flags || snapshot.count || snapshot.time || snapshot.row_size ||
	    snapshot.__pad)
		return -EINVAL;

	rows = jt_snapshot_take(fd->job, &snapshot);
	if (IS_ERR(rows))
		return PTR_ERR(rows);
	return jt_rows_return(call, rows, "[jobtrack:snapshot]", &snapshot, sizeof(snapshot));
}

static long jt_jobfd_account(struct jt_call *call)
{
	struct jt_jobfd *fd = call->file->private_data;
	struct jobtrack_account *account;
	int err;

	account = kmalloc(sizeof(*account), GFP_KERNEL);
	if (!account)
		return -ENOMEM;
	err = jt_call_in(call, account, sizeof(*account));
	if (err)
		goto out;
	err = -EINVAL;
	if (account->flags & ~JOBTRACK_ACCOUNT_MASK ||
	    memchr_inv(&account->time, 0, sizeof(*account) - sizeof(account->flags)))
		goto out;
	err = jt_account_take(fd->job, account) ?:
	      jt_call_out(call, account, sizeof(*account));
out:
	kfree(account);
	return err;
}

static const struct jt_command jt_jobfd_commands[] = {
	{ JOBTRACK_IOC_STATE, JOBTRACK_JOB_SIZE_VER0, jt_jobfd_state },
	{ JOBTRACK_IOC_ENTER, JOBTRACK_ENTER_SIZE_VER0, jt_jobfd_do_enter },
	{ JOBTRACK_IOC_TAG, JOBTRACK_TAG_SIZE_VER0, jt_jobfd_tag },
	{ JOBTRACK_IOC_SIGNAL, JOBTRACK_SIGNAL_SIZE_VER0, jt_jobfd_signal },
	{ JOBTRACK_IOC_SNAPSHOT, JOBTRACK_SNAPSHOT_SIZE_VER0, jt_jobfd_snapshot },
	{ JOBTRACK_IOC_ACCOUNT, JOBTRACK_ACCOUNT_SIZE_VER0, jt_jobfd_account },
};

static long jt_jobfd_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return jt_command_run(jt_jobfd_commands, ARRAY_SIZE(jt_jobfd_commands), file, cmd, arg);
}

/* EPOLLIN while the job is empty: see jt_job_wake(). */
static __poll_t jt_jobfd_poll(struct file *file, struct poll_table_struct *wait)
{
	struct jt_jobfd *fd = file->private_data;
	bool empty;
	int srcu;

	if (!jt_file_enter(&srcu))
		return EPOLLERR | EPOLLHUP;
	poll_wait(file, &fd->job->wait, wait);
	jt_tree_lock(fd->job->tree);
	empty = jt_job_empty(fd->job);
	jt_sweep_urge(fd->job);
	jt_tree_unlock(fd->job->tree);
	jt_file_leave(srcu);
	return empty ? EPOLLIN | EPOLLRDNORM : 0;
}

/* With the last managing fd a kill-on-close job ends. */
static void jt_jobfd_free(struct jt_jobfd *fd)
{
	struct jt_job *job = fd->job;
	struct jobtrack_signal counts;

	if (fd->manage && atomic_dec_and_test(&job->managers) && job->kill_on_close)
		jt_kill_job(job, &counts);
	jt_job_put(job);
	kfree(fd);
}

static int jt_jobfd_release(struct inode *inode, struct file *file)
{
	struct jt_jobfd *fd = file->private_data;
	int srcu = jt_file_hold();

	if (jt_file_remove(&fd->file))
		jt_jobfd_free(fd);
	jt_file_leave(srcu);
	return 0;
}

static const struct file_operations jt_jobfd_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = jt_jobfd_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.poll = jt_jobfd_poll,
	.release = jt_jobfd_release,
	.llseek = noop_llseek,
};

/**
 * jt_jobfd_open() - a file for a job
 * @job: the job; the file gets a reference of its own
 * @manage: whether it manages the job; the caller has checked that it may
 *
 * Return: the file or an error. Context: process, within jt_file_enter().
 */
struct file *jt_jobfd_open(struct jt_job *job, bool manage)
{
	struct jt_jobfd *fd;
	struct file *file;

	fd = kzalloc(sizeof(*fd), GFP_KERNEL_ACCOUNT);
	if (!fd)
		return ERR_PTR(-ENOMEM);
	fd->job = jt_job_get(job);
	fd->manage = manage;
	fd->signal = jt_job_could_signal(job);
	if (manage)
		atomic_inc(&job->managers);

	file = jt_file_open(&fd->file, "[jobtrack:job]", &jt_jobfd_fops, fd, O_RDWR);
	if (IS_ERR(file))
		jt_jobfd_free(fd);
	return file;
}
