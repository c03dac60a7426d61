// SPDX-License-Identifier: GPL-2.0
/*
 * The job object: ID, label, tree, reference count, lookup, who may what.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/hashtable.h>
#include <linux/jhash.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/user_namespace.h>
#include <linux/xarray.h>

#include "counters.h"
#include "exit.h"
#include "hooks.h"
#include "job.h"
#include "member.h"
#include "quota.h"

#define JT_LABEL_BITS 10

/*
 * All jobs. A job is in here from jt_job_create() until its last reference is
 * dropped; lookups run under RCU or the lock and take a reference only where
 * there is one left.
 */
static struct {
	struct xarray by_id;			/* has a lock of its own */
	spinlock_t lock;			/* protects labels */
	DECLARE_HASHTABLE(labels, JT_LABEL_BITS);
	u32 seed;				/* nobody shall pick a bucket. Constant */
	atomic64_t last_id;
} jt_jobs = {
	.by_id = XARRAY_INIT(jt_jobs.by_id, XA_FLAGS_ACCOUNT),
	.lock = __SPIN_LOCK_UNLOCKED(jt_jobs.lock),
};

static u32 jt_label_key(kuid_t owner, const char *label)
{
	return jhash(label, strlen(label), jt_jobs.seed ^ __kuid_val(owner));
}

/* One that still has a reference; the lookup's own is on the caller. */
static struct jt_job *jt_label_lookup(kuid_t owner, const char *label)
{
	struct jt_job *job;

	lockdep_assert_held(&jt_jobs.lock);
	hash_for_each_possible(jt_jobs.labels, job, label_node, jt_label_key(owner, label))
		if (uid_eq(job->owner, owner) && !strcmp(job->label, label) &&
		    refcount_inc_not_zero(&job->ref))
			return job;
	return NULL;
}

static struct jt_tree *jt_tree_create(struct jt_job *root)
{
	struct jt_tree *tree = kzalloc(sizeof(*tree), GFP_KERNEL_ACCOUNT);

	if (!tree)
		return NULL;
	mutex_init(&tree->signal_mutex);
	mutex_init(&tree->list_mutex);
	spin_lock_init(&tree->lock);
	INIT_LIST_HEAD(&tree->members);
	INIT_LIST_HEAD(&tree->leaving);
	INIT_LIST_HEAD(&tree->deferred);
	jt_sweep_init(tree);
	tree->root = root;
	return tree;
}

/* Takes the job's place below its parent, which it then holds a reference to. */
static int jt_job_attach(struct jt_job *job, struct jt_job *parent)
{
	struct jt_tree *tree = parent->tree;
	struct jt_account *own;
	int err = 0;

	if (parent->depth >= JOBTRACK_MAX_DEPTH)
		return -EMLINK;
	own = kmalloc(sizeof(*own), GFP_KERNEL_ACCOUNT);
	if (!own)
		return -ENOMEM;

	jt_tree_lock(tree);
	if (jt_job_condemned(parent)) {
		err = -ECANCELED;
	} else if (job->user_made && tree->user_subjobs >= JOBTRACK_MAX_SUBJOBS) {
		err = -EDQUOT;
	} else {
		WRITE_ONCE(parent->subjobs, parent->subjobs + 1);
		tree->user_subjobs += job->user_made;
		if (!parent->own) {
			/* From here on its own account is one apart. */
			*own = parent->account;
			smp_store_release(&parent->own, own);	/* jt_job_own() */
			own = NULL;
		}
	}
	jt_tree_unlock(tree);
	kfree(own);
	if (err)
		return err;

	job->parent = jt_job_get(parent);
	job->tree = tree;
	job->depth = parent->depth + 1;
	return 0;
}

/* Undoes jt_job_attach() but for the reference. */
static void jt_job_detach(struct jt_job *job)
{
	struct jt_tree *tree = job->tree;

	jt_tree_lock(tree);
	WRITE_ONCE(job->parent->subjobs, job->parent->subjobs - 1);
	tree->user_subjobs -= job->user_made;
	jt_tree_unlock(tree);
}

/* Takes the label for the job, if it has one. */
static int jt_job_claim_label(struct jt_job *job)
{
	struct jt_job *taken = NULL;

	if (!*job->label)
		return 0;

	spin_lock(&jt_jobs.lock);
	taken = jt_label_lookup(job->owner, job->label);
	if (!taken)
		hash_add(jt_jobs.labels, &job->label_node, jt_label_key(job->owner, job->label));
	spin_unlock(&jt_jobs.lock);

	if (!taken)
		return 0;
	jt_job_put(taken);
	return -EEXIST;
}

static void jt_job_release_label(struct jt_job *job)
{
	if (!*job->label)
		return;
	spin_lock(&jt_jobs.lock);
	hash_del(&job->label_node);
	spin_unlock(&jt_jobs.lock);
}

/**
 * jt_job_create() - make a job that can be found at once
 * @spec: what it shall be; the creator is the caller's effective UID
 *
 * Context: process, may sleep. The caller holds the module in place.
 * Return: the job with a reference for the caller, or -ECANCELED, -EDQUOT,
 * -EMLINK, -EEXIST, -ENODEV, -ENOMEM as in struct jobtrack_create.
 */
struct jt_job *jt_job_create(const struct jt_job_spec *spec)
{
	struct jt_quota *quota;
	struct jt_job *job;
	int err;

	err = jt_quota_charge(&quota, 1, 0);
	if (err)
		return ERR_PTR(err);
	err = jt_hooks_get();
	if (err)
		goto err_uncharge;
	err = -ENOMEM;
	job = kzalloc(sizeof(*job), GFP_KERNEL_ACCOUNT);
	if (!job)
		goto err_put_hooks;

	job->id = atomic64_inc_return(&jt_jobs.last_id);
	job->owner = spec->owner;
	job->creator = current_euid();
	job->created = ktime_get_boottime_ns();
	job->kill_on_close = spec->kill_on_close;
	job->user_made = spec->user_made;
	job->quota = quota;
	strscpy(job->label, spec->label, sizeof(job->label));
	refcount_set(&job->ref, 1);
	init_waitqueue_head(&job->wait);

	/* Memory for the ID, so that nothing fails once others can find the job. */
	err = xa_reserve(&jt_jobs.by_id, job->id, GFP_KERNEL);
	if (err)
		goto err_free;
	if (spec->parent) {
		err = jt_job_attach(job, spec->parent);
		if (err)
			goto err_release_id;
	} else {
		err = -ENOMEM;
		job->depth = 1;
		job->tree = jt_tree_create(job);
		if (!job->tree)
			goto err_release_id;
	}
	/* A job keeps the module: its members outlive every fd. */
	__module_get(THIS_MODULE);
	err = jt_job_claim_label(job);
	if (err)
		goto err_detach;

	xa_store(&jt_jobs.by_id, job->id, job, GFP_KERNEL);
	jt_count(JT_JOBS);
	jt_count(JT_JOBS_CREATED);
	return job;

err_detach:
	module_put(THIS_MODULE);
	if (job->parent)
		jt_job_detach(job);
	else
		kfree(job->tree);
	jt_job_put(job->parent);
err_release_id:
	xa_release(&jt_jobs.by_id, job->id);
err_free:
	kfree(job);
err_put_hooks:
	jt_hooks_put();
err_uncharge:
	jt_quota_uncharge(quota, 1, 0);
	return ERR_PTR(err);
}

static void jt_job_free_rcu(struct rcu_head *rcu)
{
	struct jt_job *job = container_of(rcu, struct jt_job, rcu);

	kfree(job->own);
	kfree(job);
}

/* The last reference is gone: nobody can find the job any more. */
static void jt_job_release(struct jt_job *job)
{
	xa_erase(&jt_jobs.by_id, job->id);
	jt_job_release_label(job);
	if (job->parent)
		jt_job_detach(job);
	else
		kfree_rcu(job->tree, rcu);
	jt_quota_uncharge(job->quota, 1, 0);
	call_rcu(&job->rcu, jt_job_free_rcu);
	jt_uncount(JT_JOBS);
	jt_hooks_put();
	module_put(THIS_MODULE);
}

/**
 * jt_job_put() - drop a reference
 * @job: a job, or NULL
 *
 * Context: any but interrupts; neither a tree's lock nor jt_jobs.lock held.
 */
void jt_job_put(struct jt_job *job)
{
	while (job && refcount_dec_and_test(&job->ref)) {
		struct jt_job *parent = job->parent;

		jt_job_release(job);
		job = parent;
	}
}

/**
 * jt_job_find() - the job with an ID
 * @id: its ID
 *
 * Return: the job with a reference for the caller, or NULL. Context: any.
 */
struct jt_job *jt_job_find(u64 id)
{
	struct jt_job *job;

	rcu_read_lock();
	job = xa_load(&jt_jobs.by_id, id);
	if (job && !refcount_inc_not_zero(&job->ref))
		job = NULL;
	rcu_read_unlock();
	return job;
}

/**
 * jt_job_find_label() - the job with a label
 * @owner: whose label
 * @label: the label
 *
 * Return: the job with a reference for the caller, or NULL. Context: process.
 */
struct jt_job *jt_job_find_label(kuid_t owner, const char *label)
{
	struct jt_job *job;

	spin_lock(&jt_jobs.lock);
	job = jt_label_lookup(owner, label);
	spin_unlock(&jt_jobs.lock);
	return job;
}

/**
 * jt_job_next() - the first job with at least a given ID
 * @id: in: the least ID; out: the job's
 *
 * Context: under rcu_read_lock(), which is what keeps the job's memory: it may
 * be ending. Return: the job, no reference, or NULL.
 */
struct jt_job *jt_job_next(unsigned long *id)
{
	return xa_find(&jt_jobs.by_id, id, ULONG_MAX, XA_PRESENT);
}

/**
 * jt_job_check_label() - can this be a label, or none?
 * @label: what user space gave
 *
 * Return: 0, -ENAMETOOLONG without a terminating NUL, -EINVAL outside the charset
 * or if there is anything behind the NUL.
 */
int jt_job_check_label(const char label[JOBTRACK_LABEL_SIZE])
{
	size_t len = strnlen(label, JOBTRACK_LABEL_SIZE), i;

	if (len == JOBTRACK_LABEL_SIZE)
		return -ENAMETOOLONG;
	if (memchr_inv(label + len, 0, JOBTRACK_LABEL_SIZE - len))
		return -EINVAL;
	for (i = 0; i < len; i++) {
		unsigned char c = label[i];

		/* isalnum() would let Latin-1 letters in. */
		if (!isascii(c) || !(isalpha(c) || (i && (isdigit(c) || strchr("._:@+-", c)))))
			return -EINVAL;
	}
	return 0;
}

/* Neither half falls below 0, so that nothing is borrowed from the other. */
static void jt_population_add(jt_population *population, int procs, int leaving)
{
	/* marked for the readers without the lock */
	WRITE_ONCE(*population, *population + procs + ((u64)leaving << 32));
}

/**
 * jt_job_populate() - a member comes, leaves or goes
 * @job: its job
 * @procs: change of members that may run
 * @leaving: change of those that are leaving
 *
 * Context: under tree->lock.
 */
void jt_job_populate(struct jt_job *job, int procs, int leaving)
{
	lockdep_assert_held(&job->tree->lock);

	if (jt_debug(JT_DEBUG_MISCOUNT)) {
		procs *= 2;
		leaving *= 2;
	}
	jt_population_add(&job->population, procs, leaving);
	for (; job; job = job->parent)
		jt_population_add(&job->tree_population, procs, leaving);
}

/**
 * jt_job_move() - a member that may run moves
 * @old: from which job
 * @job: to which, below it
 *
 * What it stays below is not told: it is empty at no instant.
 *
 * Context: under tree->lock.
 */
void jt_job_move(struct jt_job *old, struct jt_job *job)
{
	lockdep_assert_held(&job->tree->lock);

	jt_population_add(&job->population, 1, 0);
	jt_population_add(&old->population, -1, 0);
	for (; job != old; job = job->parent)
		jt_population_add(&job->tree_population, 1, 0);
}

/**
 * jt_job_wake() - tell those who wait that a job and those above may be empty
 * @job: a job that just lost a member; the caller has a reference
 *
 * A poller puts itself on the queue before it looks at the counts under
 * tree->lock, and this comes after a change under that lock: one of the two
 * sees the other.
 *
 * Context: process; tree->lock may be held.
 */
void jt_job_wake(struct jt_job *job)
{
	for (; job; job = job->parent)
		if (jt_job_empty(job))
			wake_up_all(&job->wait);
}

/**
 * jt_job_state() - what a job is and holds
 * @job: the job
 * @state: where to, user IDs as the caller's user namespace names them
 *
 * Takes no lock, so that a reader never holds up a fork: each pair of procs and
 * leaving is of one instant, the rest of the same moment. Context: any.
 */
void jt_job_state(struct jt_job *job, struct jobtrack_job *state)
{
	const struct jt_account *own;
	bool condemned = jt_job_condemned(job);
	jt_population population, tree;

	memset(state, 0, sizeof(*state));
	state->id = job->id;
	state->parent = job->parent ? job->parent->id : 0;
	state->created = job->created;
	do {	/* its account becomes one apart once, with the first sub-job */
		own = jt_job_own(job);
		state->births = READ_ONCE(own->sum.births);
		state->joined = READ_ONCE(own->sum.joined);
		state->lost = READ_ONCE(own->sum.lost);
		smp_rmb();	/* orders these loads before the next of job->own */
	} while (own != jt_job_own(job));
	tree = READ_ONCE(job->tree_population);
	state->tree_procs = jt_procs(tree);
	state->tree_leaving = jt_leaving(tree);
	population = READ_ONCE(job->population);
	state->procs = jt_procs(population);
	state->leaving = jt_leaving(population);
	state->uid = from_kuid_munged(current_user_ns(), job->owner);
	state->creator = from_kuid_munged(current_user_ns(), job->creator);
	if (tree)
		state->state = condemned ? JOBTRACK_KILLING : JOBTRACK_RUNNING;
	else
		state->state = condemned ? JOBTRACK_KILLED : JOBTRACK_EMPTY;
	state->flags = job->kill_on_close ? JOBTRACK_JOB_KILL_ON_CLOSE : 0;
	state->depth = job->depth;
	state->subjobs = READ_ONCE(job->subjobs);
	strscpy(state->label, job->label, sizeof(state->label));
}

/* A job's owner and creator have the same say over the jobs below it. */
bool jt_job_belongs_to(struct jt_job *job, kuid_t uid)
{
	for (; job; job = job->parent)
		if (uid_eq(job->owner, uid) || uid_eq(job->creator, uid))
			return true;
	return false;
}

/**
 * jt_job_may_look() - may the caller learn of the job?
 * @job: the job
 *
 * Not audited: lists ask this of every job. Context: process, also under RCU.
 */
bool jt_job_may_look(struct jt_job *job)
{
	return jt_job_belongs_to(job, current_euid()) ||
	       jt_process_tree(current) == job->tree ||
	       ns_capable_noaudit(&init_user_ns, CAP_KILL) ||
	       ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN);
}

/**
 * jt_job_could_signal() - may whoever opens the job signal it later?
 * @job: the job
 *
 * Not audited: it may only want to look. jt_job_may_signal() asks at the use.
 */
bool jt_job_could_signal(struct jt_job *job)
{
	return jt_job_belongs_to(job, current_euid()) ||
	       ns_capable_noaudit(&init_user_ns, CAP_KILL);
}

/**
 * jt_job_may_signal() - may the caller signal the job as a whole?
 * @job: the job
 */
bool jt_job_may_signal(struct jt_job *job)
{
	return jt_job_belongs_to(job, current_euid()) || capable(CAP_KILL);
}

/**
 * jt_job_may_manage() - may the caller have a managing fd of the job?
 * @job: the job
 */
bool jt_job_may_manage(struct jt_job *job)
{
	return uid_eq(job->creator, current_euid()) || capable(CAP_SYS_ADMIN);
}

/**
 * jt_job_may_use() - may the caller use a managing fd that it was given?
 * @job: the job
 *
 * The owner may, if the creator handed the fd over; a stranger may not.
 */
bool jt_job_may_use(struct jt_job *job)
{
	return uid_eq(job->owner, current_euid()) || jt_job_may_manage(job);
}

int __init jt_jobs_init(void)
{
	/*
	 * IDs begin at the time since boot in microseconds: a module that is
	 * loaded again later starts above all that were ever given, unless jobs
	 * were made faster than one a microsecond all along.
	 */
	atomic64_set(&jt_jobs.last_id, ktime_get_boottime_ns() / NSEC_PER_USEC);
	jt_jobs.seed = get_random_u32();
	return 0;
}

void jt_jobs_exit(void)
{
	rcu_barrier();		/* jt_job_free_rcu() */
	/* After a forced unload some jobs stay behind: see jt_files_revoke(). */
	xa_destroy(&jt_jobs.by_id);
}
