/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * jobtrack: unforgeable job membership for processes.
 *
 * A *job* is a kernel object: a 64-bit ID, an optional label, an owner and an
 * optional parent job. A process that is in a job is a *member*; whatever a
 * member creates is born into the same job before its first instruction, and
 * only exit ends membership. A top-level job and all its sub-jobs are a *tree*.
 *
 * Jobs are file descriptors. /dev/jobtrack creates and opens them; everything
 * else is asked of the job's fd. poll() reports EPOLLIN while the job is empty:
 * all that ever were members of it and of its sub-jobs are gone (files closed,
 * devices released). A job lives while it has a member, an open fd or a sub-job.
 *
 * Conventions
 * -----------
 *  - Structs grow at the end. The size that a caller was built with travels in
 *    the ioctl number. A kernel that knows less takes a larger struct if the
 *    part that it does not know is zero (E2BIG otherwise) and zeroes that part
 *    on output; one that knows more takes the missing part for zero.
 *    A size below the first published one, or above a page, is EINVAL.
 *  - Unknown flags and non-zero padding: EINVAL. Unknown commands, and a
 *    device's command on a job's fd or the reverse: ENOTTY. A pointer that
 *    cannot be read or written: EFAULT.
 *  - Any command gives ENODEV once the module is being unloaded by force.
 *  - All times are CLOCK_BOOTTIME in nanoseconds. A process's start time is
 *    the kernel's start_boottime: constant from birth to exit, exec included,
 *    so that {PID, start time} never names two processes. Field 22 of
 *    /proc/PID/stat shows the same in clock ticks, shifted by the reader's time
 *    namespace, if it is in one.
 *  - PIDs are those of the caller's PID namespace, user IDs those of the
 *    caller's user namespace (overflowuid where there is none).
 *  - File descriptors are made O_CLOEXEC and are the ioctl's return value.
 *  - After an error the struct's outputs mean nothing unless it says otherwise;
 *    clear them before the struct is used again.
 *
 * Who may do what
 * ---------------
 * /dev/jobtrack is 0600 as installed; a site may widen it, so every operation
 * checks its caller itself. Identity is the kernel-wide user ID of the caller's
 * effective UID; capabilities count in the initial user namespace only: root in
 * a user namespace has no power over jobs of anybody else.
 *
 *  look    (open, snapshot, state, account, poll): the owner or creator of the job or of
 *          a job above it, every member of the tree, CAP_KILL, CAP_SYS_ADMIN.
 *          Nobody else learns that the job exists: ENOENT. (WHICH says EACCES:
 *          that a process is in some job, not in which.)
 *  signal  : the owner or creator of the job or of a job above it, CAP_KILL.
 *          SIGKILL is the job's own authority: it reaches every member, setuid
 *          programs included (kill(2) would leave them). Any other signal asks
 *          for each member as kill(2) does, security modules included; they are
 *          asked about signal 0 where a newborn is signalled at birth, and by TAG.
 *  manage  (enter, tag, make sub-jobs from outside, hold a kill-on-close job
 *          alive): the creator, CAP_SYS_ADMIN. The creator may hand the right
 *          to the owner by passing the fd.
 *
 * The right to signal and to manage is settled when an fd is made and checked
 * against the caller again at each use. Passing an fd to a stranger thus lends
 * looking, and nothing else that the stranger's own user ID does not bear: EPERM.
 * An fd that was made in one user namespace signals and manages nothing for a
 * caller in another: EPERM.
 *
 * Movement is one-way: from no job into a job, or from a job into a job below
 * it. There is no detach.
 */
#ifndef _UAPI_LINUX_JOBTRACK_H
#define _UAPI_LINUX_JOBTRACK_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define JOBTRACK_DEVICE		"/dev/jobtrack"

/**
 * DOC: Limits
 *
 * %JOBTRACK_LABEL_SIZE: bytes of a label, its terminating NUL included.
 * A label is 1 to 63 of ``A-Za-z0-9._:@+-`` and begins with a letter, so that
 * it is never an ID and never a terminal escape.
 *
 * %JOBTRACK_MAX_DEPTH: how many levels of jobs a tree may have.
 *
 * %JOBTRACK_MAX_SUBJOBS: how many sub-jobs the members of one tree that lack
 * CAP_SYS_ADMIN may have at a time, all of them together.
 *
 * Module parameters say how many living jobs may be of a user's making (user_jobs),
 * and how much a user may have behind open fds of lists and snapshots (user_rows_mib;
 * LIST asks for room for all jobs that the caller may see). They hold for callers
 * without CAP_SYS_ADMIN, by effective UID; who is in a user namespace that an
 * ordinary user made shares that user's. All users together may have 16 times that.
 */
#define JOBTRACK_LABEL_SIZE	64
#define JOBTRACK_MAX_DEPTH	8
#define JOBTRACK_MAX_SUBJOBS	1024

#define JOBTRACK_IOC_TYPE	0xE7

/* ------------------------------------------------------------------------- */
/* On /dev/jobtrack                                                          */
/* ------------------------------------------------------------------------- */

/* What the module can do: bits of jobtrack_info.features */
#define JOBTRACK_FEATURE_JOBS		(1ULL << 0)	/* everything in this header */
#define JOBTRACK_FEATURE_DEBUG		(1ULL << 1)	/* built with test switches */

/**
 * struct jobtrack_info - what this is, and the module's counters since load
 * @features: JOBTRACK_FEATURE_* bits
 * @loaded: when the module was loaded (ns)
 * @jobs: jobs that live now
 * @members: processes in jobs now, those that are leaving included
 * @leaving: members whose last thread has begun to exit
 * @jobs_created: jobs ever made
 * @joined: processes that entered or were tagged and had been in no job
 * @births: processes that were born into a job and recorded
 * @lost: newborns that could not be recorded, and were killed before they ran
 * @unseen: newborns that only the witness saw, and that it killed
 * @condemned: newborns killed because their job had been sent SIGKILL
 * @signals: signal operations
 * @signalled: processes that one of them reached, newborns not counted
 * @by_mark: forks in flight that were given a signal in advance. One that then
 *	fails takes it with it, and counts here all the same
 * @by_log: newborns signalled at birth because their parent was reached after
 *	the fork had left the kernel's list of forks in flight
 * @by_order: newborns signalled at birth because the operation under way had
 *	not reached their parent yet
 * @inexact: deliveries about which P4's rules could not decide exactly
 */
struct jobtrack_info {
	__aligned_u64 features;
	__aligned_u64 loaded;
	__aligned_u64 jobs;
	__aligned_u64 members;
	__aligned_u64 leaving;
	__aligned_u64 jobs_created;
	__aligned_u64 joined;
	__aligned_u64 births;
	__aligned_u64 lost;
	__aligned_u64 unseen;
	__aligned_u64 condemned;
	__aligned_u64 signals;
	__aligned_u64 signalled;
	__aligned_u64 by_mark;
	__aligned_u64 by_log;
	__aligned_u64 by_order;
	__aligned_u64 inexact;
};

#define JOBTRACK_INFO_SIZE_VER0		136

/* jobtrack_create.flags */
#define JOBTRACK_CREATE_ENTER		(1ULL << 0)	/* the caller enters at once */
#define JOBTRACK_CREATE_KILL_ON_CLOSE	(1ULL << 1)	/* SIGKILL when no managing fd is left */
#define JOBTRACK_CREATE_OWNER		(1ULL << 2)	/* @uid says who owns the job */
#define JOBTRACK_CREATE_MASK		((JOBTRACK_CREATE_OWNER << 1) - 1)

/**
 * struct jobtrack_create - make a job; returns its managing fd
 * @flags: in: JOBTRACK_CREATE_* bits
 * @parent: in: make it a sub-job of the job with this ID. 0: of the caller's
 *	own job where the caller is a member, else a top-level job
 * @id: out: the new job's ID, below 2^53 and never used again while the
 *	machine is up. Must be 0 on input
 * @uid: in: the owner, with %JOBTRACK_CREATE_OWNER; 0 otherwise
 * @__pad: 0
 * @label: in: the label, or all zero for none
 *
 * The owner is the caller's effective UID unless @flags say otherwise.
 *
 * Errors:
 *  * EINVAL - flag, padding, @id, @uid without its flag or with no meaning in
 *    this user namespace, label outside its charset or not starting with a letter
 *  * ENAMETOOLONG - the label has no terminating NUL
 *  * EEXIST - a living job of this owner has the label
 *  * EPERM - another owner without CAP_SETUID; @parent is not the caller's to
 *    manage, or the caller is a member and @parent is neither its job nor below
 *  * ENOENT - no job @parent (or none that the caller may see)
 *  * EBUSY - ENTER, and the caller is in a job that the new one is not below
 *  * ECANCELED - the parent, or a job above it, was killed
 *  * EMLINK - deeper than %JOBTRACK_MAX_DEPTH
 *  * EDQUOT - more than %JOBTRACK_MAX_SUBJOBS, or than user_jobs
 *  * EINTR - ENTER, and killed while it waited for a list, an account or an audit of the tree
 *  * EMFILE, ENFILE, ENOMEM, EFAULT, E2BIG
 *
 * On an error there is no job and the caller is where it was.
 */
struct jobtrack_create {
	__aligned_u64 flags;
	__aligned_u64 parent;
	__aligned_u64 id;
	__u32 uid;
	__u32 __pad;
	char label[JOBTRACK_LABEL_SIZE];
};

#define JOBTRACK_CREATE_SIZE_VER0	96

/* jobtrack_open.flags */
#define JOBTRACK_OPEN_OWNER		(1ULL << 0)	/* @uid says whose label it is */
#define JOBTRACK_OPEN_MANAGE		(1ULL << 1)	/* a managing fd, or EPERM */
#define JOBTRACK_OPEN_MASK		((JOBTRACK_OPEN_MANAGE << 1) - 1)

/**
 * struct jobtrack_open - open a job by ID, or by label and owner; returns an fd
 * @flags: in: JOBTRACK_OPEN_* bits
 * @id: in: the job's ID, or 0 to look up @label; out: the ID
 * @uid: in: the label's owner, with %JOBTRACK_OPEN_OWNER; 0 otherwise
 * @__pad: 0
 * @label: in: the label, all zero when @id is given
 *
 * Without %JOBTRACK_OPEN_OWNER a label is looked up among the jobs that the
 * caller's effective UID owns.
 *
 * Errors:
 *  * EINVAL - flag, padding, both or neither of @id and @label, a label that
 *    cannot be one, @uid without its flag or without @label
 *  * ENAMETOOLONG - the label has no terminating NUL
 *  * ENOENT - no such job, it has ended, or the caller may not see it
 *  * EPERM - %JOBTRACK_OPEN_MANAGE, and the caller may not
 *  * EMFILE, ENFILE, ENOMEM, EFAULT, E2BIG
 */
struct jobtrack_open {
	__aligned_u64 flags;
	__aligned_u64 id;
	__u32 uid;
	__u32 __pad;
	char label[JOBTRACK_LABEL_SIZE];
};

#define JOBTRACK_OPEN_SIZE_VER0		88

/**
 * struct jobtrack_which - the job of a process
 * @flags: in: 0
 * @id: out: its job's ID, 0 if it is in none. Must be 0 on input
 * @start_time: out: its start time (ns). Must be 0 on input
 * @pid: in: the process (thread group) ID; 0 for the caller
 * @uid: out: the job's owner. Must be 0 on input
 * @label: out: the job's label, all zero for none. Must be 0 on input
 *
 * A process that is gone is in no job any more, waited for or not.
 *
 * Errors:
 *  * EINVAL - flags, @pid below 0, an output that is not 0 on input
 *  * ESRCH - no such process; a thread's ID is not a process's
 *  * EAGAIN - the process is being born; its membership is not settled yet
 *  * EACCES - it is in a job that the caller may not see
 *  * EFAULT, E2BIG
 */
struct jobtrack_which {
	__aligned_u64 flags;
	__aligned_u64 id;
	__aligned_u64 start_time;
	__s32 pid;
	__u32 uid;
	char label[JOBTRACK_LABEL_SIZE];
};

#define JOBTRACK_WHICH_SIZE_VER0	96

/**
 * struct jobtrack_list - the jobs that the caller may see; returns a read-only fd
 * @flags: in: 0
 * @count: out: number of rows. Must be 0 on input
 * @row_size: out: bytes from one row to the next; a row is a struct jobtrack_job
 *	that may have grown. Must be 0 on input
 * @__pad: 0
 *
 * The fd is read like a file, from the start to its end. Rows are in order of
 * ID. Of one instant are @tree_procs, @tree_leaving and what @state says of
 * emptiness, and @procs and @leaving, in each row; all else is of the same few
 * microseconds.
 *
 * Errors:
 *  * EINVAL - flags, padding, an output that is not 0 on input
 *  * EDQUOT - more than user_rows_mib
 *  * EMFILE, ENFILE, ENOMEM, EFAULT, E2BIG
 */
struct jobtrack_list {
	__aligned_u64 flags;
	__aligned_u64 count;
	__u32 row_size;
	__u32 __pad;
};

#define JOBTRACK_LIST_SIZE_VER0		24

/* jobtrack_finding.kind */
#define JOBTRACK_FINDING_ESCAPED	1	/* a member's child is in no job */
#define JOBTRACK_FINDING_ASTRAY		2	/* ... is in another tree */
/* a member is a process that is not there; of those taken for leaving the first eight */
#define JOBTRACK_FINDING_UNKNOWN	3
#define JOBTRACK_FINDING_COUNT		4	/* a job counts more or fewer members */
#define JOBTRACK_FINDING_TREE_COUNT	5	/* ... with those of all below it */

/**
 * struct jobtrack_finding - a difference that an audit has found
 * @start_time: of the process (ns), 0 where it is about counts
 * @job: the ID of the job that the process, or else its parent, is in, or that counts
 * @counted: members that the job counts, 0 where it is about a process
 * @found: members that were found
 * @pid: the process, in the PID namespace of who took the audit, 0 if it has none
 *	there or where it is about counts
 * @parent: of a child, its parent likewise
 * @kind: JOBTRACK_FINDING_*
 * @__pad: 0
 */
struct jobtrack_finding {
	__aligned_u64 start_time;
	__aligned_u64 job;
	__aligned_u64 counted;
	__aligned_u64 found;
	__s32 pid;
	__s32 parent;
	__u32 kind;
	__u32 __pad;
};

#define JOBTRACK_FINDING_SIZE_VER0	48

/**
 * struct jobtrack_audit - compare the membership with the kernel's process table;
 *	returns a read-only fd of findings
 * @flags: in: 0
 * @count: out, as all that follows: differences found; the fd has the first 1,024.
 *	Must be 0 on input, as all that follows
 * @processes: processes looked at
 * @members: of these, members
 * @undecided: children of a member in no job or another tree, of which it cannot be
 *	told whether they are right: their parent was tagged, or entered when it had
 *	children or threads, or is the init of a PID namespace, and may have them from
 *	before, or by adoption
 * @jobs: jobs whose members were counted
 * @row_size: bytes from one row to the next; a row is a struct jobtrack_finding that
 *	may have grown
 * @__pad: 0
 *
 * What is being born, is leaving or joins meanwhile is no difference. Each job's
 * members are counted at one instant, for which ENTER and TAG wait, as for a list.
 *
 * Errors:
 *  * EINVAL - flags, padding, an output that is not 0 on input
 *  * EPERM - no CAP_SYS_ADMIN
 *  * EINTR - killed meanwhile
 *  * EMFILE, ENFILE, ENOMEM, EFAULT, E2BIG
 */
struct jobtrack_audit {
	__aligned_u64 flags;
	__aligned_u64 count;
	__aligned_u64 processes;
	__aligned_u64 members;
	__aligned_u64 undecided;
	__aligned_u64 jobs;
	__u32 row_size;
	__u32 __pad;
};

#define JOBTRACK_AUDIT_SIZE_VER0	56

/* ------------------------------------------------------------------------- */
/* On a job's fd                                                             */
/* ------------------------------------------------------------------------- */

/* jobtrack_job.state; *empty* and *killed* speak of the job and all below it */
#define JOBTRACK_EMPTY			0	/* no member */
#define JOBTRACK_RUNNING		1	/* has members */
#define JOBTRACK_KILLING		2	/* sent SIGKILL, members are not gone yet */
#define JOBTRACK_KILLED			3	/* sent SIGKILL, and empty */

/* jobtrack_job.flags */
#define JOBTRACK_JOB_KILL_ON_CLOSE	(1U << 0)

/**
 * struct jobtrack_job - a job's state
 * @id: its ID
 * @parent: the parent job's ID, 0 for a top-level job
 * @created: when it was made (ns)
 * @births: processes born into it
 * @joined: processes that entered it or were tagged, from a job above it included
 * @lost: newborns that could not be recorded, and were killed before they ran
 * @tree_procs: @procs of the job and all below it
 * @tree_leaving: @leaving of the job and all below it
 * @procs: members that may still run
 * @leaving: members whose last thread has begun to exit and is not gone
 * @uid: the owner
 * @creator: who made it
 * @state: JOBTRACK_EMPTY …
 * @flags: JOBTRACK_JOB_* bits
 * @depth: 1 for a top-level job
 * @subjobs: jobs directly below it
 * @label: its label, all zero for none
 */
struct jobtrack_job {
	__aligned_u64 id;
	__aligned_u64 parent;
	__aligned_u64 created;
	__aligned_u64 births;
	__aligned_u64 joined;
	__aligned_u64 lost;
	__aligned_u64 tree_procs;
	__aligned_u64 tree_leaving;
	__u32 procs;
	__u32 leaving;
	__u32 uid;
	__u32 creator;
	__u32 state;
	__u32 flags;
	__u32 depth;
	__u32 subjobs;
	char label[JOBTRACK_LABEL_SIZE];
};

#define JOBTRACK_JOB_SIZE_VER0		160

/**
 * struct jobtrack_enter - the calling process enters the job, all its threads
 * @flags: in: 0
 *
 * What the process creates from here on is born into the job. A fork of
 * another of its threads that is under way falls on one side or the other.
 * Entering the job that one is in succeeds and changes nothing.
 *
 * Errors:
 *  * EINVAL - flags; the caller is the init process
 *  * EPERM - the fd does not manage the job, or not for this caller
 *  * EBUSY - the process is in a job that this one is not below
 *  * ECANCELED - the job, or one above it, was killed
 *  * EINTR - killed while it waited for a list, an account or an audit to end
 *  * ENOMEM, EFAULT, E2BIG
 */
struct jobtrack_enter {
	__aligned_u64 flags;
};

#define JOBTRACK_ENTER_SIZE_VER0	8

/* jobtrack_tag.flags */
#define JOBTRACK_TAG_TREE		(1ULL << 0)	/* and its descendants */
#define JOBTRACK_TAG_MASK		((JOBTRACK_TAG_TREE << 1) - 1)

/**
 * struct jobtrack_tag - put a running process into the job
 * @flags: in: JOBTRACK_TAG_* bits
 * @start_time: in: its start time (ns), as JOBTRACK_IOC_WHICH tells it
 * @pid: in: its process ID
 * @tagged: out: processes put into the job. Must be 0 on input
 * @denied: out: descendants that the caller may not signal or that are in
 *	another job; they stay where they are. Must be 0 on input
 * @__pad: 0
 *
 * The caller needs the right to manage the job and the right to signal the
 * process. With %JOBTRACK_TAG_TREE the descendants are found by parent links:
 * what was reparented before is not found. Race-free is only the other way:
 * the child enters, then execs.
 *
 * Errors:
 *  * EINVAL - flags, padding, @pid below 1, a kernel thread, the init process
 *  * ESRCH - no such process, or it has begun to exit; a thread's ID is not a
 *    process's
 *  * ESTALE - the process with this PID has another start time
 *  * EAGAIN - the process is being born: its parent's job decides
 *  * EPERM - the fd does not manage the job, or the process is not the caller's
 *    to signal
 *  * EBUSY - it is in a job that this one is not below
 *  * ECANCELED - the job, or one above it, was killed
 *  * EINTR - a signal came while the descendants were gathered, or the caller was
 *    killed while it waited for a list, an account or an audit to end
 *  * ELOOP - descendants kept appearing
 *  * ENOMEM, EFAULT, E2BIG
 *
 * The process itself counts as tagged if it is in the job already, descendants that
 * are do not. After EINTR, ELOOP, ENOMEM and ECANCELED @tagged says how many were put
 * there all the same.
 */
struct jobtrack_tag {
	__aligned_u64 flags;
	__aligned_u64 start_time;
	__s32 pid;
	__u32 tagged;
	__u32 denied;
	__u32 __pad;
};

#define JOBTRACK_TAG_SIZE_VER0		32

/**
 * struct jobtrack_signal - signal every process of the job and of all below it
 * @sig: in: 1 to 64
 * @flags: in: 0
 * @signalled: out: processes for which the signal was generated
 * @ignored: out: of those, processes that ignore it (or are dying). A SIGCONT that
 *	nobody handles counts here, and continues them all the same. This and the
 *	next two stay 0 for SIGKILL
 * @pending: out: of those, processes where it was pending already, and merged
 * @info_lost: out: of those, processes that get it without its siginfo, for
 *	want of memory or of RLIMIT_SIGPENDING
 * @denied: out: members that the caller may not signal, and newborns likewise
 * @newborns: out: on top of @signalled: forks in flight that were given the
 *	signal, and children signalled at birth, while the operation went on
 *
 * The outputs must be 0 on input. The signal is a cut that is closed under
 * creation: every process that is a member at the instant at which the
 * operation begins, the child of every fork in flight when its parent was
 * reached, and every child born of a parent not yet reached, is signalled once.
 * What a member forks after it was reached is not.
 *
 * SIGKILL condemns the job: nothing may enter it or a job below it any more,
 * and what is born there dies before its first instruction.
 *
 * A process that is the init of a PID namespace gets what kill(2) from outside
 * gives it. SIGKILL to it ends its namespace, members or not.
 *
 * May sleep, once begun cannot be interrupted, and returns 0 whatever the
 * counts are. While it is under way:
 *  - Other signals than SIGKILL to the same tree wait for one another, killably:
 *    they have one order, which is that in which each process gets them.
 *  - SIGKILL waits for nobody. What it overtakes goes on with those that it still
 *    finds alive; what begins after it finds none.
 *  - Who enters, or moves into the job from a job above, is a newcomer: neither it
 *    nor what it creates is signalled. Who moves within the job is, once.
 *  - Snapshots and states do not wait for it, nor it for them.
 *  - A caller that is a member is signalled like the others. It goes on to the end
 *    first: a handler, a stop or death comes when the call is over.
 *  - The struct is read once, at the start, and written when all is done.
 *
 * Errors:
 *  * EINVAL - @sig, @flags, an output that is not 0 on input
 *  * EPERM - neither owner, creator nor CAP_KILL, or not for this caller
 *  * EINTR - killed while it waited for another operation; nothing was sent
 *  * EFAULT - before anything is sent; after, only if the buffer is taken away
 *    meanwhile, and then the signal was sent
 *  * ENOMEM - nothing was sent
 *  * E2BIG
 */
struct jobtrack_signal {
	__u32 sig;
	__u32 flags;
	__aligned_u64 signalled;
	__aligned_u64 ignored;
	__aligned_u64 pending;
	__aligned_u64 info_lost;
	__aligned_u64 denied;
	__aligned_u64 newborns;
};

#define JOBTRACK_SIGNAL_SIZE_VER0	56

/* jobtrack_row.flags */
#define JOBTRACK_ROW_LEAVING		(1U << 0)	/* its last thread has begun to exit */

/**
 * struct jobtrack_row - one process of a snapshot
 * @start_time: its start time (ns)
 * @job: the ID of the job that it is in
 * @leaving_since: when its last thread began to exit (ns), 0 if it has not
 * @pid: its process ID in the PID namespace of who took the snapshot, 0 if it
 *	has none there
 * @flags: JOBTRACK_ROW_* bits
 */
struct jobtrack_row {
	__aligned_u64 start_time;
	__aligned_u64 job;
	__aligned_u64 leaving_since;
	__s32 pid;
	__u32 flags;
};

#define JOBTRACK_ROW_SIZE_VER0		32

/**
 * struct jobtrack_snapshot - the processes of the job and of all below it at one
 *	instant; returns a read-only fd of rows
 * @flags: in: 0
 * @count: out: number of rows. Must be 0 on input
 * @time: out: the instant (ns). Must be 0 on input
 * @row_size: out: bytes from one row to the next; a row is a struct jobtrack_row
 *	that may have grown. Must be 0 on input
 * @__pad: 0
 *
 * Complete at any size: each process that was a member at @time, once, and no
 * other. A process that has just gone is one, with %JOBTRACK_ROW_LEAVING, until
 * the module has seen that it is: some milliseconds, more on a busy machine.
 * Rows are in the order in which the processes became members. The fd is read
 * like a file, and its content does not change.
 *
 * Errors:
 *  * EINVAL - flags, padding, an output that is not 0 on input
 *  * EINTR - killed while it waited for another list or account
 *  * EIO - the list and the count disagreed: a defect, which is logged
 *  * EDQUOT - more than user_rows_mib
 *  * EMFILE, ENFILE, ENOMEM, EFAULT, E2BIG
 */
struct jobtrack_snapshot {
	__aligned_u64 flags;
	__aligned_u64 count;
	__aligned_u64 time;
	__u32 row_size;
	__u32 __pad;
};

#define JOBTRACK_SNAPSHOT_SIZE_VER0	32

/* jobtrack_account.flags */
#define JOBTRACK_ACCOUNT_TREE		(1ULL << 0)	/* the job and all below it */
#define JOBTRACK_ACCOUNT_MASK		((JOBTRACK_ACCOUNT_TREE << 1) - 1)

/**
 * struct jobtrack_account - what the processes of the job have used
 * @flags: in: JOBTRACK_ACCOUNT_* bits
 * @time: out, as all that follows: the instant (ns)
 * @births: processes born into it
 * @joined: processes that entered it or were tagged; those that moved there
 *	from a job that is part of the same account do not count anew
 * @lost: newborns that could not be recorded, and were killed before they ran
 * @living: members that may still run
 * @leaving: members whose last thread has begun to exit and that are not gone
 * @gone: members that are gone: the sum of @exited and @signaled
 * @dumped: of those, how many dumped core
 * @utime: CPU time in user mode (ns)
 * @stime: CPU time in the kernel (ns)
 * @maxrss: the largest resident set that any one process had (bytes)
 * @minflt: page faults without I/O
 * @majflt: page faults with I/O
 * @nvcsw: voluntary context switches
 * @nivcsw: involuntary context switches
 * @rchar: bytes that read(2) and the like returned, cached or not
 * @wchar: bytes that write(2) and the like took
 * @read_bytes: bytes that were fetched from storage
 * @write_bytes: bytes that were dirtied to be sent to storage
 * @cancelled_write_bytes: of those, how many were truncated before they were
 * @exited: members that are gone, by their exit status
 * @signaled: members that are gone, by the signal that ended them: SIG is at
 *	[SIG - 1]
 *
 * Everybody who ever was in the job counts, those that lived for a millisecond
 * and those that nobody waited for included; the living count with what they have
 * used so far. CPU time is what wait4(2) says of a process that has come to rest,
 * its unwaited-for threads included and its children not. A process counts whole,
 * from its start on, in the job that it is in last.
 *
 * With %JOBTRACK_ACCOUNT_TREE the jobs below count, too, those that have ended
 * included. The account can be read for as long as an fd of the job is open.
 *
 * The outputs must be 0 on input. Who counts is of one instant, what the living
 * have used is read within the call.
 *
 * The five sums of bytes tell something of what is read and written, as a password's
 * length. All is in them for CAP_SYS_PTRACE. An owner or creator misses there what
 * was used by processes that are not wholly those of their job's owner: with other
 * user IDs, setuid or setgid programs, or with capabilities. Everybody else who may
 * look finds them 0.
 *
 * Errors:
 *  * EINVAL - flags, an output that is not 0 on input
 *  * EINTR - killed while it waited for another list or account
 *  * ENOMEM, EFAULT, E2BIG
 */
struct jobtrack_account {
	__aligned_u64 flags;
	__aligned_u64 time;
	__aligned_u64 births;
	__aligned_u64 joined;
	__aligned_u64 lost;
	__aligned_u64 living;
	__aligned_u64 leaving;
	__aligned_u64 gone;
	__aligned_u64 dumped;
	__aligned_u64 utime;
	__aligned_u64 stime;
	__aligned_u64 maxrss;
	__aligned_u64 minflt;
	__aligned_u64 majflt;
	__aligned_u64 nvcsw;
	__aligned_u64 nivcsw;
	__aligned_u64 rchar;
	__aligned_u64 wchar;
	__aligned_u64 read_bytes;
	__aligned_u64 write_bytes;
	__aligned_u64 cancelled_write_bytes;
	__aligned_u64 exited[256];
	__aligned_u64 signaled[64];
};

#define JOBTRACK_ACCOUNT_SIZE_VER0	2728

/* Device commands count from 0x00, job commands from 0x40. */
#define JOBTRACK_IOC_INFO	_IOR(JOBTRACK_IOC_TYPE, 0x00, struct jobtrack_info)
#define JOBTRACK_IOC_CREATE	_IOWR(JOBTRACK_IOC_TYPE, 0x01, struct jobtrack_create)
#define JOBTRACK_IOC_OPEN	_IOWR(JOBTRACK_IOC_TYPE, 0x02, struct jobtrack_open)
#define JOBTRACK_IOC_WHICH	_IOWR(JOBTRACK_IOC_TYPE, 0x03, struct jobtrack_which)
#define JOBTRACK_IOC_LIST	_IOWR(JOBTRACK_IOC_TYPE, 0x04, struct jobtrack_list)
#define JOBTRACK_IOC_AUDIT	_IOWR(JOBTRACK_IOC_TYPE, 0x05, struct jobtrack_audit)

#define JOBTRACK_IOC_STATE	_IOR(JOBTRACK_IOC_TYPE, 0x40, struct jobtrack_job)
#define JOBTRACK_IOC_ENTER	_IOW(JOBTRACK_IOC_TYPE, 0x41, struct jobtrack_enter)
#define JOBTRACK_IOC_TAG	_IOWR(JOBTRACK_IOC_TYPE, 0x42, struct jobtrack_tag)
#define JOBTRACK_IOC_SIGNAL	_IOWR(JOBTRACK_IOC_TYPE, 0x43, struct jobtrack_signal)
#define JOBTRACK_IOC_SNAPSHOT	_IOWR(JOBTRACK_IOC_TYPE, 0x44, struct jobtrack_snapshot)
#define JOBTRACK_IOC_ACCOUNT	_IOWR(JOBTRACK_IOC_TYPE, 0x45, struct jobtrack_account)

#endif /* _UAPI_LINUX_JOBTRACK_H */
