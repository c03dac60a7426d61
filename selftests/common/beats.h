/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who is stopped, and who goes on: seen by heartbeats of an oracle's crowd and by
 * /proc, for tests that stop and continue a job.
 */
#ifndef JOBTRACK_TEST_BEATS_H
#define JOBTRACK_TEST_BEATS_H

#include "oracle.h"

/* Members of the job whose state is, or is not, "stopped"; the dead do not count */
static inline int members_stopped(int job, bool stopped)
{
	struct jobtrack_row *rows;
	int members = jt_snapshot(job, &rows, NULL);
	int n = 0;

	for (int i = 0; i < members; i++) {
		char state = proc_state(rows[i].pid);

		if (!state_is_dead(state) && (state == 'T') == stopped)
			n++;
	}
	free(rows);
	return members < 0 ? members : n;
}

/* Nobody moves: everybody is stopped, and no heart beats while /proc is read. */
static inline bool nobody_moves(int job)
{
	uint32_t checks, forks;

	/*
	 * Twice: a child can be born after a list is taken, while its parent is
	 * stopped before its state is read. The next list has it.
	 */
	if (!WAIT_FOR_CROWD(members_stopped(job, false) == 0 && members_stopped(job, false) == 0))
		return false;
	checks = look_at(&oracle->checks);
	forks = look_at(&oracle->forks);
	for (int i = 0; i < 3; i++)
		if (members_stopped(job, false) || look_at(&oracle->checks) != checks ||
		    look_at(&oracle->forks) != forks)
			return false;
	return true;
}

/* Since when its slot was @was, the process has made a check or is gone. */
static inline bool has_moved(const struct oracle_slot *slot, const struct oracle_slot *was)
{
	return !(was->tenant & 1) || look_at(&slot->tenant) != was->tenant ||
		look_at(&slot->beats) != was->beats;
}

/*
 * After a SIGCONT to everybody: every process that is there, and the child of
 * every fork in flight, makes a move or is gone. SIGCONT takes a process out of
 * its stop before it returns, so who is stopped after it stays stopped: true
 * only if there is none such.
 */
static inline bool everybody_moves(int job)
{
	struct oracle_slot was[ORACLE_SLOTS];
	unsigned int polls = 0;

	memcpy(was, oracle->slot, sizeof(was));
	for (int i = 0; i < ORACLE_SLOTS; i++) {
		const struct oracle_slot *slot = &oracle->slot[i];

		/* a look at all of /proc now and then, it takes the crowd's time */
		if (!WAIT_FOR_CROWD(has_moved(slot, &was[i]) ||
				    (++polls % 32 == 0 && members_stopped(job, true))))
			return oracle_silent(slot, "does not move");
		if (!has_moved(slot, &was[i]))
			return false;
	}
	return members_stopped(job, true) == 0;
}

#endif /* JOBTRACK_TEST_BEATS_H */
