/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libjobtrack: the jobtrack kernel module's interface as C functions.
 *
 * <linux/jobtrack.h> is the contract: what a job is, who may do what, and what
 * each error number means. This library adds what every caller would otherwise
 * write for itself (reading rows whose size a newer or older module chose,
 * waiting with a deadline, naming a process so that a reused PID is not taken
 * for it, reading "123", "label" or "UID:label"), and nothing else.
 *
 * Conventions
 * -----------
 *  - A function returns 0, or a new file descriptor, or -1 with errno set.
 *  - File descriptors are O_CLOEXEC and the caller's to close(2).
 *  - An array that a function hands out is the caller's to free with
 *    jobtrack_free(). On an error no output is touched.
 *  - Times are CLOCK_BOOTTIME in nanoseconds, timeouts are in milliseconds.
 *  - No global state: every function may be called from any thread at any time.
 *    None raises a signal, prints, or changes a signal disposition.
 *  - Besides the errors that a function lists, those of open(2), read(2) and
 *    ioctl(2) on its file descriptor may occur: EBADF, ENOTTY (an fd of another
 *    kind), EFAULT, and E2BIG (a module older than a flag or field in use).
 */
#ifndef LIBJOBTRACK_H
#define LIBJOBTRACK_H

#include <linux/jobtrack.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------- */
/* The device                                                                */
/* ------------------------------------------------------------------------- */

/**
 * jobtrack_device_open - open %JOBTRACK_DEVICE
 *
 * Errors: ENOENT or ENXIO - the module is not loaded; EACCES - the site has
 * not opened the device to this user.
 *
 * Return: a file descriptor, the @dev of the functions below.
 */
int jobtrack_device_open(void);

/**
 * jobtrack_device_info - what the module can do, and its counters since load
 * @dev: the device
 * @info: out
 */
int jobtrack_device_info(int dev, struct jobtrack_info *info);

/* ------------------------------------------------------------------------- */
/* Naming a job                                                              */
/* ------------------------------------------------------------------------- */

/**
 * struct jobtrack_ref - how a person names a job
 * @id: its ID, or 0 when it is named by label
 * @has_uid: non-zero if @uid says whose label it is
 * @uid: the label's owner; 0 unless @has_uid
 * @label: the label; empty when the job is named by ID
 */
struct jobtrack_ref {
	uint64_t id;
	int has_uid;
	uid_t uid;
	char label[JOBTRACK_LABEL_SIZE];
};

/**
 * jobtrack_ref_parse - read "123", "label" or "UID:label"
 * @text: what the person wrote
 * @ref: out
 *
 * Errors:
 *  * EINVAL - it is neither an ID from 1 up nor a label
 *  * ENAMETOOLONG - the label has more than 63 characters
 *  * ERANGE - the ID or UID is larger than any
 */
int jobtrack_ref_parse(const char *text, struct jobtrack_ref *ref);

/**
 * jobtrack_label_check - whether a job may have this label
 * @label: the label, not NULL
 *
 * Errors: EINVAL - empty, a character outside ``A-Za-z0-9._:@+-``, or not
 * beginning with a letter; ENAMETOOLONG - more than 63 characters.
 */
int jobtrack_label_check(const char *label);

/* ------------------------------------------------------------------------- */
/* Making and opening jobs                                                   */
/* ------------------------------------------------------------------------- */

/**
 * jobtrack_job_create - make a job
 * @dev: the device
 * @flags: JOBTRACK_CREATE_* bits
 * @uid: the owner, looked at only with %JOBTRACK_CREATE_OWNER
 * @parent: make it a sub-job of the job with this ID. 0: of the caller's own
 *	job where the caller is in one, else a top-level job
 * @label: its label; NULL or "" for none
 * @id: out: its ID; may be NULL
 *
 * Errors: those of struct jobtrack_create.
 *
 * Return: the job's managing fd.
 */
int jobtrack_job_create(int dev, uint64_t flags, uid_t uid, uint64_t parent,
			const char *label, uint64_t *id);

/**
 * jobtrack_job_open_id - open a job by its ID
 * @dev: the device
 * @flags: 0, or %JOBTRACK_OPEN_MANAGE for an fd that may enter and tag
 * @id: the ID, not 0
 *
 * Errors: those of struct jobtrack_open; EINVAL for an @id of 0.
 *
 * Return: the job's fd.
 */
int jobtrack_job_open_id(int dev, uint64_t flags, uint64_t id);

/**
 * jobtrack_job_open_label - open a job by its label
 * @dev: the device
 * @flags: JOBTRACK_OPEN_* bits
 * @uid: whose label it is, looked at only with %JOBTRACK_OPEN_OWNER; without it
 *	the label is looked up among the caller's own jobs
 * @label: the label
 * @id: out: its ID; may be NULL
 *
 * Errors: those of struct jobtrack_open; EINVAL for a NULL or empty @label.
 *
 * Return: the job's fd.
 */
int jobtrack_job_open_label(int dev, uint64_t flags, uid_t uid,
			    const char *label, uint64_t *id);

/**
 * jobtrack_job_open_ref - open the job that a jobtrack_ref names
 * @dev: the device
 * @flags: 0 or %JOBTRACK_OPEN_MANAGE
 * @ref: as jobtrack_ref_parse() fills it
 * @id: out: its ID; may be NULL
 *
 * Errors: those of struct jobtrack_open.
 *
 * Return: the job's fd.
 */
int jobtrack_job_open_ref(int dev, uint64_t flags,
			  const struct jobtrack_ref *ref, uint64_t *id);

/* ------------------------------------------------------------------------- */
/* Looking                                                                   */
/* ------------------------------------------------------------------------- */

/**
 * jobtrack_job_list - the jobs that the caller may see
 * @dev: the device
 * @jobs: out: array in order of ID, for jobtrack_free(); NULL if there are none
 * @count: out: number of jobs
 *
 * Fields that an older module does not know are 0, what a newer one says
 * beyond this library's struct is left out.
 *
 * Errors: ENOMEM, EMFILE, ENFILE; EPROTO - the module broke its own format.
 */
int jobtrack_job_list(int dev, struct jobtrack_job **jobs, size_t *count);

/**
 * jobtrack_job_state - a job's state
 * @job: the job's fd
 * @state: out
 */
int jobtrack_job_state(int job, struct jobtrack_job *state);

/**
 * jobtrack_state_name - "empty", "running", "killing" or "killed"
 * @state: the state member of struct jobtrack_job
 *
 * Return: a constant string, "unknown" for a state newer than this library.
 */
const char *jobtrack_state_name(uint32_t state);

/**
 * jobtrack_job_snapshot - the processes of a job and of all below it at one instant
 * @job: the job's fd
 * @rows: out: array in the order in which they became members, for
 *	jobtrack_free(); NULL if there are none
 * @count: out: number of rows
 * @time: out: the instant (ns); may be NULL
 *
 * Errors: EINTR - killed while waiting; ENOMEM, EMFILE, ENFILE; EPROTO - the
 * module broke its own format.
 */
int jobtrack_job_snapshot(int job, struct jobtrack_row **rows, size_t *count,
			  uint64_t *time);

/**
 * jobtrack_job_account - what the processes of a job have used, the gone included
 * @job: the job's fd
 * @flags: 0, or %JOBTRACK_ACCOUNT_TREE for all jobs below it as well, those that
 *	have ended included
 * @account: out
 *
 * It can be asked for as long as the fd is open: the final account after
 * jobtrack_job_wait().
 *
 * Errors: those of struct jobtrack_account; ENOTTY - the module is older and keeps
 * no account.
 */
int jobtrack_job_account(int job, uint64_t flags, struct jobtrack_account *account);

/**
 * jobtrack_process_job - the job that a process is in
 * @dev: the device
 * @pid: the process, 0 for the calling one
 * @which: out: job ID (0 if in none), start time, owner and label
 *
 * Errors: those of struct jobtrack_which.
 */
int jobtrack_process_job(int dev, pid_t pid, struct jobtrack_which *which);

/**
 * jobtrack_process_start - the start time that belongs to a process
 * @dev: the device
 * @pid: its PID
 * @pidfd: a pidfd of the process, when the caller holds one from before; -1 to
 *	take the process that has the PID now
 * @start_time: out (ns)
 *
 * PID and start time together never name another process. Both are checked to
 * belong to the process that @pidfd stands for by asking, after the time was
 * read, whether that process still holds its PID. A zombie does.
 *
 * Errors: ESRCH - no such process, or it was reaped meanwhile; a thread's ID
 * is not a process's; EAGAIN - it is being born; EACCES - it is in a job that
 * the caller may not see; EINVAL - @pid below 1; EMFILE, ENFILE.
 */
int jobtrack_process_start(int dev, pid_t pid, int pidfd, uint64_t *start_time);

/**
 * jobtrack_audit - compare the membership with the kernel's process table
 * @dev: the device
 * @audit: out: how many of what were looked at, and how many differences there are
 * @findings: out: array of the differences, for jobtrack_free(); NULL if there are none
 * @count: out: number of findings, which is that of the differences, or 1,024 if
 *	there are more
 *
 * Errors: those of struct jobtrack_audit; EPERM - only with CAP_SYS_ADMIN; ENOTTY -
 * the module is older and makes no audit; EPROTO - the module broke its own format.
 */
int jobtrack_audit(int dev, struct jobtrack_audit *audit,
		   struct jobtrack_finding **findings, size_t *count);

/* ------------------------------------------------------------------------- */
/* Acting on a job                                                           */
/* ------------------------------------------------------------------------- */

/**
 * jobtrack_job_enter - the calling process enters the job with all its threads
 * @job: the job's managing fd
 *
 * Errors: those of struct jobtrack_enter.
 */
int jobtrack_job_enter(int job);

/**
 * jobtrack_job_tag - put the process that has this PID and start time into a job
 * @job: the job's managing fd
 * @flags: 0, or %JOBTRACK_TAG_TREE for its descendants as well
 * @pid: its PID
 * @start_time: its start time (ns), see jobtrack_process_start()
 * @tagged: out: processes put into the job; may be NULL
 * @denied: out: descendants left where they are; may be NULL
 *
 * Errors: those of struct jobtrack_tag; ESTALE is another process's start time.
 */
int jobtrack_job_tag(int job, uint64_t flags, pid_t pid, uint64_t start_time,
		     uint32_t *tagged, uint32_t *denied);

/**
 * jobtrack_job_tag_pid - put the process that has this PID now into a job
 * @job: the job's managing fd
 * @dev: the device
 * @flags: 0 or %JOBTRACK_TAG_TREE
 * @pid: its PID
 * @tagged: out: processes put into the job; may be NULL
 * @denied: out: descendants left where they are; may be NULL
 *
 * jobtrack_process_start(), then jobtrack_job_tag(). A caller that learned the
 * PID some time ago holds a pidfd or the start time, and calls those two.
 *
 * Errors: those of both.
 */
int jobtrack_job_tag_pid(int job, int dev, uint64_t flags, pid_t pid,
			 uint32_t *tagged, uint32_t *denied);

/**
 * jobtrack_job_signal - signal every process of the job and of all below it, atomically
 * @job: the job's fd
 * @sig: 1 to 64
 * @counts: out: what became of it, see struct jobtrack_signal; may be NULL
 *
 * Succeeds whatever the counts are: look at @counts->denied.
 *
 * Errors: those of struct jobtrack_signal.
 */
int jobtrack_job_signal(int job, int sig, struct jobtrack_signal *counts);

/**
 * jobtrack_job_wait - wait until the job is empty: everything that was in it is gone
 * @job: the job's fd
 * @timeout_ms: how long at most; 0 only looks, below 0 waits for ever
 *
 * A signal handler that runs meanwhile does not end the wait. To wait for
 * several things at once, poll(2) the fd for POLLIN.
 *
 * Errors: ETIMEDOUT - the job is not empty yet.
 */
int jobtrack_job_wait(int job, int64_t timeout_ms);

/**
 * jobtrack_free - free an array from jobtrack_job_list(), jobtrack_job_snapshot() or
 *	jobtrack_audit()
 * @array: the array, or NULL
 */
void jobtrack_free(void *array);

#ifdef __cplusplus
}
#endif

#endif /* LIBJOBTRACK_H */
