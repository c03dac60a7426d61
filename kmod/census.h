/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A census: a look at all who are members of a tree at one instant.
 */
#ifndef _JT_CENSUS_H
#define _JT_CENSUS_H

#include "member.h"

/**
 * struct jt_census - a census under way; all for its one user
 * @tree: of which tree
 * @walk: its markers
 * @at: the entry that was looked at last, while the lock is held
 * @looked: entries since the lock was taken
 */
struct jt_census {
	struct jt_tree *tree;
	struct jt_walk walk;
	struct jt_entry *at;
	unsigned int looked;
};

void jt_census_begin(struct jt_census *census, struct jt_tree *tree);
struct jt_member *jt_census_next(struct jt_census *census);
void jt_census_pause(struct jt_census *census);
void jt_census_resume(struct jt_census *census);
void jt_census_end(struct jt_census *census);

#endif /* _JT_CENSUS_H */
