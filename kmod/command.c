// SPDX-License-Identifier: GPL-2.0
/*
 * ioctl commands: which one it is, and structs that grow at the end.
 *
 * A command is known by type, number and direction. The size in its number is
 * the caller's: any size from the first published one to a page will do.
 */
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "command.h"
#include "file.h"

/**
 * jt_command_run() - run the command of a table
 * @table: the commands that the file knows
 * @n: how many
 * @file: the file
 * @cmd: the ioctl's number
 * @arg: its argument
 *
 * Return: what the command returns; -ENOTTY, -EINVAL for a size that cannot be.
 */
long jt_command_run(const struct jt_command *table, size_t n, struct file *file,
		    unsigned int cmd, unsigned long arg)
{
	struct jt_call call = {
		.file = file,
		.arg = (void __user *)arg,
		.size = _IOC_SIZE(cmd),
	};
	const struct jt_command *command;

	for (command = table; command < table + n; command++) {
		long ret;
		int srcu;

		/* All of the number but the size. */
		if ((command->cmd ^ cmd) & ~(_IOC_SIZEMASK << _IOC_SIZESHIFT))
			continue;
		if (call.size < command->min_size || call.size > PAGE_SIZE)
			return -EINVAL;
		if (!jt_file_enter(&srcu))
			return -ENODEV;
		ret = command->run(&call);
		jt_file_leave(srcu);
		return ret;
	}
	return -ENOTTY;
}

/**
 * jt_call_in() - read the caller's struct
 * @call: the call
 * @dst: where to; what the caller does not know of becomes 0
 * @size: its size
 *
 * Return: 0, -EFAULT, or -E2BIG if the caller asks for what is not known here.
 */
int jt_call_in(struct jt_call *call, void *dst, size_t size)
{
	return copy_struct_from_user(dst, size, call->arg, call->size);
}

/**
 * jt_call_out() - write the caller's struct
 * @call: the call
 * @src: what to write
 * @size: its size; what the caller knows of beyond becomes 0
 *
 * Return: 0 or -EFAULT.
 */
int jt_call_out(struct jt_call *call, const void *src, size_t size)
{
	size_t known = min(call->size, size);

	if (copy_to_user(call->arg, src, known))
		return -EFAULT;
	if (call->size > known && clear_user(call->arg + known, call->size - known))
		return -EFAULT;
	return 0;
}

/**
 * jt_call_return_file() - give the caller a new file as the call's result
 * @call: the call
 * @file: the file, which is given up on an error
 * @src: the struct to write
 * @size: its size
 * @commit: what has to succeed last, once nothing else can fail, or NULL
 *
 * Return: the fd or an error, and then there is no fd.
 */
int jt_call_return_file(struct jt_call *call, struct file *file, const void *src, size_t size,
			int (*commit)(struct file *file))
{
	int fd, err;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		err = fd;
		goto err_put_file;
	}
	err = jt_call_out(call, src, size);
	if (err)
		goto err_put_fd;
	if (commit) {
		err = commit(file);
		if (err)
			goto err_put_fd;
	}
	fd_install(fd, file);
	return fd;

err_put_fd:
	put_unused_fd(fd);
err_put_file:
	fput(file);
	return err;
}
