// SPDX-License-Identifier: GPL-2.0
/*
 * The atomic list: the membership of a tree at one instant, at any size.
 *
 * The count is read at the instant of a census; then rows are copied, as it meets
 * the members.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/pid_namespace.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "census.h"
#include "member.h"
#include "quota.h"
#include "snapshot.h"

/**
 * jt_rows_alloc() - memory for rows, on the caller's quota
 * @count: how many
 * @row_size: bytes of each
 *
 * Context: process, may sleep. Return: the rows, all 0, or -EDQUOT, -ENOMEM.
 */
struct jt_rows *jt_rows_alloc(size_t count, size_t row_size)
{
	size_t size = array_size(count, row_size);
	size_t whole = size_add(sizeof(struct jt_rows), size);
	struct jt_quota *quota;
	struct jt_rows *rows;
	int err;

	err = jt_quota_charge(&quota, 0, whole);
	if (err)
		return ERR_PTR(err);
	rows = kvzalloc(whole, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!rows) {
		jt_quota_uncharge(quota, 0, whole);
		return ERR_PTR(-ENOMEM);
	}
	rows->quota = quota;
	rows->charged = whole;
	rows->size = size;
	return rows;
}

void jt_rows_free(struct jt_rows *rows)
{
	jt_quota_uncharge(rows->quota, 0, rows->charged);
	kvfree(rows);
}

static void jt_snapshot_row(struct jobtrack_row *row, struct jt_member *member,
			    struct pid_namespace *ns, u64 time)
{
	row->start_time = member->start_time;
	row->job = member->job->id;
	/* The pid's numbers stay while the reference is held. */
	row->pid = pid_nr_ns(member->pid, ns);
	if (member->entry.state != JT_LIVING && member->leaving_since <= time) {
		row->leaving_since = member->leaving_since;
		row->flags = JOBTRACK_ROW_LEAVING;
	}
}

/**
 * jt_snapshot_take() - who is in a job and all below it, now
 * @job: the job; the caller has a reference
 * @snapshot: out: count, time and row_size
 *
 * Context: process, may sleep.
 * Return: the rows, which the caller owns, or -EINTR, -EDQUOT, -ENOMEM, or -EIO where
 * the list and the count disagree, which is logged.
 */
struct jt_rows *jt_snapshot_take(struct jt_job *job, struct jobtrack_snapshot *snapshot)
{
	struct pid_namespace *ns = task_active_pid_ns(current);
	struct jt_tree *tree = job->tree;
	size_t count, found = 0;
	jt_population population;
	struct jt_member *member;
	struct jobtrack_row *row;
	struct jt_rows *rows;
	struct jt_census census;
	u64 time;

	if (mutex_lock_killable(&tree->list_mutex))
		return ERR_PTR(-EINTR);
	jt_census_begin(&census, tree);
	time = tree->census;
	population = job->tree_population;
	count = jt_procs(population) + jt_leaving(population);

	jt_census_pause(&census);
	rows = jt_rows_alloc(count, sizeof(*row));
	row = IS_ERR(rows) ? NULL : (void *)rows->data;

	jt_census_resume(&census);
	while (row && (member = jt_census_next(&census))) {
		if (!jt_job_within(member->job, job))
			continue;
		if (found < count)
			jt_snapshot_row(&row[found], member, ns, time);
		found++;
	}
	jt_census_end(&census);
	mutex_unlock(&tree->list_mutex);

	if (!row)
		return rows;
	if (found != count) {
		pr_err_ratelimited("job %llu: %zu members counted, %zu listed\n", job->id,
				   count, found);
		jt_rows_free(rows);
		return ERR_PTR(-EIO);
	}
	snapshot->count = count;
	snapshot->time = time;
	snapshot->row_size = sizeof(*row);
	return rows;
}

static ssize_t jt_rows_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	struct jt_rows *rows = file->private_data;
	ssize_t ret;
	int srcu;

	if (!jt_file_enter(&srcu))
		return -ENODEV;
	ret = simple_read_from_buffer(buf, size, pos, rows->data, rows->size);
	jt_file_leave(srcu);
	return ret;
}

static loff_t jt_rows_llseek(struct file *file, loff_t offset, int whence)
{
	struct jt_rows *rows = file->private_data;
	loff_t ret = -ENODEV;
	int srcu;

	if (!jt_file_enter(&srcu))
		return ret;
	ret = fixed_size_llseek(file, offset, whence, rows->size);
	jt_file_leave(srcu);
	return ret;
}

static int jt_rows_release(struct inode *inode, struct file *file)
{
	struct jt_rows *rows = file->private_data;
	int srcu = jt_file_hold();

	if (jt_file_remove(&rows->file))
		jt_rows_free(rows);
	jt_file_leave(srcu);
	return 0;
}

static const struct file_operations jt_rows_fops = {
	.owner = THIS_MODULE,
	.read = jt_rows_read,
	.llseek = jt_rows_llseek,
	.release = jt_rows_release,
};

/**
 * jt_rows_return() - end a call with a file to read rows from
 * @call: the call
 * @rows: the rows; the caller's no more
 * @name: as /proc/PID/fd shows it
 * @src: what the caller's struct gets
 * @size: its size
 *
 * Return: as jt_call_return_file(), or an error of the file's making.
 */
long jt_rows_return(struct jt_call *call, struct jt_rows *rows, const char *name,
		    const void *src, size_t size)
{
	struct file *file;

	file = jt_file_open(&rows->file, name, &jt_rows_fops, rows, O_RDONLY);
	if (IS_ERR(file)) {
		jt_rows_free(rows);
		return PTR_ERR(file);
	}
	/* anonymous files come without the one, in older kernels without both */
	file->f_mode |= FMODE_PREAD | FMODE_LSEEK;
	return jt_call_return_file(call, file, src, size, NULL);
}
