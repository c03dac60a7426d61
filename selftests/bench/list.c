// SPDX-License-Identifier: GPL-2.0
/*
 * list - what a list of a crowd costs, in instructions a row
 */
#include "bench/killers.h"

#define ROUNDS	5

static unsigned int rows;
static char buffer[8 << 20];

static void count_row(pid_t pid)
{
	(void)pid;
	rows++;
}

static size_t read_whole(int fd)
{
	size_t used = 0;
	ssize_t n;

	while ((n = read(fd, buffer + used, sizeof(buffer) - used)) > 0)
		used += n;
	CHECK(n == 0);
	close(fd);
	return used;
}

static void by_jobtrack(const struct crowd *crowd)
{
	struct jobtrack_snapshot arg = { .flags = 0 };
	int fd = ioctl(the_job, JOBTRACK_IOC_SNAPSHOT, &arg);

	(void)crowd;
	CHECK(fd >= 0);
	rows = read_whole(fd) / arg.row_size;
}

/* The check of a list, which looks at all processes */
static void by_audit(const struct crowd *crowd)
{
	struct jobtrack_audit arg = { .flags = 0 };
	int fd = jt_device(JOBTRACK_IOC_AUDIT, &arg);

	(void)crowd;
	CHECK(fd >= 0);
	CHECK_EQ(0, arg.count);
	close(fd);
	rows = arg.members;
}

static void by_cgroup_procs(const struct crowd *crowd)
{
	size_t size = read_whole(open(KILL_CGROUP "/cgroup.procs", O_RDONLY | O_CLOEXEC));

	(void)crowd;
	for (size_t i = 0; i < size; i++)
		rows += buffer[i] == '\n';
}

static struct tracker_row tracked[TRACKER_MEMBERS];

static void by_bpf(const struct crowd *crowd)
{
	(void)crowd;
	rows = tracker_list(tracked, TRACKER_MEMBERS);
}

static void by_bpf_table(const struct crowd *crowd)
{
	(void)crowd;
	rows = tracker_list_table(tracked, TRACKER_MEMBERS);
}

static void by_tree(const struct crowd *crowd)
{
	oldway_each(oldway("tree"), crowd->first, count_row);
}

static void by_cookie(const struct crowd *crowd)
{
	oldway_each(oldway("cookie"), crowd->first, count_row);
}

static void by_session(const struct crowd *crowd)
{
	oldway_each(oldway("session"), crowd->first, count_row);
}

static const struct {
	const char *name;
	void (*list)(const struct crowd *crowd);
} lists[] = {
	{ "jobtrack", by_jobtrack },
	{ "its audit", by_audit },
	{ "cgroup.procs", by_cgroup_procs },
	{ "BPF, all tasks", by_bpf },
	{ "BPF, table", by_bpf_table },
	{ "session scan", by_session },
	{ "tree walk", by_tree },
	{ "cookie scan", by_cookie },
};

static void enter_all(void)
{
	job_enter();
	cgroup_enter();
	bpf_enter();
}

/* The least of some rounds: what is more was an interrupt's. */
static double cost_of_row(void (*list)(const struct crowd *crowd), const struct crowd *crowd,
			  unsigned int n)
{
	uint64_t least = UINT64_MAX, taken;

	for (int round = 0; round < ROUNDS; round++) {
		rows = 0;
		taken = now_ns();
		list(crowd);
		taken = now_ns() - taken;
		CHECK_EQ(n, rows);
		least = taken < least ? taken : least;
	}
	return (double)least / n;
}

static void measure(unsigned int n, unsigned int others)
{
	struct crowd crowd, other;
	char row[48];

	snprintf(row, sizeof(row), others ? "%u among %u others" : "%u", n, others);
	job_prepare();
	cgroup_prepare();
	tracker_begin(true);
	crowd = crowd_of_sleepers(enter_all, n);
	if (others)
		other = crowd_of_sleepers(NULL, others);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		figure("list", row, lists[i].name, cost_of_row(lists[i].list, &crowd, n),
		       "instructions", ROUNDS);
	crowd_end(&crowd);
	if (others)
		crowd_end(&other);
	tracker_end();
	cgroup_finish();
	job_finish();
}

int main(void)
{
	crowds_prepare();
	measure(1000, 0);
	if (is_quick())
		return 0;
	measure(10000, 0);
	measure(100, 10000);
	return 0;
}
