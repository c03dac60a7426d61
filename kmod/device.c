// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/jobtrack: makes, opens and lists jobs, and tells which one a process is in.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/user_namespace.h>

#include "audit.h"
#include "command.h"
#include "counters.h"
#include "debug.h"
#include "device.h"
#include "file.h"
#include "job.h"
#include "jobfd.h"
#include "member.h"
#include "process.h"
#include "snapshot.h"
#include "tag.h"

static u64 jt_loaded;	/* CLOCK_BOOTTIME, ns. Constant */

/* The struct's tail is the counters, in their order. */
static_assert(offsetof(struct jobtrack_info, jobs) + JT_NR_COUNTERS * sizeof(u64) ==
	      sizeof(struct jobtrack_info));
static_assert(offsetof(struct jobtrack_info, jobs) + JT_INEXACT * sizeof(u64) ==
	      offsetof(struct jobtrack_info, inexact));

static_assert(sizeof(struct jobtrack_info) == JOBTRACK_INFO_SIZE_VER0);
static_assert(sizeof(struct jobtrack_create) == JOBTRACK_CREATE_SIZE_VER0);
static_assert(sizeof(struct jobtrack_open) == JOBTRACK_OPEN_SIZE_VER0);
static_assert(sizeof(struct jobtrack_which) == JOBTRACK_WHICH_SIZE_VER0);
static_assert(sizeof(struct jobtrack_list) == JOBTRACK_LIST_SIZE_VER0);
static_assert(sizeof(struct jobtrack_finding) == JOBTRACK_FINDING_SIZE_VER0);
static_assert(sizeof(struct jobtrack_audit) == JOBTRACK_AUDIT_SIZE_VER0);
static_assert(sizeof(struct jobtrack_job) == JOBTRACK_JOB_SIZE_VER0);
static_assert(sizeof(struct jobtrack_enter) == JOBTRACK_ENTER_SIZE_VER0);
static_assert(sizeof(struct jobtrack_tag) == JOBTRACK_TAG_SIZE_VER0);
static_assert(sizeof(struct jobtrack_signal) == JOBTRACK_SIGNAL_SIZE_VER0);
static_assert(sizeof(struct jobtrack_row) == JOBTRACK_ROW_SIZE_VER0);
static_assert(sizeof(struct jobtrack_snapshot) == JOBTRACK_SNAPSHOT_SIZE_VER0);
static_assert(sizeof(struct jobtrack_account) == JOBTRACK_ACCOUNT_SIZE_VER0);
static_assert(offsetof(struct jobtrack_account, time) == sizeof(__u64));

static long jt_device_info(struct jt_call *call)
{
	struct jobtrack_info info = {
		.features = JOBTRACK_FEATURE_JOBS | JT_DEBUG_FEATURE,
		.loaded = jt_loaded,
	};
	__u64 *counters = &info.jobs;
	int i;

	for (i = 0; i < JT_NR_COUNTERS; i++)
		counters[i] = jt_counter_sum(i);
	return jt_call_out(call, &info, sizeof(info));
}

/* The user ID of a request: the caller's own unless it says so. */
static int jt_request_uid(u32 uid, bool given, kuid_t *kuid)
{
	if (!given) {
		*kuid = current_euid();
		return uid ? -EINVAL : 0;
	}
	*kuid = make_kuid(current_user_ns(), uid);
	return uid_valid(*kuid) ? 0 : -EINVAL;
}

/*
 * The job to make a sub-job of: the one that was asked for if the caller may, or
 * its own. A reference for the caller, NULL for none, or an error.
 */
static struct jt_job *jt_create_parent(u64 id)
{
	struct jt_job *own = jt_member_job(task_tgid(current));
	struct jt_job *parent;
	int err = 0;

	if (!id)
		return own;
	parent = jt_job_find(id);
	if (!parent || !jt_job_may_look(parent))
		err = -ENOENT;
	else if (own && !jt_job_within(parent, own))
		err = -EPERM;	/* what a member makes stays below it */
	else if (parent != own && !jt_job_may_manage(parent))
		err = -EPERM;
	jt_job_put(own);
	if (!err)
		return parent;
	jt_job_put(parent);
	return ERR_PTR(err);
}

static long jt_device_create(struct jt_call *call)
{
	struct jobtrack_create create;
	struct jt_job_spec spec = {};
	struct jt_job *job;
	struct file *file;
	long ret;

	ret = jt_call_in(call, &create, sizeof(create));
	if (ret)
		return ret;
	if (create.flags & ~JOBTRACK_CREATE_MASK || create.id || create.__pad)
		return -EINVAL;
	ret = jt_request_uid(create.uid, create.flags & JOBTRACK_CREATE_OWNER, &spec.owner) ?:
	      jt_job_check_label(create.label);
	if (ret)
		return ret;
	/* Who could become that user may make a job in that name. */
	if (!uid_eq(spec.owner, current_euid()) && !capable(CAP_SETUID))
		return -EPERM;

	spec.label = create.label;
	spec.kill_on_close = create.flags & JOBTRACK_CREATE_KILL_ON_CLOSE;
	spec.parent = jt_create_parent(create.parent);
	if (IS_ERR(spec.parent))
		return PTR_ERR(spec.parent);
	spec.user_made = spec.parent && jt_process_tree(current) &&
			 !ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN);

	job = jt_job_create(&spec);
	jt_job_put(spec.parent);
	if (IS_ERR(job))
		return PTR_ERR(job);

	create.id = job->id;
	file = jt_jobfd_open(job, true);
	if (IS_ERR(file))
		ret = PTR_ERR(file);
	else
		ret = jt_call_return_file(call, file, &create, sizeof(create),
					  create.flags & JOBTRACK_CREATE_ENTER ?
					  jt_jobfd_enter : NULL);
	jt_job_put(job);
	return ret;
}

static long jt_device_open_job(struct jt_call *call)
{
	struct jobtrack_open open;
	struct jt_job *job;
	struct file *file;
	kuid_t owner;
	bool manage;
	long ret;

	ret = jt_call_in(call, &open, sizeof(open));
	if (ret)
		return ret;
	if (open.flags & ~JOBTRACK_OPEN_MASK || open.__pad)
		return -EINVAL;
	ret = jt_request_uid(open.uid, open.flags & JOBTRACK_OPEN_OWNER, &owner) ?:
	      jt_job_check_label(open.label);
	if (ret)
		return ret;
	if (!open.id == !*open.label || (open.id && open.flags & JOBTRACK_OPEN_OWNER))
		return -EINVAL;

	job = open.id ? jt_job_find(open.id) : jt_job_find_label(owner, open.label);
	if (!job)
		return -ENOENT;
	manage = open.flags & JOBTRACK_OPEN_MANAGE;
	ret = -ENOENT;
	if (!jt_job_may_look(job))
		goto out;
	ret = -EPERM;
	if (manage && !jt_job_may_manage(job))
		goto out;

	open.id = job->id;
	file = jt_jobfd_open(job, manage);
	if (IS_ERR(file))
		ret = PTR_ERR(file);
	else
		ret = jt_call_return_file(call, file, &open, sizeof(open), NULL);
out:
	jt_job_put(job);
	return ret;
}

static long jt_device_which(struct jt_call *call)
{
	struct jobtrack_which which;
	struct task_struct *task;
	struct jt_job *job;
	struct pid *pid;
	long ret;

	ret = jt_call_in(call, &which, sizeof(which));
	if (ret)
		return ret;
	if (which.flags || which.id || which.start_time || which.pid < 0 || which.uid ||
	    memchr_inv(which.label, 0, sizeof(which.label)))
		return -EINVAL;

	if (which.pid) {
		task = jt_find_process(which.pid);
	} else {
		rcu_read_lock();
		task = get_task_struct(READ_ONCE(current->group_leader));
		rcu_read_unlock();
	}
	if (!task)
		return -ESRCH;
	ret = -ESRCH;
	pid = get_task_pid(task, PIDTYPE_TGID);
	if (!pid)
		goto out_put_task;
	ret = -EAGAIN;
	if (jt_task_is_new(task))
		goto out_put_pid;

	/* Of the leader that it was: exec from another thread keeps the time. */
	which.start_time = task->start_boottime;
	job = jt_member_job(pid);
	if (job) {
		ret = -EACCES;
		if (!jt_job_may_look(job))
			goto out_put_job;
		which.id = job->id;
		which.uid = from_kuid_munged(current_user_ns(), job->owner);
		strscpy(which.label, job->label, sizeof(which.label));
	}
	ret = jt_call_out(call, &which, sizeof(which));
out_put_job:
	jt_job_put(job);
out_put_pid:
	put_pid(pid);
out_put_task:
	put_task_struct(task);
	return ret;
}

/* The jobs that the caller may see: at most @max of them to @states, or counted. */
static size_t jt_list_jobs(struct jobtrack_job *states, size_t max)
{
	unsigned long id = 0;
	struct jt_job *job;
	size_t n = 0;

	rcu_read_lock();
	while ((!states || n < max) && (job = jt_job_next(&id))) {
		if (jt_job_may_look(job)) {
			if (states)
				jt_job_state(job, &states[n]);
			n++;
		}
		id++;
		/* Job by job: the next one is found by its ID. */
		rcu_read_unlock();
		cond_resched();
		rcu_read_lock();
	}
	rcu_read_unlock();
	return n;
}

static long jt_device_list(struct jt_call *call)
{
	struct jobtrack_list list;
	struct jt_rows *rows;
	size_t max, n;
	long ret;

	ret = jt_call_in(call, &list, sizeof(list));
	if (ret)
		return ret;
	if (list.flags || list.count || list.row_size || list.__pad)
		return -EINVAL;

	/* New jobs have higher IDs: those that were there when counted all fit. */
	max = jt_list_jobs(NULL, 0);
	rows = jt_rows_alloc(max, sizeof(struct jobtrack_job));
	if (IS_ERR(rows))
		return PTR_ERR(rows);
	n = jt_list_jobs((struct jobtrack_job *)rows->data, max);
	rows->size = n * sizeof(struct jobtrack_job);

	list.count = n;
	list.row_size = sizeof(struct jobtrack_job);
	return jt_rows_return(call, rows, "[jobtrack:list]", &list, sizeof(list));
}

static long jt_device_audit(struct jt_call *call)
{
	struct jobtrack_audit audit;
	struct jt_rows *rows;
	long ret;

	ret = jt_call_in(call, &audit, sizeof(audit));
	if (ret)
		return ret;
	if (memchr_inv(&audit, 0, sizeof(audit)))	/* there are no flags yet */
		return -EINVAL;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;

	rows = jt_audit_take(&audit);
	if (IS_ERR(rows))
		return PTR_ERR(rows);
	return jt_rows_return(call, rows, "[jobtrack:audit]", &audit, sizeof(audit));
}

static const struct jt_command jt_device_commands[] = {
	{ JOBTRACK_IOC_INFO, JOBTRACK_INFO_SIZE_VER0, jt_device_info },
	{ JOBTRACK_IOC_CREATE, JOBTRACK_CREATE_SIZE_VER0, jt_device_create },
	{ JOBTRACK_IOC_OPEN, JOBTRACK_OPEN_SIZE_VER0, jt_device_open_job },
	{ JOBTRACK_IOC_WHICH, JOBTRACK_WHICH_SIZE_VER0, jt_device_which },
	{ JOBTRACK_IOC_LIST, JOBTRACK_LIST_SIZE_VER0, jt_device_list },
	{ JOBTRACK_IOC_AUDIT, JOBTRACK_AUDIT_SIZE_VER0, jt_device_audit },
};

static long jt_device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return jt_command_run(jt_device_commands, ARRAY_SIZE(jt_device_commands), file, cmd,
			      arg);
}

static int jt_device_open(struct inode *inode, struct file *file)
{
	struct jt_file *jt_file;
	int srcu, err;

	if (!jt_file_enter(&srcu))
		return -ENODEV;
	err = -ENOMEM;
	jt_file = kzalloc(sizeof(*jt_file), GFP_KERNEL_ACCOUNT);
	if (jt_file) {
		file->private_data = jt_file;
		err = jt_file_add(jt_file, file);
		if (err)
			kfree(jt_file);
	}
	jt_file_leave(srcu);
	return err;
}

static int jt_device_release(struct inode *inode, struct file *file)
{
	struct jt_file *jt_file = file->private_data;
	int srcu = jt_file_hold();

	if (jt_file_remove(jt_file))
		kfree(jt_file);
	jt_file_leave(srcu);
	return 0;
}

static const struct file_operations jt_device_fops = {
	.owner = THIS_MODULE,
	.open = jt_device_open,
	.unlocked_ioctl = jt_device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.release = jt_device_release,
	.llseek = noop_llseek,
};

static struct miscdevice jt_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "jobtrack",
	.fops = &jt_device_fops,
	.mode = 0600,
};

int __init jt_device_init(void)
{
	jt_loaded = ktime_get_boottime_ns();
	return misc_register(&jt_device);
}

void jt_device_exit(void)
{
	misc_deregister(&jt_device);
}
