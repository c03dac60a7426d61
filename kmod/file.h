/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Open files, and their revocation when the module is forced out.
 */
#ifndef _JT_FILE_H
#define _JT_FILE_H

#include <linux/fs.h>
#include <linux/list.h>

/**
 * struct jt_file - the part that every open file of ours has
 * @node: in the list of open files, under its lock; empty once revoked or closed
 * @file: the file; it is there as long as this is in the list
 */
struct jt_file {
	struct list_head node;
	struct file *file;
};

int jt_file_hold(void);
bool jt_file_enter(int *srcu);
void jt_file_leave(int srcu);

struct file *jt_file_open(struct jt_file *jt_file, const char *name,
			  const struct file_operations *fops, void *private, int flags);
int jt_file_add(struct jt_file *jt_file, struct file *file);
bool jt_file_remove(struct jt_file *jt_file);
void jt_files_revoke(void);

int jt_files_init(void);
void jt_files_exit(void);

#endif /* _JT_FILE_H */
