/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a program may do: the commands with their fields, and by hand, from
 * uapi/linux/jobtrack.h, the errors that each may give; and the system calls that
 * go with them.
 */
#ifndef JOBTRACK_FUZZ_OP_H
#define JOBTRACK_FUZZ_OP_H

#include "../common/test.h"

/* What an fd is, and what a call wants one to be */
enum kind { NO_FD, DEVICE, JOB, ROWS, ANY };

/* What a field is filled with: see struct value */
enum value_kind { NUMBER, ID, PID, TIME, LABEL };

struct field {
	const char *name;
	uint16_t offset;
	uint8_t size;
	uint8_t kind;		/* what makes sense there; a PID takes nothing else */
	const uint64_t *likely;	/* numbers, the first is how many */
};

enum {
	OPEN_DEVICE, CLOSE, DUP, READ, WRITE, SEEK, POLL, MAP, FORK, EXEC, EXIT, DIE, WAIT, NAP,
	IGNORE, BLOCK, FAIL, FEW_FILES, PROC, BECOME, IOCTL
};

#define MAX_FIELDS	9
#define MAX_ERRORS	15

/**
 * struct op - one kind of call
 * @name: in a program's text
 * @call: which; OPEN_DEVICE …; IOCTL: @cmd
 * @cmd: the command; its struct's fields are @fields. Of other calls they are
 *	arguments, eight bytes each
 * @on: what the fd should be
 * @gives: what it returns
 * @weight: how often it is chosen
 * @errors: those that it may give, 0 behind the last
 */
struct op {
	const char *name;
	uint8_t call;
	unsigned int cmd;
	uint8_t on, gives, weight;
	struct field fields[MAX_FIELDS];
	int errors[MAX_ERRORS];
};

#define LIKELY(...) (const uint64_t[]){ \
	sizeof((uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t), __VA_ARGS__ }
#define FLAGS3	LIKELY(0, 1, 2, 3, 4, 5, 7, 8, 1ULL << 63)
#define FLAGS1	LIKELY(0, 1, 2)
#define NONZERO	LIKELY(1, 1ULL << 40)
#define SIGNALS	LIKELY(SIGKILL, SIGKILL, SIGTERM, SIGCONT, SIGSTOP, SIGUSR1, SIGCHLD, SIGURG, \
		       34, 64, 0, 65, 1ULL << 31)

#define F(type, member, kind, likely) \
	{ #member, offsetof(struct type, member), \
	  sizeof(((struct type *)NULL)->member), kind, likely }
#define ARG(name, i, likely)	{ name, 8 * (i), 8, NUMBER, likely }

/* The size has to be possible and the pointer good whatever the command is. */
#define COMMON	EINVAL, EFAULT
#define INPUT	COMMON, E2BIG
#define NEW_FD	EMFILE, ENFILE, ENOMEM

static const struct op ops[] = {
	{ "info", IOCTL, JOBTRACK_IOC_INFO, DEVICE, NO_FD, 1, .errors = { COMMON } },
	{ "create", IOCTL, JOBTRACK_IOC_CREATE, DEVICE, JOB, 10,
	  { F(jobtrack_create, flags, NUMBER, FLAGS3), F(jobtrack_create, parent, ID, NULL),
	    F(jobtrack_create, id, NUMBER, NONZERO),
	    F(jobtrack_create, uid, NUMBER, LIKELY(0, OWNER, STRANGER, ~0U)),
	    F(jobtrack_create, __pad, NUMBER, NONZERO), F(jobtrack_create, label, LABEL, NULL) },
	  { INPUT, NEW_FD, ENAMETOOLONG, EEXIST, EPERM, ENOENT, EBUSY, ECANCELED, EMLINK,
	    EDQUOT, EINTR } },
	{ "open", IOCTL, JOBTRACK_IOC_OPEN, DEVICE, JOB, 6,
	  { F(jobtrack_open, flags, NUMBER, FLAGS3), F(jobtrack_open, id, ID, NULL),
	    F(jobtrack_open, uid, NUMBER, LIKELY(0, OWNER, STRANGER, ~0U)),
	    F(jobtrack_open, __pad, NUMBER, NONZERO), F(jobtrack_open, label, LABEL, NULL) },
	  { INPUT, NEW_FD, ENAMETOOLONG, ENOENT, EPERM } },
	{ "which", IOCTL, JOBTRACK_IOC_WHICH, DEVICE, NO_FD, 4,
	  { F(jobtrack_which, flags, NUMBER, NONZERO), F(jobtrack_which, id, NUMBER, NONZERO),
	    F(jobtrack_which, start_time, NUMBER, NONZERO), F(jobtrack_which, pid, PID, NULL),
	    F(jobtrack_which, uid, NUMBER, NONZERO), F(jobtrack_which, label, LABEL, NULL) },
	  { INPUT, ESRCH, EAGAIN, EACCES } },
	{ "list", IOCTL, JOBTRACK_IOC_LIST, DEVICE, ROWS, 3,
	  { F(jobtrack_list, flags, NUMBER, NONZERO), F(jobtrack_list, count, NUMBER, NONZERO),
	    F(jobtrack_list, row_size, NUMBER, NONZERO),
	    F(jobtrack_list, __pad, NUMBER, NONZERO) },
	  { INPUT, NEW_FD, EDQUOT } },
	{ "audit", IOCTL, JOBTRACK_IOC_AUDIT, DEVICE, ROWS, 1,
	  { F(jobtrack_audit, flags, NUMBER, NONZERO), F(jobtrack_audit, jobs, NUMBER, NONZERO),
	    F(jobtrack_audit, __pad, NUMBER, NONZERO) },
	  { INPUT, NEW_FD, EPERM, EINTR } },
	{ "state", IOCTL, JOBTRACK_IOC_STATE, JOB, NO_FD, 3, .errors = { COMMON } },
	{ "enter", IOCTL, JOBTRACK_IOC_ENTER, JOB, NO_FD, 8,
	  { F(jobtrack_enter, flags, NUMBER, NONZERO) },
	  { INPUT, ENOMEM, EPERM, EBUSY, ECANCELED, EINTR } },
	{ "tag", IOCTL, JOBTRACK_IOC_TAG, JOB, NO_FD, 8,
	  { F(jobtrack_tag, flags, NUMBER, FLAGS1), F(jobtrack_tag, start_time, TIME, NULL),
	    F(jobtrack_tag, pid, PID, NULL), F(jobtrack_tag, tagged, NUMBER, NONZERO),
	    F(jobtrack_tag, denied, NUMBER, NONZERO), F(jobtrack_tag, __pad, NUMBER, NONZERO) },
	  { INPUT, ENOMEM, ESRCH, ESTALE, EAGAIN, EPERM, EBUSY, ECANCELED, EINTR, ELOOP } },
	{ "signal", IOCTL, JOBTRACK_IOC_SIGNAL, JOB, NO_FD, 8,
	  { F(jobtrack_signal, sig, NUMBER, SIGNALS), F(jobtrack_signal, flags, NUMBER, NONZERO),
	    F(jobtrack_signal, ignored, NUMBER, NONZERO),
	    F(jobtrack_signal, newborns, NUMBER, NONZERO) },
	  { INPUT, ENOMEM, EPERM, EINTR } },
	/* EIO is documented, too: as a defect */
	{ "snapshot", IOCTL, JOBTRACK_IOC_SNAPSHOT, JOB, ROWS, 4,
	  { F(jobtrack_snapshot, flags, NUMBER, NONZERO),
	    F(jobtrack_snapshot, count, NUMBER, NONZERO),
	    F(jobtrack_snapshot, time, NUMBER, NONZERO),
	    F(jobtrack_snapshot, row_size, NUMBER, NONZERO),
	    F(jobtrack_snapshot, __pad, NUMBER, NONZERO) },
	  { INPUT, NEW_FD, EINTR, EDQUOT } },
	{ "account", IOCTL, JOBTRACK_IOC_ACCOUNT, JOB, NO_FD, 4,
	  { F(jobtrack_account, flags, NUMBER, FLAGS1), F(jobtrack_account, time, NUMBER, NONZERO),
	    F(jobtrack_account, gone, NUMBER, NONZERO) },
	  { INPUT, ENOMEM, EINTR } },
	/* numbers that no command has: a wrong direction, number or type */
	{ "nothing0", IOCTL, _IO(JOBTRACK_IOC_TYPE, 0x00), ANY, NO_FD, 1, .errors = { ENOTTY } },
	{ "nothing6", IOCTL, _IOWR(JOBTRACK_IOC_TYPE, 0x06, uint64_t), ANY, NO_FD, 1,
	  .errors = { ENOTTY } },

	{ "device", OPEN_DEVICE, 0, NO_FD, DEVICE, 3, .errors = { NEW_FD } },
	{ "close", CLOSE, 0, ANY, NO_FD, 5, .errors = { EBADF } },
	{ "dup", DUP, 0, ANY, ANY, 2, .errors = { EBADF, EMFILE, EINVAL } },
	{ "read", READ, 0, ROWS, NO_FD, 3,
	  { ARG("size", 0, LIKELY(0, 1, 31, 32, 160, 4096)),
	    ARG("offset", 1, LIKELY(0, 1, 32, 4096, 1ULL << 40, 1ULL << 63)) },
	  { EBADF, EINVAL, EFAULT, ESPIPE } },
	{ "write", WRITE, 0, ANY, NO_FD, 1, { ARG("size", 0, LIKELY(0, 8)) }, { EBADF, EINVAL } },
	{ "seek", SEEK, 0, ROWS, NO_FD, 2,
	  { ARG("offset", 0, LIKELY(0, 1, 32, 1ULL << 40, 1ULL << 63, ~0ULL)),
	    ARG("whence", 1, LIKELY(0, 1, 2, 3, 4)) }, { EBADF, EINVAL, ESPIPE } },
	{ "poll", POLL, 0, JOB, NO_FD, 4, { ARG("ms", 0, LIKELY(0, 1, 20)) }, { EINTR, ENOMEM } },
	{ "map", MAP, 0, ANY, NO_FD, 1, { ARG("prot", 0, LIKELY(1, 3)) },
	  { EBADF, ENODEV, EACCES, EINVAL, ENOMEM, EPERM } },
	/* CLONE_PARENT or CLONE_NEWPID; who has no privilege cannot do the latter */
	{ "fork", FORK, 0, NO_FD, NO_FD, 7,
	  { ARG("flags", 0, LIKELY(0, 0, 0, CLONE_PARENT, CLONE_NEWPID)) },
	  { EAGAIN, EPERM, EINVAL, ENOMEM } },
	{ "exec", EXEC, 0, NO_FD, NO_FD, 2, .errors = { ENOMEM, EMFILE, ENFILE, EAGAIN } },
	{ "exit", EXIT, 0, NO_FD, NO_FD, 1, .errors = { 0 } },
	{ "die", DIE, 0, NO_FD, NO_FD, 2, .errors = { 0 } },
	{ "wait", WAIT, 0, NO_FD, NO_FD, 2, .errors = { ECHILD, EINTR } },
	{ "nap", NAP, 0, NO_FD, NO_FD, 2, { ARG("us", 0, LIKELY(1, 100, 3000)) }, { EINTR } },
	{ "ignore", IGNORE, 0, NO_FD, NO_FD, 1, { ARG("sig", 0, SIGNALS) }, { EINVAL } },
	{ "block", BLOCK, 0, NO_FD, NO_FD, 1, { ARG("sig", 0, SIGNALS) }, { 0 } },
	/* the n-th allocation of the thread's next call fails, if the kernel knows how to */
	{ "fail", FAIL, 0, NO_FD, NO_FD, 5,
	  { ARG("nth", 0, LIKELY(1, 2, 3, 4, 5, 6, 8, 12)) }, { 0 } },
	{ "few", FEW_FILES, 0, NO_FD, NO_FD, 1, .errors = { 0 } },
	{ "proc", PROC, 0, NO_FD, NO_FD, 1, .errors = { NEW_FD } },
	{ "become", BECOME, 0, NO_FD, NO_FD, 1, { ARG("uid", 0, LIKELY(0, OWNER, STRANGER)) },
	  { EPERM, EINVAL, EAGAIN, ENOMEM } },
};

#define NR_OPS	(sizeof(ops) / sizeof(ops[0]))

static inline bool may_fail_with(const struct op *op, int err)
{
	for (int i = 0; i < MAX_ERRORS && op->errors[i]; i++)
		if (op->errors[i] == err)
			return true;
	return false;
}

#endif /* JOBTRACK_FUZZ_OP_H */
