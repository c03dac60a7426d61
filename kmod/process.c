// SPDX-License-Identifier: GPL-2.0
/*
 * Running processes, by PID.
 */
#include <linux/idr.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/task.h>

#include "process.h"

/**
 * jt_find_process() - the process with a PID
 * @nr: the PID in the caller's PID namespace
 *
 * Return: its leader with a reference for the caller, or NULL; a thread's ID is
 * not a process's.
 */
struct task_struct *jt_find_process(pid_t nr)
{
	struct task_struct *task;

	rcu_read_lock();
	task = pid_task(find_vpid(nr), PIDTYPE_TGID);
	if (task)
		get_task_struct(task);
	rcu_read_unlock();
	return task;
}

/**
 * jt_next_pid() - one step of a scan over all processes of the machine
 * @nr: in: the least number that is not looked at yet, in the initial PID
 *	namespace; out: the one after it
 * @process: out: the leader of the process whose PID it is, or NULL for a thread's
 *
 * A number is what a scan keeps between two read-side sections: no task need be
 * pinned, and nobody's end takes its place in a list away. Who is there from the
 * scan's beginning to its end is met.
 *
 * Context: under RCU, which is all that keeps the task. Return: false at the end.
 */
bool jt_next_pid(int *nr, struct task_struct **process)
{
	struct pid *pid = idr_get_next(&init_pid_ns.idr, nr);

	if (!pid)
		return false;
	*process = pid_task(pid, PIDTYPE_TGID);
	++*nr;
	return true;
}
