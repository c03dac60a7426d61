// SPDX-License-Identifier: GPL-2.0
/*
 * A census: a look at all who are members of a tree at one instant, at any size.
 *
 * The instant is the hold of the tree's lock in which it begins: whatever its user
 * reads there and whom it meets later agree. Births land behind the end's marker;
 * those who were there and go meanwhile stay in the order until it is over; and
 * nobody moves to another job, for that takes list_mutex.
 */
#include <linux/sched.h>
#include <linux/timekeeping.h>

#include "census.h"
#include "exit.h"

#define JT_CENSUS_BATCH	256	/* entries per hold of the tree's lock */

/**
 * jt_census_begin() - begin a census: this is its instant, which tree->census tells
 * @census: the caller's, until jt_census_end()
 * @tree: of which tree; the caller has a reference to a job of it
 *
 * Context: process, may sleep; under tree->list_mutex throughout. Returns with
 * tree->lock held.
 */
void jt_census_begin(struct jt_census *census, struct jt_tree *tree)
	__acquires(&tree->lock)
{
	lockdep_assert_held(&tree->list_mutex);
	census->tree = tree;
	jt_tree_lock(tree);
	jt_walk_begin(&census->walk, tree);
	tree->census = ktime_get_boottime_ns();
	census->at = &census->walk.next;
	census->looked = 0;
}

/**
 * jt_census_pause() - drop the tree's lock
 * @census: the census, which stays where it is
 */
void jt_census_pause(struct jt_census *census)
	__releases(&census->tree->lock)
{
	lockdep_assert_held(&census->tree->lock);
	if (census->at != &census->walk.next)
		list_move(&census->walk.next.link, &census->at->link);
	jt_tree_unlock(census->tree);
}

/**
 * jt_census_resume() - take it again
 * @census: the census
 */
void jt_census_resume(struct jt_census *census)
	__acquires(&census->tree->lock)
{
	cond_resched();
	if (jt_debug(JT_DEBUG_PAUSE_CENSUS))
		jt_debug_pause();
	jt_tree_lock(census->tree);
	census->at = &census->walk.next;
	census->looked = 0;
}

/**
 * jt_census_next() - the next of those who are counted
 * @census: the census, not paused. The lock may be dropped meanwhile
 *
 * Return: a member, gone ones included, that stays for as long as the lock is held;
 * or NULL at the end.
 */
struct jt_member *jt_census_next(struct jt_census *census)
{
	for (;;) {
		if (census->looked++ >= JT_CENSUS_BATCH) {
			jt_census_pause(census);
			jt_census_resume(census);
		}
		census->at = list_next_entry(census->at, link);
		if (census->at == &census->walk.end)
			return NULL;
		/* other walks' markers are among them */
		if (likely(census->at->state != JT_MARKER))
			return container_of(census->at, struct jt_member, entry);
	}
}

/**
 * jt_census_end() - it is over, at its end or before
 * @census: the census, not paused. tree->lock is dropped
 */
void jt_census_end(struct jt_census *census)
	__releases(&census->tree->lock)
{
	jt_walk_end(&census->walk);
	census->tree->census = 0;
	jt_tree_unlock(census->tree);
	jt_sweep_flush(census->tree);
}
