/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Process -> job: the table of members, and the walk over a tree's members.
 */
#ifndef _JT_MEMBER_H
#define _JT_MEMBER_H

#include <linux/hash.h>
#include <linux/list.h>
#include <linux/pid.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/types.h>

#include "job.h"

#define JT_LOG_SIZE	8	/* signals that a member remembers */
#define JT_LOG_STACKS	2	/* forks in flight that one of them remembers */

/**
 * struct jt_log - the last signals that a member was sent, in a ring
 * @time: when, CLOCK_MONOTONIC, ns, as a task's start_time
 * @stacks: the kernel stacks (jt_stack_id()) on which the forks in flight lay
 *	that were given the signal in advance
 * @sig: the signal
 * @marked: how many they were; above %JT_LOG_STACKS, not all are in @stacks
 */
struct jt_log {
	u64 time[JT_LOG_SIZE];
	u32 stacks[JT_LOG_SIZE][JT_LOG_STACKS];
	u8 sig[JT_LOG_SIZE];
	u8 marked[JT_LOG_SIZE];
};

/* Members are many: what follows is packed with care. */
enum jt_entry_state {
	JT_MARKER,	/* no member: a walk's marker */
	JT_LIVING,	/* may run */
	JT_LEAVING,	/* its last thread has begun to exit */
	JT_GONE,	/* unhashed, counted nowhere; memory goes after a grace period */
};

/**
 * struct jt_entry - a place in jt_tree.members
 * @link: in the list, under tree->lock
 * @state: enum jt_entry_state. Under tree->lock
 * @always: of a member, it has been one ever since it had children. Constant
 * @logged: of a member, signals ever logged; the next goes to
 *	log.xxx[@logged % JT_LOG_SIZE]. Written under tree->lock and the process's
 *	siglock, so that either will do to read it
 */
struct jt_entry {
	struct list_head link;
	u8 state;
	bool always;
	u32 logged;
};

/**
 * struct jt_member - a process that is in a job
 * @hash: in the table: written under the bucket's lock, read under RCU
 * @pid: the thread group's pid, a reference held, so that neither it nor its
 *	address is used for another process. It stays through exec. Constant
 * @start_time: the process's start_boottime, ns. Constant
 * @job: the job, a reference held; its tree is the member's for ever. Changed
 *	under tree->list_mutex and tree->lock, read under either or RCU
 * @entry: in tree->members
 * @leaving: of a leaving member, in tree->leaving; of a gone one, in
 *	tree->deferred. Under tree->lock, or alone in the sweep's own lists
 * @rcu: frees the member, which has been retired then
 * @joined: of a living member: when it entered or was tagged, CLOCK_MONOTONIC,
 *	ns; 0 if born. Under tree->lock
 * @leaving_since: of any other: when its last thread began to exit,
 *	CLOCK_BOOTTIME, ns. Under tree->lock
 * @leader: of any but a living member: its leader, a reference held, for what the
 *	process has used. Set under tree->lock, then constant
 * @seen: the last operation (jt_tree.number) that has dealt with it. Under
 *	tree->lock
 * @last_cont: when anybody last sent it SIGCONT, CLOCK_MONOTONIC, ns. Written
 *	under the process's siglock, read without
 * @log: its last signals; written under tree->lock and the process's siglock,
 *	so that either will do to read it. Not initialised beyond entry.logged
 */
struct jt_member {
	struct hlist_node hash;
	struct pid *pid;
	u64 start_time;
	struct jt_job *job;

	struct jt_entry entry;
	union {
		struct list_head leaving;
		struct rcu_head rcu;
	};
	union {
		u64 joined;
		u64 leaving_since;
	};
	struct task_struct *leader;
	u64 seen;

	u64 last_cont;
	struct jt_log log;
};

/**
 * struct jt_walk - a walk over the members that were in a tree at one instant
 * @next: marker before the member that is looked at next
 * @end: marker behind the last one that was in the tree when the walk began
 *
 * A walk may drop tree->lock between two steps, for others to be born behind
 * @end and for the gone to be unlinked. Any number of walks may be under way.
 */
struct jt_walk {
	struct jt_entry next;
	struct jt_entry end;
};

/* The member's tree. Under tree->lock, or under RCU. */
static inline struct jt_tree *jt_member_tree(const struct jt_member *member)
{
	return READ_ONCE(member->job)->tree;
}

#define JT_TABLE_BITS	16
extern struct hlist_head *jt_table;	/* by jt_bucket(). The pointer is constant */

static inline unsigned int jt_bucket(const struct pid *pid)
{
	return hash_ptr(pid, JT_TABLE_BITS);
}

/**
 * jt_member_find() - the member that a process is
 * @pid: the process's pid (of type TGID)
 *
 * Context: an RCU reader of any kind, which keeps the member's memory; also under
 * a siglock and in interrupts. Who needs more than its constants takes tree->lock
 * and looks whether it is still there.
 */
static inline struct jt_member *jt_member_find(const struct pid *pid)
{
	struct jt_member *member;

	hlist_for_each_entry_rcu(member, &jt_table[jt_bucket(pid)], hash)
		if (member->pid == pid)
			return member;
	return NULL;
}

/*
 * Might the process be a member? No if there is nobody in its bucket, which is
 * what the forks of processes that are in no job nearly always find. Needs no
 * reader's lock: looks into nothing that can go away.
 */
static inline bool jt_member_maybe(const struct pid *pid)
{
	return !hlist_empty(&jt_table[jt_bucket(pid)]);
}

/*
 * For the probes: an RCU read-side section in two instructions. Not to sleep in, as a
 * probe must not anyway.
 */
static inline void jt_read_lock(void)
{
	rcu_read_lock_sched_notrace();
}

static inline void jt_read_unlock(void)
{
	rcu_read_unlock_sched_notrace();
}

struct jt_tree *jt_process_tree(struct task_struct *task);
struct jt_job *jt_member_job(struct pid *pid);

struct jt_member *jt_member_alloc(gfp_t gfp);
void jt_member_free(struct jt_member *member);
int jt_member_insert(struct jt_member *member, struct jt_job *job, struct pid *pid,
		     u64 start_time);
void jt_member_gone(struct jt_member *member);
struct task_struct *jt_member_leader(struct jt_member *member);
void jt_member_retire(struct jt_member *member);
void jt_member_put(struct jt_member *member);
int jt_member_join(struct jt_job *job, struct pid *pid, struct task_struct *task,
		   u64 start_time);
void jt_members_drop(void);

void jt_walk_begin(struct jt_walk *walk, struct jt_tree *tree);
bool jt_walk_next(struct jt_walk *walk, struct jt_member **member);
void jt_walk_end(struct jt_walk *walk);

int jt_members_init(void);
void jt_members_exit(void);

#endif /* _JT_MEMBER_H */
