// SPDX-License-Identifier: GPL-2.0
/*
 * Open files, and their revocation.
 *
 * An open file pins the module, so an ordinary unload finds none. rmmod -f skips
 * that refusal and then frees the module's text under the files that are left.
 * So on the way out each of them gets file operations that do nothing and lie in
 * memory that stays; what runs meanwhile is waited for. What those files held
 * stays behind, too: a poller may still be queued on it. That is the one leak,
 * and only after a forced unload, which taints the kernel.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>

#include "file.h"

/* Held, sleeping included, by every call into the module through a file. */
DEFINE_STATIC_SRCU(jt_files_srcu);

static DEFINE_SPINLOCK(jt_files_lock);
static LIST_HEAD(jt_files);		/* under jt_files_lock */
static bool jt_files_revoked;		/* set under jt_files_lock */

/*
 * What a revoked file can do: nothing. Allocated at load, so that it is there. An
 * operation that the VFS calls unasked because the file once had it (FMODE_LSEEK,
 * FMODE_CAN_READ) needs one in the kernel's own text.
 */
static const struct file_operations *jt_dead_fops;

/**
 * jt_file_hold() - a release begins, which has its work to do even after a
 * revocation began
 *
 * Return: for jt_file_leave().
 */
int jt_file_hold(void)
{
	int srcu = srcu_read_lock(&jt_files_srcu);

	__release(&jt_files_srcu);	/* sparse: held until jt_file_leave() */
	return srcu;
}

/**
 * jt_file_enter() - a call through a file begins
 * @srcu: for jt_file_leave()
 *
 * Return: false if the files have been revoked: give -ENODEV.
 */
bool jt_file_enter(int *srcu)
{
	*srcu = jt_file_hold();
	if (likely(!READ_ONCE(jt_files_revoked)))
		return true;
	jt_file_leave(*srcu);
	return false;
}

void jt_file_leave(int srcu)
{
	__acquire(&jt_files_srcu);	/* sparse: see jt_file_hold() */
	srcu_read_unlock(&jt_files_srcu, srcu);
}

/**
 * jt_file_add() - a file is open
 * @jt_file: its part
 * @file: the file
 *
 * Return: 0, or -ENODEV if the module is on its way out.
 */
int jt_file_add(struct jt_file *jt_file, struct file *file)
{
	int err = -ENODEV;

	jt_file->file = file;
	INIT_LIST_HEAD(&jt_file->node);
	spin_lock(&jt_files_lock);
	if (!jt_files_revoked) {
		list_add(&jt_file->node, &jt_files);
		err = 0;
	}
	spin_unlock(&jt_files_lock);
	return err;
}

/**
 * jt_file_remove() - a file is released
 * @jt_file: its part
 *
 * Return: true if what the file held is to be freed; false if it was revoked.
 */
bool jt_file_remove(struct jt_file *jt_file)
{
	bool there;

	spin_lock(&jt_files_lock);
	there = !list_empty(&jt_file->node);
	list_del_init(&jt_file->node);
	spin_unlock(&jt_files_lock);
	return there;
}

/**
 * jt_file_open() - a new anonymous file
 * @jt_file: the part of it that revocation needs
 * @name: as /proc/PID/fd shows it
 * @fops: its operations
 * @private: its private_data, which it owns on success
 * @flags: O_RDONLY or O_RDWR
 *
 * Return: the file or an error. Context: process, within jt_file_enter().
 */
struct file *jt_file_open(struct jt_file *jt_file, const char *name,
			  const struct file_operations *fops, void *private, int flags)
{
	struct file *file;

	/* jt_file_enter()ed: a revocation waits for us and finds the file. */
	file = anon_inode_getfile(name, fops, private, flags);
	if (IS_ERR(file))
		return file;
	jt_file->file = file;
	spin_lock(&jt_files_lock);
	list_add(&jt_file->node, &jt_files);
	spin_unlock(&jt_files_lock);
	return file;
}

/**
 * jt_files_revoke() - cut every open file off from the module
 *
 * Context: process, when no new file can be opened by name any more. Waits for
 * calls under way, one that sleeps on its caller's memory included.
 */
void jt_files_revoke(void)
{
	struct jt_file *jt_file;

	spin_lock(&jt_files_lock);
	WRITE_ONCE(jt_files_revoked, true);
	spin_unlock(&jt_files_lock);

	/* Files and jobs hold the module: without them the unload is not forced. */
	if (module_refcount(THIS_MODULE) <= 0)
		return;

	/* Calls that began before may still open files; then none does. */
	synchronize_srcu(&jt_files_srcu);
	spin_lock(&jt_files_lock);
	list_for_each_entry(jt_file, &jt_files, node)
		WRITE_ONCE(jt_file->file->f_op, jt_dead_fops);
	spin_unlock(&jt_files_lock);

	/*
	 * Whoever fetched the old operations is on the way to a call of ours,
	 * in a call, or on the way out of it. RCU-tasks waits until each task has
	 * scheduled of its own will or gone to user space, SRCU for those that
	 * sleep in a call.
	 */
	synchronize_rcu_tasks();
	synchronize_srcu(&jt_files_srcu);
	synchronize_rcu_tasks();

	spin_lock(&jt_files_lock);
	while (!list_empty(&jt_files))
		list_del_init(jt_files.next);
	spin_unlock(&jt_files_lock);
	jt_dead_fops = NULL;		/* stays, for those files */
}

int __init jt_files_init(void)
{
	/* As a directory is read: -EISDIR. */
	static const struct file_operations dead = {
		.llseek = noop_llseek,
		.read = generic_read_dir,
	};

	jt_dead_fops = kmemdup(&dead, sizeof(dead), GFP_KERNEL);
	return jt_dead_fops ? 0 : -ENOMEM;
}

void jt_files_exit(void)
{
	kfree(jt_dead_fops);
}
