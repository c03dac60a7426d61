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

/*
 * After a SIGCONT to everybody: every process that is there, and the child of
 * every fork in flight, makes a move or is gone. SIGCONT takes a process out of
 * its stop before it returns, so who is stopped after it stays stopped: true
 * only if there is none such.
 */
static inline bool everybody_moves(int job)
{
	struct {
		uint32_t tenant, beats;
	} was[ORACLE_SLOTS];
	struct oracle_slot *slot;
	int i, stuck = 0;

	for (i = 0; i < ORACLE_SLOTS; i++) {
		was[i].tenant = look_at(&oracle->slot[i].tenant);
		was[i].beats = look_at(&oracle->slot[i].beats);
	}
	for (i = 0; i < ORACLE_SLOTS && !stuck; i++) {
		slot = &oracle->slot[i];
		if (was[i].tenant & 1 &&
		    !WAIT_FOR_CROWD(look_at(&slot->tenant) != was[i].tenant ||
				look_at(&slot->beats) != was[i].beats ||
				(stuck = members_stopped(job, true)) > 0))
			return oracle_silent(slot, "does not move");
	}
	return !stuck && members_stopped(job, true) == 0;
}

#endif /* JOBTRACK_TEST_BEATS_H */
