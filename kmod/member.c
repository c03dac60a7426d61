// SPDX-License-Identifier: GPL-2.0
/*
 * The table of members: which process is in which job.
 *
 * The table has a fixed size, so that inserting cannot fail: a birth that could
 * not be recorded would have to be killed. Lookups take no lock.
 */
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "account.h"
#include "counters.h"
#include "exit.h"
#include "member.h"
#include "signal.h"

#define JT_LOCK_BITS	8
#define JT_RESERVE	256	/* members that births can have when memory cannot */

struct hlist_head *jt_table;
static spinlock_t jt_table_locks[1 << JT_LOCK_BITS];
static struct kmem_cache *jt_member_cache;
static mempool_t *jt_member_pool;

static spinlock_t *jt_bucket_lock(unsigned int bucket)
{
	return &jt_table_locks[bucket & ((1 << JT_LOCK_BITS) - 1)];
}

/**
 * jt_process_tree() - the tree of a task's process, to compare, not to look into
 * @task: current, or pinned
 */
struct jt_tree *jt_process_tree(struct task_struct *task)
{
	struct jt_member *member;
	struct jt_tree *tree;

	rcu_read_lock();
	member = jt_member_find(task_tgid(task));
	tree = member ? jt_member_tree(member) : NULL;
	rcu_read_unlock();
	return tree;
}

/**
 * jt_member_job() - the job of a process
 * @pid: the process's pid
 *
 * Return: the job with a reference for the caller, or NULL. Context: any.
 */
struct jt_job *jt_member_job(struct pid *pid)
{
	struct jt_member *member;
	struct jt_job *job = NULL;

	rcu_read_lock();
	member = jt_member_find(pid);
	if (member) {
		job = READ_ONCE(member->job);
		if (!refcount_inc_not_zero(&job->ref))
			job = NULL;
	}
	rcu_read_unlock();
	return job;
}

/**
 * jt_member_alloc() - memory for a member
 * @gfp: GFP_KERNEL, or GFP_ATOMIC to fall back on the reserve
 *
 * Return: a member, to be initialised by jt_member_insert(), or NULL.
 */
struct jt_member *jt_member_alloc(gfp_t gfp)
{
	struct jt_member *member = kmem_cache_alloc(jt_member_cache, gfp | __GFP_NOWARN);

	/* With GFP_KERNEL a mempool would wait for others to give back. */
	if (unlikely(!member) && !gfpflags_allow_blocking(gfp))
		member = mempool_alloc(jt_member_pool, gfp | __GFP_NOWARN);
	return member;
}

/* Of a member that was never inserted. */
void jt_member_free(struct jt_member *member)
{
	mempool_free(member, jt_member_pool);
}

/**
 * jt_member_insert() - record a process as a member, at the end of the order
 * @member: new; on success it belongs to the table
 * @job: its job, which gets a reference
 * @pid: its pid, which gets a reference
 * @start_time: its start_boottime, ns
 *
 * Context: under tree->lock.
 * Return: 0, or -EEXIST if the process is a member already.
 */
int jt_member_insert(struct jt_member *member, struct jt_job *job, struct pid *pid,
		     u64 start_time)
{
	unsigned int bucket = jt_bucket(pid);
	bool exists;

	lockdep_assert_held(&job->tree->lock);

	member->pid = pid;
	member->start_time = start_time;
	member->job = job;
	member->entry.state = JT_LIVING;
	member->entry.always = true;
	member->entry.logged = 0;
	member->joined = 0;
	member->leader = NULL;
	/* Operations under way have begun: they are not for the newcomer. */
	member->seen = job->tree->number;
	member->last_cont = 0;

	spin_lock(jt_bucket_lock(bucket));
	exists = jt_member_find(pid);
	if (!exists) {
		/* Counted and pinned before anybody can find it without a lock. */
		get_pid(pid);
		jt_job_get(job);
		jt_job_populate(job, 1, 0);
		hlist_add_head_rcu(&member->hash, &jt_table[bucket]);
	}
	spin_unlock(jt_bucket_lock(bucket));
	if (exists)
		return -EEXIST;

	list_add_tail(&member->entry.link, &job->tree->members);
	jt_count(JT_MEMBERS);
	return 0;
}

/**
 * jt_member_gone() - a member is gone: nobody finds or counts it any more
 * @member: in the table
 *
 * It stays in tree->members until jt_member_retire(). Context: under tree->lock.
 */
void jt_member_gone(struct jt_member *member)
{
	unsigned int bucket = jt_bucket(member->pid);
	bool leaving = member->entry.state == JT_LEAVING;

	lockdep_assert_held(&jt_member_tree(member)->lock);

	spin_lock(jt_bucket_lock(bucket));
	hlist_del_rcu(&member->hash);
	spin_unlock(jt_bucket_lock(bucket));

	jt_job_populate(member->job, -!leaving, -leaving);
	jt_uncount(JT_MEMBERS);
	if (leaving)
		jt_uncount(JT_LEAVING_NOW);
	member->entry.state = JT_GONE;
}

/**
 * jt_member_retire() - take a gone member out of the order
 * @member: gone; the caller puts it once tree->lock is dropped
 */
void jt_member_retire(struct jt_member *member)
{
	lockdep_assert_held(&jt_member_tree(member)->lock);
	list_del(&member->entry.link);
}

/**
 * jt_member_leader() - the leader of a member's process
 * @member: not retired
 *
 * Context: under tree->lock. Return: the task with a reference for the caller; NULL
 * at most in a forced unload, when no exit is seen any more.
 */
struct task_struct *jt_member_leader(struct jt_member *member)
{
	lockdep_assert_held(&jt_member_tree(member)->lock);
	if (member->leader)
		return get_task_struct(member->leader);
	return get_pid_task(member->pid, PIDTYPE_TGID);
}

static void jt_member_free_rcu(struct rcu_head *rcu)
{
	jt_member_free(container_of(rcu, struct jt_member, rcu));
}

/**
 * jt_member_put() - give back what a retired member held, its memory included
 * @member: retired
 *
 * Context: tree->lock not held; may end the job, and the tree with it.
 */
void jt_member_put(struct jt_member *member)
{
	jt_job_wake(member->job);
	jt_job_put(member->job);
	put_pid(member->pid);
	if (member->leader)
		put_task_struct(member->leader);
	call_rcu(&member->rcu, jt_member_free_rcu);
}

/*
 * From a job into one below it; the order and what was seen stay. model: mover() in
 * cut.pml and kill.pml.
 */
static int jt_member_move(struct jt_member *member, struct jt_job *job)
{
	struct jt_tree *tree = job->tree;
	struct jt_job *old = NULL;
	int err = 0;

	lockdep_assert_held(&tree->list_mutex);
	jt_tree_lock(tree);
	if (member->entry.state != JT_LIVING) {
		err = -ESRCH;
	} else if (member->job != job) {
		if (!jt_job_within(job, member->job)) {
			err = -EBUSY;
		} else if (jt_job_condemned(job)) {
			err = -ECANCELED;
		} else {
			old = member->job;
			/*
			 * To an operation that is not for the old job this is
			 * a newcomer, as to jt_member_insert().
			 */
			if (!jt_operation_covers(tree->op, old))
				member->seen = tree->number;
			jt_job_move(old, job);
			WRITE_ONCE(member->job, jt_job_get(job));
			jt_account_joined(job, old);
		}
	}
	jt_tree_unlock(tree);

	/* Not empty now: the new job is below it. */
	jt_job_put(old);
	return err;
}

/* A process that is in no job. */
static int jt_member_admit(struct jt_job *job, struct pid *pid, struct task_struct *task,
			   u64 start_time)
{
	struct jt_tree *tree = job->tree;
	struct jt_member *member;
	bool dying = false;
	int err;

	member = jt_member_alloc(GFP_KERNEL);
	if (!member)
		return -ENOMEM;

	jt_tree_lock(tree);
	err = jt_job_condemned(job) ? -ECANCELED :
	      jt_member_insert(member, job, pid, start_time);
	if (err) {
		jt_tree_unlock(tree);
		jt_member_free(member);
		return err;
	}
	/*
	 * Pairs with the full barrier of do_exit()'s atomic_dec_and_test(): an
	 * exit that is not seen here finds the member in its probe, and waits
	 * there for tree->lock. And with jt_birth()'s smp_mb(): a child whose
	 * birth probe missed the member is on the task list for whoever looks
	 * for children from here on. model: admit() in join.pml, join() in
	 * exit.pml.
	 */
	smp_mb();
	/*
	 * Once everybody can see the insertion: a birth that missed it began
	 * earlier, and the witness can tell so by the child's start_time.
	 * model: join.pml, switch JOINED_EARLY.
	 */
	member->joined = ktime_get_ns();
	/* Of another process, a fork may be in flight. */
	member->entry.always = task == current && thread_group_empty(task) &&
			       list_empty(&task->children);
	dying = !atomic_read(&task->signal->live);
	if (dying) {
		jt_member_gone(member);
		jt_member_retire(member);
	} else {
		jt_account_joined(job, NULL);
		jt_count(JT_JOINED);
	}
	jt_tree_unlock(tree);

	if (!dying)
		return 0;
	jt_member_put(member);
	return -ESRCH;
}

/**
 * jt_member_join() - a process enters a job
 * @job: the job; the caller has a reference
 * @pid: the process's pid; the caller has a reference
 * @task: a task of the process, pinned, and not TASK_NEW
 * @start_time: the process's start_boottime, ns
 *
 * Context: process, may sleep.
 * Return: 0, also if it is in the job already; -EBUSY, -ECANCELED, -ESRCH,
 * -EINTR, -ENOMEM as in struct jobtrack_enter.
 */
int jt_member_join(struct jt_job *job, struct pid *pid, struct task_struct *task,
		   u64 start_time)
{
	struct jt_member *member;
	int err;

	if (mutex_lock_killable(&job->tree->list_mutex))
		return -EINTR;
	do {
		rcu_read_lock();
		member = jt_member_find(pid);
		if (!member)
			err = 0;
		else if (jt_member_tree(member) == job->tree)
			err = jt_member_move(member, job);
		else
			err = -EBUSY;
		rcu_read_unlock();

		if (!member)
			err = jt_member_admit(job, pid, task, start_time);
		/* Another thread or a tag was faster: look again. */
	} while (err == -EEXIST);
	mutex_unlock(&job->tree->list_mutex);
	return err;
}

/**
 * jt_members_drop() - forget every member, for a forced unload
 *
 * Context: process; no probe is registered any more and nobody uses an fd.
 */
void jt_members_drop(void)
{
	struct jt_member *member;
	struct hlist_node *next;
	struct jt_tree *tree;
	unsigned int bucket;

	/* Nobody but us touches a member from here on. */
	jt_sweeps_stop();
	for (bucket = 0; bucket < 1 << JT_TABLE_BITS; bucket++) {
		hlist_for_each_entry_safe(member, next, &jt_table[bucket], hash) {
			tree = jt_member_tree(member);
			jt_tree_lock(tree);
			if (member->entry.state == JT_LEAVING)
				list_del(&member->leaving);
			jt_member_gone(member);
			jt_member_retire(member);
			jt_tree_unlock(tree);
			jt_member_put(member);
		}
		cond_resched();
	}
}

/**
 * jt_walk_begin() - begin a walk over all who are members now
 * @walk: the caller's, until jt_walk_end()
 * @tree: the tree
 *
 * Context: under tree->lock.
 */
void jt_walk_begin(struct jt_walk *walk, struct jt_tree *tree)
{
	lockdep_assert_held(&tree->lock);
	walk->next.state = JT_MARKER;
	walk->end.state = JT_MARKER;
	list_add(&walk->next.link, &tree->members);
	list_add_tail(&walk->end.link, &tree->members);
}

/**
 * jt_walk_next() - one step of a walk
 * @walk: the walk
 * @member: out: the next member, or NULL where there was another walk's marker
 *
 * Context: under tree->lock. Return: false at the end.
 */
bool jt_walk_next(struct jt_walk *walk, struct jt_member **member)
{
	struct jt_entry *entry = list_next_entry(&walk->next, link);

	if (entry == &walk->end)
		return false;
	*member = entry->state != JT_MARKER ? container_of(entry, struct jt_member, entry) : NULL;
	list_move(&walk->next.link, &entry->link);
	return true;
}

/**
 * jt_walk_end() - take the walk's markers out
 * @walk: the walk
 *
 * Context: under tree->lock.
 */
void jt_walk_end(struct jt_walk *walk)
{
	list_del(&walk->next.link);
	list_del(&walk->end.link);
}

int __init jt_members_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(jt_table_locks); i++)
		spin_lock_init(&jt_table_locks[i]);

	jt_table = kvcalloc(1 << JT_TABLE_BITS, sizeof(*jt_table), GFP_KERNEL);
	if (!jt_table)
		return -ENOMEM;
	BUILD_BUG_ON(sizeof(struct jt_member) > 256);
	jt_member_cache = KMEM_CACHE(jt_member, 0);
	if (!jt_member_cache)
		goto err_free_table;
	jt_member_pool = mempool_create_slab_pool(JT_RESERVE, jt_member_cache);
	if (!jt_member_pool)
		goto err_destroy_cache;
	return 0;

err_destroy_cache:
	kmem_cache_destroy(jt_member_cache);
err_free_table:
	kvfree(jt_table);
	return -ENOMEM;
}

void jt_members_exit(void)
{
	rcu_barrier();		/* jt_member_free_rcu() */
	mempool_destroy(jt_member_pool);
	kmem_cache_destroy(jt_member_cache);
	kvfree(jt_table);
}
