// SPDX-License-Identifier: GPL-2.0
/*
 * memory - how much of it a job, a process in a job and a thread there take
 *
 * The same processes before and after they are tracked: what the kernel's slabs
 * have grown by, and as a check by how much less memory is free.
 */
#include "bench/killers.h"

struct memory {
	double slab, used;	/* bytes */
};

static double meminfo(const char *text, const char *name)
{
	return strtoull(field(text, name), NULL, 10) * 1024.;
}

static struct memory memory(void)
{
	char text[8192];

	/* what was freed is only free after a grace period, or several */
	nap_us(500000);
	CHECK(read_file("/proc/meminfo", text, sizeof(text)) > 0);
	return (struct memory) {
		.slab = meminfo(text, "\nSlab:"),
		.used = -meminfo(text, "\nMemFree:"),
	};
}

static struct memory grown(struct memory since, unsigned int n)
{
	struct memory m = memory();

	return (struct memory) { (m.slab - since.slab) / n, (m.used - since.used) / n };
}

static struct memory less(struct memory m, struct memory part)
{
	return (struct memory) { m.slab - part.slab, m.used - part.used };
}

static void tell(const char *row, struct memory each, unsigned int n)
{
	figure("memory", row, "slab", each.slab, "bytes", n);
	figure("memory", row, "all", each.used, "bytes", n);
}

/* ------------------------------------------------------------------- processes */

static struct memory each_process;

static void processes(unsigned int n)
{
	struct crowd crowd = crowd_of_sleepers(NULL, n);
	struct memory before = memory();
	struct jobtrack_which which;
	struct jobtrack_tag tag;

	job_prepare();
	CHECK_EQ(0, jt_which(crowd.first, &which));
	CHECK_EQ(0, jt_tag_exact(the_job, crowd.first, which.start_time, JOBTRACK_TAG_TREE, &tag));
	CHECK_EQ(n, tag.tagged);
	each_process = grown(before, n);
	tell("process", each_process, n);
	crowd_end(&crowd);
	job_finish();
}

/* ------------------------------------------------------------------------ jobs */

static pid_t *pids;
static unsigned int nr_pids;

static void note_pid(pid_t pid)
{
	pids[nr_pids++] = pid;
}

/* Jobs of one process each: with an fd, and when that is closed */
static void jobs(unsigned int n)
{
	struct crowd crowd = crowd_of_sleepers(NULL, n);
	int device = jobtrack_device_open(), *fds = malloc(n * sizeof(*fds));
	struct memory before;

	pids = malloc(n * sizeof(*pids));
	CHECK(device >= 0 && fds && pids);
	memset(fds, -1, n * sizeof(*fds));
	oldway_each(oldway("session"), crowd.first, note_pid);
	CHECK_EQ(n, nr_pids);

	before = memory();
	for (unsigned int i = 0; i < n; i++) {
		fds[i] = jobtrack_job_create(device, 0, 0, 0, NULL, NULL);
		CHECK(fds[i] >= 0);
		CHECK(jobtrack_job_tag_pid(fds[i], device, 0, pids[i], NULL, NULL) == 0);
	}
	tell("job with an open fd", less(grown(before, n), each_process), n);
	for (unsigned int i = 0; i < n; i++)
		close(fds[i]);
	tell("job", less(grown(before, n), each_process), n);
	crowd_end(&crowd);
	close(device);
}

/* --------------------------------------------------------------------- threads */

static void *pause_thread(void *arg)
{
	pause();
	return arg;
}

/* What a thread takes, in a process that is tracked or is not */
static struct memory thread_of(bool tracked, unsigned int n)
{
	struct memory before, *each = shared(sizeof(*each)), ret;
	struct gate *done = shared(sizeof(*done));
	pthread_attr_t attr;
	pthread_t thread;
	pid_t pid;

	if (tracked)
		job_prepare();
	pid = fork();
	if (!pid) {
		if (tracked)
			job_enter();
		pthread_attr_init(&attr);
		pthread_attr_setstacksize(&attr, 16384);
		before = memory();
		for (unsigned int i = 0; i < n; i++)
			CHECK_EQ(0, pthread_create(&thread, &attr, pause_thread, NULL));
		*each = grown(before, n);
		gate_add(done, 1);
		sleeper(NULL);
	}
	CHECK(gate_wait(done, 1));
	ret = *each;
	kill(pid, SIGKILL);
	while (!machine_is_idle())
		nap_us(10000);
	if (tracked)
		job_finish();
	return ret;
}

static void threads(unsigned int n)
{
	struct memory untracked, tracked;

	thread_of(false, n);		/* what the kernel keeps in store afterwards */
	untracked = thread_of(false, n);
	tracked = thread_of(true, n);
	tell("thread", less(tracked, untracked), n);
}

int main(void)
{
	unsigned int n = is_quick() ? 1000 : 10000;

	crowds_prepare();
	processes(n);
	jobs(n);
	threads(n);
	return 0;
}
