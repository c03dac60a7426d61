/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the adversaries of P4 share: shared counters, a keeper for processes that
 * orphan one another, and the account of how many forks in flight were met.
 */
#ifndef JOBTRACK_TEST_ADVERSARY_H
#define JOBTRACK_TEST_ADVERSARY_H

#include "proc.h"

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>

#define LINGERERS	96

/* Counters in shared memory; add_to() returns what it was before. */
static inline uint32_t add_to(void *counter, int n)
{
	return __atomic_fetch_add((uint32_t *)counter, n, __ATOMIC_SEQ_CST);
}

static inline uint32_t look_at(const uint32_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_SEQ_CST);
}

/*
 * Rounds of a test: so many at least, and more while there is time. An emulated
 * machine can be slow, and luck finds the rarer races only in many rounds.
 */
struct rounds {
	unsigned int n, least;
	uint64_t end;
};

static inline struct rounds rounds(unsigned int least, unsigned int ms)
{
	return (struct rounds) { .least = least, .end = now_ns() + ms * NSEC_PER_MSEC };
}

static inline bool next_round(struct rounds *rounds)
{
	return rounds->n++ < rounds->least || now_ns() < rounds->end;
}

/*
 * For what a process of a crowd does. An emulated processor stands still now and
 * then, and who ran meanwhile is made to wait until each of the others has had as
 * much: a second becomes as many seconds as there are processes.
 */
#define CROWD_PATIENCE_MS	(40000 * how_slow())
#define CROWD_TIMEOUT		100	/* of a test, in seconds: it never takes that long */

#define WAIT_FOR_CROWD(cond) ({						\
	uint64_t crowd_end_ = now_ns() + CROWD_PATIENCE_MS * NSEC_PER_MSEC;	\
	bool crowd_met_;						\
	while (!(crowd_met_ = !!(cond)) && now_ns() < crowd_end_)	\
		nap_us(1000);						\
	crowd_met_;							\
})

/*
 * A child of root, not in the job, that has @fn run in the job as user @uid. It
 * inherits the orphans and lets the kernel reap all: zombies count in
 * RLIMIT_NPROC.
 */
static inline pid_t keeper(int job, uid_t uid, int (*fn)(void *), void *arg)
{
	pid_t tester = getpid(), pid = fork();

	if (pid)
		return pid;
	CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == tester);
	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	signal(SIGCHLD, SIG_IGN);
	CHECK(spawn(job, uid, fn, arg) > 0);
	sleeper(NULL);
	return 0;
}

static inline void dismiss(pid_t keeper)
{
	if (keeper <= 0)
		return;
	kill(keeper, SIGKILL);
	waitpid(keeper, NULL, 0);
}

/*
 * A socket filter that spends its time on each fork event, and drops all events. It is
 * compiled once for all sockets: each time flushes the TLBs of all CPUs, some kernels
 * twice, which takes its time where processes fork.
 */
static inline int slow_filter(void)
{
	enum { FIRST = 5, LAST = FIRST + 2000 };
	struct bpf_insn code[LAST + 1];
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (uintptr_t)code,
		.insn_cnt = ARRAY_SIZE(code),
		.license = (uintptr_t)"GPL",
	};

	code[0] = (struct bpf_insn){ BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_6, BPF_REG_1, 0, 0 };
	code[1] = (struct bpf_insn){ BPF_LD | BPF_W | BPF_ABS, 0, 0, 0,
				     NLMSG_HDRLEN + sizeof(struct cn_msg) };
	code[2] = (struct bpf_insn){ BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, FIRST - 3,
				     htonl(PROC_EVENT_FORK) };
	code[3] = (struct bpf_insn){ BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0 };
	code[4] = (struct bpf_insn){ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 };
	for (int i = FIRST; i < LAST - 1; i++)
		code[i] = (struct bpf_insn){ BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_0, 0, 0, i };
	code[LAST - 1] = code[3];
	code[LAST] = code[4];
	return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

/*
 * Have forks take longer between the child's appearance and its birth probe, to
 * make the races there likelier: that is where the kernel tells the listeners of
 * the process connector about the fork. They last as long as the caller; what is
 * forked later inherits them.
 */
static inline bool linger_at_birth(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC };
	struct {
		struct nlmsghdr header;
		struct cn_msg msg;
		enum proc_cn_mcast_op op;
	} __attribute__((packed)) listen = {
		.header = { .nlmsg_len = sizeof(listen), .nlmsg_type = NLMSG_DONE },
		.msg = { .id = { CN_IDX_PROC, CN_VAL_PROC }, .len = sizeof(listen.op) },
		.op = PROC_CN_MCAST_LISTEN,
	};
	int filter = slow_filter();

	if (filter < 0)
		return false;
	for (int listeners = 0; listeners < LINGERERS; listeners++) {
		int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_CONNECTOR);

		if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
		    setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &filter, sizeof(filter)) ||
		    send(fd, &listen, sizeof(listen), 0) != sizeof(listen))
			return false;
	}
	close(filter);
	return true;
}

/*
 * How many newborns were met, and by which rule: the module's counters between
 * two instants. A test of P4 that meets none proves nothing.
 */
struct met {
	struct jobtrack_info before, after;
};

#define MET(met, counter)	((met)->after.counter - (met)->before.counter)

/* Newborns that were signalled because of their parents, by any rule */
static inline uint64_t met_in_flight(const struct met *met)
{
	return MET(met, by_mark) + MET(met, by_log) + MET(met, by_order);
}

static inline bool met_begin(struct met *met)
{
	memset(met, 0, sizeof(*met));
	return jt_info(&met->before) == 0;
}

static inline bool met_end(struct met *met, const char *what)
{
	if (jt_info(&met->after))
		return false;
	fprintf(stderr, "# %s: births %llu, signalled %llu, lost %llu, unseen %llu, inexact %llu\n",
		what, MET(met, births), MET(met, signalled), MET(met, lost), MET(met, unseen),
		MET(met, inexact));
	fprintf(stderr, "# in flight: by mark %llu, by log %llu, by order %llu, condemned %llu\n",
		MET(met, by_mark), MET(met, by_log), MET(met, by_order), MET(met, condemned));
	return true;
}

#endif /* JOBTRACK_TEST_ADVERSARY_H */
