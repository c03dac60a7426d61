// SPDX-License-Identifier: GPL-2.0
/*
 * artist - the ways in which a process escapes its batch system
 *
 * None needs a privilege. The first process stays where it is, says "ready" on
 * stdout once the others have escaped, and waits to be killed.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ESCAPEES	3	/* of those that then sit still */
#define RUNNERS		8
#define PATIENCE	4	/* generations until a runner is missed */
#define WARM_UP		1000	/* generations before they count as running */
#define STACKS		8192	/* used in turn: who is late may still be on an old one */

/* Whoever has done its trick closes it, maybe twice; the first process reads the end */
static int not_yet = -1;

static void sit(void)
{
	close(not_yet);
	for (;;)
		pause();
}

/* Out of the process group and the session: one call */
static void leave_session(void)
{
	setsid();
	sit();
}

static void become_an_orphan(void)
{
	pid_t parent = getpid();

	setsid();
	if (fork())
		_exit(0);
	while (getppid() == parent)
		sched_yield();
}

/* Out of the process tree: the parent in between has exited, init inherits */
static void leave_tree(void)
{
	become_an_orphan();
	sit();
}

/* Out of the tree as well, and the cookie left behind with the environment */
static void leave_environment(void)
{
	char *const nothing[] = { NULL };

	become_an_orphan();
	execle("/proc/self/exe", "artist", "sit", NULL, nothing);
	_exit(1);
}

/*
 * A group ID can't be dropped, but one can be gone before the reader of /proc
 * acts: be born, clone, exit; as memory is shared, there is nothing to copy.
 * And the runners look after each other: the place of one that hasn't come by
 * for a while is taken by another's child. If the old one was only late, it
 * finds its place taken, and leaves.
 */
static struct {
	unsigned long owner;		/* how often the place has been taken */
	unsigned long beat;		/* generations that have come by */
	unsigned long seen[RUNNERS];	/* the others' beats, a while ago */
} places[RUNNERS];

static int run(void *as);

/* @as is place and owner in one: place + RUNNERS * owner */
static bool start_runner(unsigned long as)
{
	static char stacks[STACKS][2048];
	static unsigned long used;
	char *stack = stacks[__atomic_fetch_add(&used, 1, __ATOMIC_RELAXED) % STACKS];

	places[as % RUNNERS].beat++;
	return clone(run, stack + sizeof(stacks[0]), CLONE_VM | CLONE_FILES | SIGCHLD,
		     (void *)as) > 0;
}

static int run(void *arg)
{
	unsigned long as = (unsigned long)arg, me = as % RUNNERS;

	if (places[me].beat % PATIENCE == 0) {
		for (unsigned long i = 0; i < RUNNERS; i++) {
			if (i != me && places[i].beat == places[me].seen[i])
				start_runner(i + RUNNERS * ++places[i].owner);
			places[me].seen[i] = places[i].beat;
		}
	}
	while (places[me].owner == as / RUNNERS && !start_runner(as))
		usleep(1000);	/* at the limit: until init has buried some */
	_exit(0);
}

static void run_away(void)
{
	start_runner(0);
	while (places[0].beat < WARM_UP)
		usleep(1000);
	close(not_yet);
	_exit(0);
}

/* As many as the limit allows; whoever is killed makes room for another */
static void explode(void)
{
	for (;;) {
		if (fork() >= 0)
			continue;
		close(not_yet);
		usleep(20000);
	}
}

static const struct {
	const char *name;
	void (*escape)(void);
	int copies;
} tricks[] = {
	{ "setsid", leave_session, ESCAPEES },
	{ "daemon", leave_tree, ESCAPEES },
	{ "noenv", leave_environment, ESCAPEES },
	{ "runner", run_away, 1 },
	{ "bomb", explode, 1 },
	{ 0 }
};

static void perform(void (*escape)(void), int copies)
{
	int fds[2];
	char c;

	if (pipe2(fds, O_CLOEXEC))
		err(1, "pipe");
	not_yet = fds[1];
	signal(SIGCHLD, SIG_IGN);	/* no zombies, they count for the limit */
	while (copies--) {
		switch (fork()) {
		case -1:
			err(1, "fork");
		case 0:
			escape();
		}
	}
	close(not_yet);
	while (read(fds[0], &c, 1) > 0)
		;
	puts("ready");
	fflush(stdout);
	sit();
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "sit"))
		sit();
	for (int i = 0; argc == 2 && tricks[i].name; i++)
		if (!strcmp(argv[1], tricks[i].name))
			perform(tricks[i].escape, tricks[i].copies);
	fprintf(stderr, "usage: artist setsid|daemon|noenv|runner|bomb\n");
	return 2;
}
