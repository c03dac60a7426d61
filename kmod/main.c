// SPDX-License-Identifier: GPL-2.0
/*
 * jobtrack: keeps an unforgeable job ID on every process.
 *
 * This file chains the subsystems' beginnings, and unwinds them in reverse.
 */
#include <linux/module.h>

#include "device.h"
#include "exit.h"
#include "file.h"
#include "hooks.h"
#include "job.h"
#include "member.h"
#include "procfs.h"

static int __init jt_init(void)
{
	int err;

	err = jt_files_init();
	if (err)
		return err;
	err = jt_jobs_init();
	if (err)
		goto err_files;
	err = jt_sweeps_init();
	if (err)
		goto err_jobs;
	err = jt_members_init();
	if (err)
		goto err_sweeps;
	err = jt_hooks_init();
	if (err)
		goto err_members;
	err = jt_procfs_init();
	if (err)
		goto err_hooks;
	err = jt_device_init();
	if (err)
		goto err_procfs;
	pr_info("tracking; jobs by /dev/jobtrack, state in /proc/jobtrack\n");
	return 0;

err_procfs:
	jt_procfs_exit();
err_hooks:
	jt_hooks_exit();
err_members:
	jt_members_exit();
err_sweeps:
	jt_sweeps_exit();
err_jobs:
	jt_jobs_exit();
err_files:
	jt_files_exit();
	return err;
}

static void __exit jt_exit_module(void)
{
	jt_device_exit();
	jt_procfs_exit();
	jt_hooks_exit();
	/* These two find something to do only after rmmod -f. */
	jt_files_revoke();
	jt_members_drop();

	jt_sweeps_exit();
	jt_members_exit();
	jt_jobs_exit();
	jt_files_exit();
}

module_init(jt_init);
module_exit(jt_exit_module);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Unforgeable job membership for processes");
