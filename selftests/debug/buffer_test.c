// SPDX-License-Identifier: GPL-2.0
/*
 * A signaller whose own memory is taken away from under it, or stalls: nothing is
 * left half done, and nobody else has to wait.
 */
#include "common/debug.h"
#include "common/listeners.h"

#include <pthread.h>
#include <linux/userfaultfd.h>

#define LISTENERS	10

FIXTURE(buffer)
{
	int job;
	struct met met;
};

FIXTURE_SETUP(buffer)
{
	REQUIRE_MODULE();
	ASSERT_TRUE(reset_rules());
	self->job = jt_create(0, 0, NULL, NULL);
	ASSERT_LE(0, self->job);
	ASSERT_TRUE(listeners_join(self->job, OWNER, LISTENERS));
	ASSERT_TRUE(met_begin(&self->met));
}

FIXTURE_TEARDOWN(buffer)
{
	EXPECT_TRUE(reset_rules());
	EXPECT_EQ(0, jt_signal(self->job, SIGKILL, NULL));
	EXPECT_TRUE(jt_wait_empty(self->job));
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	close(self->job);
}

static uint32_t got(int i, int sig)
{
	return look_at(&listeners->listener[i].got[sig]);
}

static bool all_got_once(int sig)
{
	return WAIT_UNTIL(all_got(sig, 1));
}

/* A page that is missing; whoever touches it waits for provide() */
static void *missing_page(int *userfault)
{
	size_t size = getpagesize();
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*userfault = syscall(SYS_userfaultfd, O_CLOEXEC);
	reg.range = (struct uffdio_range) { (uintptr_t)page, size };
	if (page == MAP_FAILED || *userfault < 0 || ioctl(*userfault, UFFDIO_API, &api) ||
	    ioctl(*userfault, UFFDIO_REGISTER, &reg))
		return NULL;
	return page;
}

static bool provide(int userfault, void *page, const struct jobtrack_signal *content)
{
	static char buf[4096] __attribute__((aligned(4096)));
	struct uffdio_copy copy = {
		.dst = (uintptr_t)page, .src = (uintptr_t)buf, .len = sizeof(buf),
	};

	memcpy(buf, content, sizeof(*content));
	return ioctl(userfault, UFFDIO_COPY, &copy) == 0;
}

struct buffer_call {
	int job, ret;
	struct jobtrack_signal *buffer;
};

static void *call_with_buffer(void *arg)
{
	struct buffer_call *call = arg;

	call->ret = jt_ioctl(call->job, JOBTRACK_IOC_SIGNAL, call->buffer);
	return NULL;
}

/* Who cannot be told the counts is told so; everybody was signalled. */
TEST_F(buffer, taken_away)
{
	struct buffer_call call = { .job = self->job };
	pthread_t thread;

	call.buffer = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	call.buffer->sig = SIGUSR1;
	ASSERT_TRUE(set_rules(0, 1, UNTIL_TOLD));
	ASSERT_EQ(0, pthread_create(&thread, NULL, call_with_buffer, &call));
	ASSERT_TRUE(WAIT_UNTIL(got(0, SIGUSR1)));
	ASSERT_EQ(0, munmap(call.buffer, 4096));
	EXPECT_EQ(0, got(LISTENERS - 1, SIGUSR1));
	ASSERT_TRUE(reset_rules());
	pthread_join(thread, NULL);
	EXPECT_EQ(-EFAULT, call.ret);
	EXPECT_TRUE(all_got_once(SIGUSR1));
}

/* A caller that hangs in its own memory holds nobody up, before or after. */
TEST_F(buffer, stalls)
{
	struct jobtrack_signal counts = { .sig = SIGUSR1 };
	struct buffer_call call = { .job = self->job };
	struct uffd_msg msg;
	pthread_t thread;
	int userfault;

	call.buffer = missing_page(&userfault);
	ASSERT_NE(NULL, call.buffer);
	ASSERT_EQ(0, pthread_create(&thread, NULL, call_with_buffer, &call));
	/* it reads its orders */
	ASSERT_EQ(sizeof(msg), read(userfault, &msg, sizeof(msg)));
	EXPECT_EQ(0, jt_signal(self->job, RT(0), NULL));
	EXPECT_TRUE(all_got_once(RT(0)) && all_got(SIGUSR1, 0));
	ASSERT_TRUE(set_rules(0, 1, UNTIL_TOLD));
	ASSERT_TRUE(provide(userfault, call.buffer, &counts));
	/* it tells the counts */
	ASSERT_TRUE(WAIT_UNTIL(got(0, SIGUSR1)));
	ASSERT_EQ(0, madvise(call.buffer, 4096, MADV_DONTNEED));
	ASSERT_TRUE(reset_rules());
	ASSERT_EQ(sizeof(msg), read(userfault, &msg, sizeof(msg)));
	EXPECT_TRUE(all_got_once(SIGUSR1));
	EXPECT_EQ(0, jt_signal(self->job, RT(1), NULL));
	EXPECT_TRUE(all_got_once(RT(1)));
	ASSERT_TRUE(provide(userfault, call.buffer, &counts));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, call.ret);
	EXPECT_EQ(LISTENERS, call.buffer->signalled);
}

static int call_and_stall(void *job)
{
	struct buffer_call call = { .job = *(int *)job };
	int userfault;

	call.buffer = missing_page(&userfault);
	CHECK(call.buffer);
	call_with_buffer(&call);
	return call.ret;
}

/* Killed while it hangs there before anything is sent, it has sent nothing. */
TEST_F(buffer, killed_while_it_stalls)
{
	pid_t pid = spawn(-1, 0, call_and_stall, &self->job);
	char path[64], stack[4096];

	/* Not wchan: on x86, older kernels guess that, and get it wrong. */
	snprintf(path, sizeof(path), "/proc/%d/stack", pid);
	ASSERT_TRUE(WAIT_UNTIL(read_file(path, stack, sizeof(stack)) > 0 &&
			       strstr(stack, " handle_userfault+")));
	kill(pid, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, reap(pid));
	ASSERT_TRUE(met_end(&self->met, "killed"));
	EXPECT_EQ(0, MET(&self->met, signals));
}

TEST_HARNESS_MAIN
