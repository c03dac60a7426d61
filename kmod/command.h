/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ioctl commands: tables of them, and structs that grow.
 */
#ifndef _JT_COMMAND_H
#define _JT_COMMAND_H

#include <linux/fs.h>

/**
 * struct jt_call - an ioctl call under way
 * @file: the file that was asked
 * @arg: the caller's struct
 * @size: its size, as the caller was built
 */
struct jt_call {
	struct file *file;
	void __user *arg;
	size_t size;
};

/**
 * struct jt_command - an ioctl command
 * @cmd: its number, whose size is that of the struct today
 * @min_size: the size that was first published
 * @run: does it; returns a result >= 0 or an error
 */
struct jt_command {
	unsigned int cmd;
	size_t min_size;
	long (*run)(struct jt_call *call);
};

long jt_command_run(const struct jt_command *table, size_t n, struct file *file,
		    unsigned int cmd, unsigned long arg);
int jt_call_in(struct jt_call *call, void *dst, size_t size);
int jt_call_out(struct jt_call *call, const void *src, size_t size);
int jt_call_return_file(struct jt_call *call, struct file *file, const void *src, size_t size,
			int (*commit)(struct file *file));

#endif /* _JT_COMMAND_H */
