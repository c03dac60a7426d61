/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A race: racers of a scenario in a job, one outside of it, signals of a class,
 * and the replay of what happened.
 */
#ifndef JOBTRACK_TEST_RACE_H
#define JOBTRACK_TEST_RACE_H

#include "lives.h"
#include "pressure.h"

#define RT(n)		(34 + (n))	/* SIGRTMIN is no constant */
#define TOO_FEW		"too few were there to prove anything"

/* --------------------------------------------------------------- the two dimensions */

struct scenario {
	const char *name;
	struct racers racers[3];
	unsigned int room;	/* processes at a time */
	unsigned int pressure;
	bool threads;		/* that share a process: a stop comes when one of them takes it */
};

#define SOME(way_, n_)	{ .way = #way_, .n = n_ }

enum {
	RUNNERS, BREEDERS, VFORK, THREADS, EXEC, EXITS, HELD, LINGER, QUOTA, IDLE, PIDS, SCENARIOS
};

static const struct scenario scenarios[SCENARIOS] = {
	[RUNNERS] = { "runners", { SOME(runner, 10) }, .room = 24 },
	[BREEDERS] = { "breeders", { SOME(breeder, 5), SOME(runner, 3) }, .room = 24 },
	[VFORK] = { "vfork", { SOME(vforker, 5), SOME(runner, 3) }, .room = 24 },
	[THREADS] = { "threads", { SOME(swarm, 3) }, .room = 24, .threads = true },
	[EXEC] = { "exec", { SOME(execer, 4) }, .room = 12, .threads = true },
	[EXITS] = { "exits", { SOME(burst, 3), SOME(headless, 4) }, .room = 24, .threads = true },
	[HELD] = { "held", { SOME(holder, RACE_HELD), SOME(runner, 3) }, .room = 24 },
	[LINGER] = {
		"linger", { SOME(runner, 10) }, .room = 24, .pressure = PRESS_LINGER,
	},
	[QUOTA] = {
		"quota", { SOME(runner, 36), SOME(breeder, 2) }, .room = 56,
		.pressure = PRESS_QUOTA | PRESS_PREEMPT,
	},
	[IDLE] = {
		"idle", { SOME(runner, 6), SOME(breeder, 3) }, .room = 24,
		.pressure = PRESS_IDLE | PRESS_PREEMPT,
	},
	[PIDS] = {
		"pids", { SOME(runner, 6), SOME(burst, 2) }, .room = 24, .pressure = PRESS_PIDS,
	},
};

struct class {
	int sig[RACE_SIGNALS];		/* what is sent, back to back */
	int handled[RACE_SIGNALS];
	int ignored;
	bool deaf;			/* who forks blocks signals meanwhile */
	bool fatal;
};

static const struct class handled = {
	.sig = { SIGUSR1, SIGUSR2 }, .handled = { SIGUSR1, SIGUSR2 },
};
static const struct class real_time = {
	.sig = { RT(0), RT(1), RT(2) }, .handled = { RT(0), RT(1), RT(2) },
};
static const struct class ignored = {
	.sig = { SIGUSR2, SIGUSR1 }, .handled = { SIGUSR1 }, .ignored = SIGUSR2,
};
static const struct class blocked = {
	.sig = { SIGUSR1, RT(3) }, .handled = { SIGUSR1, RT(3) }, .deaf = true,
};
static const struct class sigcont = {
	.sig = { SIGCONT, SIGUSR1 }, .handled = { SIGCONT, SIGUSR1 },
};
static const struct class stop = { .sig = { SIGSTOP, SIGCONT }, .handled = { SIGCONT } };
static const struct class terminating = { .sig = { SIGTERM }, .fatal = true };
static const struct class killing = { .sig = { SIGKILL }, .fatal = true };

/* How many members there are at least at any time, threads apart; or of one way */
static inline unsigned int crowd_size(const struct scenario *scenario, const char *way)
{
	unsigned int n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(scenario->racers); i++)
		if (scenario->racers[i].n && (!way || !strcmp(scenario->racers[i].way, way)))
			n += scenario->racers[i].n;
	return n;
}

/* ------------------------------------------------------------------- one race */

/**
 * struct course - what a race is run on
 * @wrong: what was wrong, NULL as long as nothing is
 * @verdict: of the replay of the last race
 */
struct course {
	const struct scenario *scenario;
	const struct class *class;
	struct pressure pressure;
	unsigned int seed;
	int job;
	pid_t keeper[1 + ARRAY_SIZE(((struct scenario *)0)->racers)];
	const char *wrong;
	struct replay_verdict verdict;
	uint64_t pids_reused;
};

/* What is to be so, or else the race is over: for functions that tell by a bool */
#define OR_WRONG(cond, what_) do {						\
	if (!(cond)) {								\
		course->wrong = course->wrong ?: (what_);			\
		return false;							\
	}									\
} while (0)

static inline bool course_open(struct course *course, const struct scenario *scenario)
{
	memset(course, 0, sizeof(*course));
	course->scenario = scenario;
	course->seed = now_ns();
	course->job = -1;
	return press(&course->pressure, scenario->pressure);
}

static inline bool course_send(struct course *course, const struct racers *racers, bool inside)
{
	static unsigned int keepers;
	uint32_t crowds = look_at(&race->crowds);
	pid_t pid = keeper(inside ? course->job : -1, find_way(racers->way)->root ? 0 : OWNER,
			   racers_come, (void *)racers);

	course->keeper[keepers++ % ARRAY_SIZE(course->keeper)] = pid;
	return pid > 0 && WAIT_FOR_CROWD(look_at(&race->crowds) > crowds) &&
		is_pressed(&course->pressure, pid);
}

/* A new job, those that race in it, and one outside it */
static inline bool race_begin(struct course *course)
{
	static const struct racers outsider = { .way = "runner", .n = 1, .outside = true };
	int fd = memfd_create("race", 0);

	CHECK(fd >= 0 && ftruncate(fd, sizeof(*race)) == 0 && dup2(fd, RACE_FD) == RACE_FD);
	close(fd);
	race_map();
	race_note(REPLAY_NONE, 0, 0);	/* position 0 is "none yet" */
	race->room = course->scenario->room;
	memcpy(race->handled, course->class->handled, sizeof(race->handled));
	race->ignored = course->class->ignored;
	race->deaf = course->class->deaf;

	course->job = jt_create(0, 0, NULL, NULL);
	OR_WRONG(course->job >= 0, "no job");
	OR_WRONG(press_racers(&course->pressure), "no pressure on the racers");
	OR_WRONG(course_send(course, &outsider, false), "the outsider did not come");
	for (size_t i = 0; i < ARRAY_SIZE(course->scenario->racers); i++)
		OR_WRONG(!course->scenario->racers[i].n ||
			 course_send(course, &course->scenario->racers[i], true),
			 "the racers did not come");
	OR_WRONG(press_signaller(&course->pressure), "no pressure on the signaller");
	return true;
}

static inline bool race_end(struct course *course)
{
	if (course->job < 0)
		return true;
	OR_WRONG(set_quota(&course->pressure, false), "the quota stays");
	OR_WRONG(jt_signal(course->job, SIGKILL, NULL) == 0 && jt_wait_empty(course->job),
		 "the job does not end");
	for (size_t i = 0; i < ARRAY_SIZE(course->keeper); i++) {
		dismiss(course->keeper[i]);
		course->keeper[i] = 0;
	}
	close(course->job);
	course->job = -1;
	munmap(race, sizeof(*race));
	OR_WRONG(clear_user(OWNER), "somebody is left");
	return true;
}

static inline bool course_close(struct course *course, struct pressed *pressed)
{
	return race_end(course) & release_pressure(&course->pressure, pressed);
}

/*
 * Has everybody who was there, or about to be, taken what had been sent before
 * position @at (GONE: did it leave)? Of a job that is to be dead, those outside.
 */
static inline bool all_have_seen(const struct course *course, uint32_t at)
{
	uint32_t lives = look_at(&race->lives);

	for (uint32_t i = 1; i <= lives && i < RACE_LIVES; i++) {
		if (course->class->fatal && !race->life[i].outside)
			continue;
		if (!WAIT_FOR_CROWD(look_at(&race->life[i].seen) >= at))
			return false;
	}
	return true;
}

/* Some more forks; where PIDs are few, until they come back */
static inline bool forks_go_on(const struct pressure *pressure)
{
	uint32_t more = pressure->what & PRESS_PIDS ? FEW_PIDS - 300 : 10;
	uint32_t forks = look_at(&race->forks);

	return WAIT_FOR_CROWD(look_at(&race->forks) >= forks + more || race_is_full());
}

/* Births with a PID that another one had before */
static inline uint64_t count_reused_pids(void)
{
	uint64_t reused = 0;
	uint32_t n = look_at(&race->n);
	bool *seen = calloc(MAX_PID + 1, sizeof(*seen));

	for (uint32_t i = 0; i < n; i++) {
		if (race->event[i].kind != REPLAY_BORN)
			continue;
		reused += seen[race->event[i].pid];
		seen[race->event[i].pid] = true;
	}
	free(seen);
	return reused;
}

/* ------------------------------------------------------------------- held forks */

static inline int holders_fd(unsigned int i)
{
	int pidfd = syscall(SYS_pidfd_open, race->held[i].pid, 0);
	int fd = syscall(SYS_pidfd_getfd, pidfd, race->held[i].userfault, 0);

	close(pidfd);
	return fd;
}

/* Until the fork of each holder, if there are any, waits for its page */
static inline bool hold_forks(unsigned int holders)
{
	struct uffd_msg msg;
	bool held = true;

	add_to(&race->holds, 1);
	for (unsigned int i = 0; held && i < holders; i++) {
		int fd = -1;

		held = WAIT_FOR_CROWD(look_at(&race->held[i].ready)) &&
			(fd = holders_fd(i)) >= 0 && fd_ready(fd, CROWD_PATIENCE_MS) &&
			read(fd, &msg, sizeof(msg)) == sizeof(msg);
		close(fd);
	}
	return held;
}

/* Once for each hold_forks() */
static inline bool let_forks_go(unsigned int holders)
{
	bool gone = true;

	for (unsigned int i = 0; gone && i < holders; i++) {
		struct uffdio_zeropage zero = { .range = race->held[i].page };
		int fd = holders_fd(i);

		gone = fd >= 0 && ioctl(fd, UFFDIO_ZEROPAGE, &zero) == 0;
		close(fd);
	}
	return gone;
}

/* -------------------------------------------------------------------- operations */

static inline bool operate(struct course *course, int sig, struct jobtrack_signal *counts)
{
	const struct class *class = course->class;
	const uint32_t operation = ++race->operations;
	enum replay_sort sort = sig == SIGCONT ? REPLAY_ROUSING : REPLAY_SILENCING;
	bool told = sig != class->ignored && !(sig == SIGSTOP && course->scenario->threads);
	int ret;

	for (int i = 0; i < RACE_SIGNALS; i++) {
		if (class->handled[i] != sig)
			continue;
		__atomic_store_n(&race->operation[sig], operation, __ATOMIC_SEQ_CST);
		sort = sig == SIGCONT ? REPLAY_ROUSING : REPLAY_COUNTED;
	}
	if (told)
		race_note(REPLAY_BEGIN, operation, sort);
	ret = jt_signal(course->job, sig, counts);
	if (told)
		race_note(REPLAY_END, operation, 0);

	OR_WRONG(ret == 0, "the call failed");
	OR_WRONG(counts->denied == 0, "some were denied");
	/* whoever has it blocked does not ignore it yet: before an exec, all may have */
	OR_WRONG(sig != class->ignored || counts->ignored || course->scenario->threads,
		 "nobody ignored it");
	return true;
}

/* Is anybody of the job at large? Whoever waits for a stopped child of vfork is not. */
static inline bool anybody_runs(int job)
{
	struct jobtrack_row *rows;
	int n = jt_snapshot(job, &rows, NULL);
	bool runs = n < 0;

	for (int i = 0; i < n && !runs; i++) {
		char state = proc_state(rows[i].pid);

		runs = !state_is_dead(state) && state != 'T' && state != 'D';
	}
	free(rows);
	return runs;
}

/* All signals of the class, back to back; the first at a moment that nobody chose */
static inline bool volley(struct course *course)
{
	const struct class *class = course->class;
	const unsigned int least = crowd_size(course->scenario, NULL) / 2;
	const bool stay = !course->scenario->threads && rand_r(&course->seed) % 2;
	unsigned int held = crowd_size(course->scenario, "holder");
	struct jobtrack_signal counts;

	OR_WRONG(set_quota(&course->pressure, true), "no quota");
	OR_WRONG(forks_go_on(&course->pressure), "the forks don't go on");
	OR_WRONG(hold_forks(held), "the forks are not held");
	nap_us(rand_r(&course->seed) % 3000);
	spend_quota(&course->pressure, &course->seed);
	for (int i = 0; i < RACE_SIGNALS && class->sig[i]; i++) {
		if (!operate(course, class->sig[i], &counts))
			return false;
		OR_WRONG(counts.signalled + counts.newborns >= least, TOO_FEW);
		OR_WRONG(counts.newborns >= held || class->sig[i] == SIGKILL,
			 "the forks that were held were not met");
		/* sometimes SIGCONT comes at once, sometimes when all have stopped */
		if (class->sig[i] == SIGSTOP && stay) {
			OR_WRONG(let_forks_go(held), "the forks are held for ever");
			held = 0;
			OR_WRONG(WAIT_FOR_CROWD(!anybody_runs(course->job)), "not all stopped");
		}
	}
	OR_WRONG(class->fatal || let_forks_go(held), "the forks are held for ever");
	OR_WRONG(set_quota(&course->pressure, false), "the quota stays");
	return true;
}

static inline bool race_rounds(struct course *course, unsigned int rounds)
{
	for (unsigned int round = 0; round < rounds && !race_is_full(); round++) {
		if (!volley(course))
			return false;
		OR_WRONG(!course->class->fatal || jt_wait_empty(course->job), "somebody survives");
		OR_WRONG(all_have_seen(course, look_at(&race->n)), "somebody does not answer");
	}
	race->stop = true;
	OR_WRONG(all_have_seen(course, GONE), "somebody does not come to the roll-call");
	return true;
}

/* So many volleys, if they are survived. True, or @course says what was wrong. */
static inline bool run_race(struct course *course, const struct class *class, unsigned int rounds)
{
	uint32_t n;
	bool ok;

	course->class = class;
	memset(&course->verdict, 0, sizeof(course->verdict));
	ok = race_begin(course) && race_rounds(course, class->fatal ? 1 : rounds);
	n = look_at(&race->n);
	if (!replay(race->event, n, look_at(&race->lives), &course->verdict)) {
		replay_print(race->event, n, &course->verdict);
		course->wrong = course->verdict.what;
		ok = false;
	}
	course->pids_reused = count_reused_pids();
	return race_end(course) && ok;
}

#endif /* JOBTRACK_TEST_RACE_H */
