// SPDX-License-Identifier: GPL-2.0
/*
 * tracker - what a tracker made of BPF can do, without a module
 *
 * Each task of a job has the job's number in its storage, and hands it down to all
 * that it creates, threads included: any of them may fork, or exec and become the
 * leader. A fork that cannot be recorded fails; so does one in a condemned job. All
 * this is as jobtrack does it. There is no list of members but by going through all
 * tasks of the machine or, with @with_table, through a hash table, which grows and
 * shrinks meanwhile; and no signal to others: user space sends it, process by process,
 * to those of the list.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "tracker_row.h"

#define CLONE_THREAD	0x00010000
#define ENOMEM		12
#define EPERM		1

/* What is used of the kernel's types; their layout is the running kernel's. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct atomic { int counter; };
struct signal_struct { struct atomic live; };
struct task_struct { int pid, tgid; __u64 start_boottime; struct signal_struct *signal; };
struct seq_file;
struct bpf_iter_meta { struct seq_file *seq; };
struct bpf_iter__task { struct bpf_iter_meta *meta; struct task_struct *task; };
#pragma clang attribute pop

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);
} job_of SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TRACKER_MEMBERS);
	__type(key, __u32);
	__type(value, struct tracker_row);
} members SEC(".maps");

unsigned char condemned[TRACKER_JOBS];
__u32 listed;	/* the job whose members the list shows */

SEC("lsm/task_alloc")
int BPF_PROG(birth, struct task_struct *task, unsigned long clone_flags, int ret)
{
	__u32 *job = bpf_task_storage_get(&job_of, bpf_get_current_task_btf(), NULL, 0);

	if (ret || !job)
		return ret;
	if (*job >= TRACKER_JOBS || condemned[*job])
		return -EPERM;
	/* Its value may only come from the stack or a map. */
	return bpf_task_storage_get(&job_of, task, job, BPF_LOCAL_STORAGE_GET_F_CREATE) ?
		0 : -ENOMEM;
}

/* ---------------------------------------------------- with a table of members */

SEC("tp_btf/task_newtask")
int BPF_PROG(enlist, struct task_struct *task, __u64 clone_flags)
{
	struct tracker_row row = { .pid = task->tgid, .start = task->start_boottime };
	__u32 *job;

	if (clone_flags & CLONE_THREAD)
		return 0;
	job = bpf_task_storage_get(&job_of, task, NULL, 0);
	if (!job)
		return 0;
	row.job = *job;
	bpf_map_update_elem(&members, &row.pid, &row, BPF_ANY);	/* too late to refuse it */
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(strike_out, struct task_struct *task)
{
	__u32 pid = task->tgid;

	if (!task->signal->live.counter && bpf_task_storage_get(&job_of, task, NULL, 0))
		bpf_map_delete_elem(&members, &pid);
	return 0;
}

/* ------------------------------------------------------------------ the list */

SEC("iter/task")
int list(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct tracker_row row = { .job = listed };
	__u32 *job;

	if (!task || task->pid != task->tgid || !task->signal->live.counter)
		return 0;
	job = bpf_task_storage_get(&job_of, task, NULL, 0);
	if (!job || *job != row.job)
		return 0;
	row.pid = task->tgid;
	row.start = task->start_boottime;
	bpf_seq_write(ctx->meta->seq, &row, sizeof(row));
	return 0;
}
