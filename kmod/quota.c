// SPDX-License-Identifier: GPL-2.0
/*
 * What users without privilege make the kernel hold: jobs, and rows to be read.
 * Their processes and files have limits of the kernel's own.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/hashtable.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "quota.h"

#define JT_QUOTA_BITS	8
#define JT_QUOTA_USERS	16	/* all users together may hold what so many may */

static unsigned int jt_user_jobs = 4096;
module_param_named(user_jobs, jt_user_jobs, uint, 0644);
MODULE_PARM_DESC(user_jobs, "jobs that a user without CAP_SYS_ADMIN may have made (4096)");

static unsigned int jt_user_rows_mib = 64;
module_param_named(user_rows_mib, jt_user_rows_mib, uint, 0644);
MODULE_PARM_DESC(user_rows_mib, "MiB of lists and snapshots that such a user may hold open (64)");

/**
 * struct jt_holdings - what is held
 * @jobs: living jobs
 * @bytes: of the rows behind open fds
 */
struct jt_holdings {
	unsigned int jobs;
	size_t bytes;
};

/**
 * struct jt_quota - what one user holds; there is none who holds nothing
 * @uid: the user. Constant
 * @held: jobs that it made, rows that it was given. Under jt_quotas.lock, as all below
 * @node: in jt_quotas.users
 */
struct jt_quota {
	kuid_t uid;
	struct jt_holdings held;
	struct hlist_node node;
};

static struct {
	spinlock_t lock;			/* protects all below; innermost */
	struct jt_holdings held;		/* by all users */
	DECLARE_HASHTABLE(users, JT_QUOTA_BITS);
} jt_quotas = {
	.lock = __SPIN_LOCK_UNLOCKED(jt_quotas.lock),
};

/*
 * A user namespace lends its maker many IDs, which share the maker's quota. Those of
 * a namespace that root made, a container's, are as good as users of their own; and
 * who has subordinate IDs can have a setuid file for each: the sum over all users is
 * what bounds them.
 */
static kuid_t jt_quota_uid(void)
{
	struct user_namespace *ns;
	kuid_t uid = current_euid();

	/* a namespace holds a reference to the one above */
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

static bool jt_fits(size_t held, size_t more, size_t max)
{
	return !more || (more <= max && held <= max - more);
}

static bool jt_holdings_fit(const struct jt_holdings *held, unsigned int jobs, size_t bytes,
			    unsigned int users)
{
	return jt_fits(held->jobs, jobs, (size_t)READ_ONCE(jt_user_jobs) * users) &&
	       jt_fits(held->bytes, bytes, ((size_t)READ_ONCE(jt_user_rows_mib) << 20) * users);
}

static void jt_holdings_add(struct jt_holdings *held, unsigned int jobs, size_t bytes)
{
	held->jobs += jobs;
	held->bytes += bytes;
}

static void jt_holdings_sub(struct jt_holdings *held, unsigned int jobs, size_t bytes)
{
	held->jobs -= jobs;
	held->bytes -= bytes;
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
	struct jt_quota *quota, *new;
	int err = 0;
	kuid_t uid;

	*charged = NULL;
	if (ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN))
		return 0;
	uid = jt_quota_uid();
	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);	/* may be its first */
	if (!new)
		return -ENOMEM;
	new->uid = uid;

	spin_lock(&jt_quotas.lock);
	quota = jt_quota_find(uid) ?: new;
	if (!jt_holdings_fit(&quota->held, jobs, bytes, 1) ||
	    !jt_holdings_fit(&jt_quotas.held, jobs, bytes, JT_QUOTA_USERS)) {
		err = -EDQUOT;
	} else {
		jt_holdings_add(&quota->held, jobs, bytes);
		jt_holdings_add(&jt_quotas.held, jobs, bytes);
		*charged = quota;
		if (quota == new) {
			hash_add(jt_quotas.users, &new->node, __kuid_val(uid));
			new = NULL;
		}
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
	jt_holdings_sub(&quota->held, jobs, bytes);
	jt_holdings_sub(&jt_quotas.held, jobs, bytes);
	last = !quota->held.jobs && !quota->held.bytes;
	if (last)
		hash_del(&quota->node);
	spin_unlock(&jt_quotas.lock);
	if (last)
		kfree(quota);
}
