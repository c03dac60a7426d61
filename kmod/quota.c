// SPDX-License-Identifier: GPL-2.0
/*
 * What users without privilege make the kernel hold: jobs, and rows to be read.
 * Their processes and files have limits of the kernel's own, and memory cgroups
 * count the bytes where there are any; this holds where there are none.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/hashtable.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>
#include <linux/jobtrack.h>

#include "quota.h"

#define JT_QUOTA_BITS 6

/**
 * struct jt_quota - what one user holds; there is none who holds nothing
 * @uid: the user. Constant
 * @jobs: living jobs that it made. This and the next under jt_quotas.lock
 * @bytes: of the rows behind open fds that it was given
 * @node: in jt_quotas.users, under jt_quotas.lock
 */
struct jt_quota {
	kuid_t uid;
	unsigned int jobs;
	size_t bytes;
	struct hlist_node node;
};

static struct {
	spinlock_t lock;			/* protects users; innermost */
	DECLARE_HASHTABLE(users, JT_QUOTA_BITS);
} jt_quotas = {
	.lock = __SPIN_LOCK_UNLOCKED(jt_quotas.lock),
};

/*
 * A user namespace lends its maker many IDs, which share the maker's quota. Those
 * that root made (a container's) have IDs that root has given it: one for each.
 */
static kuid_t jt_quota_uid(void)
{
	struct user_namespace *ns;
	kuid_t uid = current_euid();

	/* its own keeps those above it */
	for (ns = current_user_ns(); ns != &init_user_ns; ns = ns->parent)
		if (!uid_eq(ns->owner, GLOBAL_ROOT_UID))
			uid = ns->owner;
	return uid;
}

static struct jt_quota *jt_quota_find(kuid_t uid)
{
	struct jt_quota *quota;

	lockdep_assert_held(&jt_quotas.lock);
	hash_for_each_possible(jt_quotas.users, quota, node, __kuid_val(uid))
		if (uid_eq(quota->uid, uid))
			return quota;
	return NULL;
}

/**
 * jt_quota_charge() - the caller is about to hold something
 * @charged: to whom it was charged, NULL if that has no limits: CAP_SYS_ADMIN
 * @jobs: jobs
 * @bytes: bytes of rows
 *
 * Context: process, may sleep.
 * Return: 0, -EDQUOT if it would hold too much, -ENOMEM.
 */
int jt_quota_charge(struct jt_quota **charged, unsigned int jobs, size_t bytes)
{
	kuid_t uid = jt_quota_uid();
	struct jt_quota *quota, *new;
	int err = 0;

	*charged = NULL;
	if (ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN))
		return 0;
	if (jobs > JOBTRACK_MAX_USER_JOBS || bytes > JOBTRACK_MAX_USER_ROWS)
		return -EDQUOT;
	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	new->uid = uid;

	spin_lock(&jt_quotas.lock);
	quota = jt_quota_find(uid);
	if (!quota) {
		quota = new;
		new = NULL;
		hash_add(jt_quotas.users, &quota->node, __kuid_val(uid));
	}
	if (jobs > JOBTRACK_MAX_USER_JOBS - quota->jobs ||
	    bytes > JOBTRACK_MAX_USER_ROWS - quota->bytes) {
		err = -EDQUOT;
	} else {
		quota->jobs += jobs;
		quota->bytes += bytes;
		*charged = quota;
	}
	spin_unlock(&jt_quotas.lock);
	kfree(new);
	return err;
}

/**
 * jt_quota_uncharge() - it is not held any more
 * @quota: to whom it was charged, or NULL
 * @jobs: jobs, as charged
 * @bytes: bytes of rows, as charged
 *
 * Context: any but interrupts.
 */
void jt_quota_uncharge(struct jt_quota *quota, unsigned int jobs, size_t bytes)
{
	bool last;

	if (!quota)
		return;
	spin_lock(&jt_quotas.lock);
	quota->jobs -= jobs;
	quota->bytes -= bytes;
	last = !quota->jobs && !quota->bytes;
	if (last)
		hash_del(&quota->node);
	spin_unlock(&jt_quotas.lock);
	if (last)
		kfree(quota);
}
