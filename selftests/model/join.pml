/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Joining against birth: kmod/member.c, tag.c, birth.c. (Against exit: exit.pml.)
 *
 * Bounds. A running process, its child and its grandchild, each born at any time
 * or not at all; somebody tags the first with all that descends from it. Nobody
 * exits. The process, its descendants and the tagger have a CPU each, with store
 * buffers as memory.h says.
 *
 * Steps of a birth: S takes the child's start_time; V puts it on the task list; B
 * looks its parent up; the witness; W wakes it. Of tagging a process: it is put
 * into the table, J takes the time, and after a barrier the next is looked for.
 *
 * Asserted:
 *   - when all is over, everybody is a member;
 *   - no birth finds the child recorded already, and no witness condemns one that
 *     had only been born before its parent joined: nobody is killed.
 */
#define PROCS	3
#define CPUS	4		/* one for each process, and the tagger's */
#define TAGGER	3

/* Words of memory: of each process, and the tree's lock */
#define VISIBLE(p)	(p)		/* on the task list */
#define WOKEN(p)	((p) + PROCS)	/* not TASK_NEW */
#define MEMBER(p)	((p) + 2 * PROCS)	/* in the table */
#define L		(3 * PROCS)
#define WORDS		(3 * PROCS + 1)

#include "common.h"
#include "memory.h"

/* Branches that must be reached, see common.h */
#define BY_BIRTH	1
#define BY_SCAN		2
#define TOLD_BY_TIME	3	/* the witness saw a parent that had just joined */
#define WAS_NEW		4	/* the scan came before the birth probe, or the wake-up */
#define GRANDCHILD	5	/* ... found by the scan */

byte now;
byte joined[PROCS];		/* under L */

/* One for each process but the last: it forks once, or never. */
proctype process(byte p)
{
	byte c = p + 1;
	byte start_time;
	bool found;

end_unborn:
	mem[WOKEN(p)] == 1;
	if
	:: goto end
	:: true
	fi;
	atomic { now++; start_time = now }	/* S */
	store(p, VISIBLE(c), 1);		/* V */
	/* B. model: jt_birth() */
#ifndef NO_BIRTH_BARRIER
	barrier(p);
#endif
	found = mem[MEMBER(p)];
	if
	:: found ->
		take(L);
		assert(!mem[MEMBER(c)]);
		store(p, MEMBER(c), 1);
		give(p, L);
		reached(BY_BIRTH)
	:: else ->
		/* model: jt_witness() */
		if
		:: mem[MEMBER(p)] ->
			take(L);
			assert(joined[p] && joined[p] >= start_time);
			give(p, L);
			reached(TOLD_BY_TIME)
		:: else
		fi
	fi;
	store(p, WOKEN(c), 1);			/* W */
end:	skip
}

/* model: jt_member_admit(); exists: it is a member already */
inline admit(p)
{
	take(L);
	if
	:: mem[MEMBER(p)]
	:: else ->
		store(TAGGER, MEMBER(p), 1);
#ifdef JOINED_EARLY
		atomic { now++; joined[p] = now };
#endif
#ifndef NO_JOIN_BARRIER
		barrier(TAGGER);
#endif
#ifndef JOINED_EARLY
		atomic { now++; joined[p] = now };
#endif
		tagged = true
	fi;
	give(TAGGER, L)
}

/* model: jt_tag_tree(); no more than one of a batch is found at a time */
proctype tagger()
{
	byte p;
	bool tagged, again;

	admit(0);
	do
	:: true ->
		tagged = false;
		again = false;
		p = 1;
		do
		:: p < PROCS ->
			if
			:: !mem[VISIBLE(p)]
			:: mem[VISIBLE(p)] ->
				if
#ifndef NO_NEW
				:: !mem[WOKEN(p)] ->
#ifndef NO_AGAIN
					again = true;
#endif
					reached(WAS_NEW)
				:: mem[WOKEN(p)] ->
#else
				:: true ->
#endif
					if
					:: mem[MEMBER(p)]
					:: else ->
						admit(p);
						reached(BY_SCAN);
						if
						:: p == 2 -> reached(GRANDCHILD)
						:: else
						fi
					fi
				fi
			fi;
			p++
		:: else -> break
		od;
#ifdef ONE_PASS
		break
#else
		if
		:: !tagged && !again -> break
		:: else
		fi
#endif
	od
}

init {
	byte p;

	atomic {
		mem[VISIBLE(0)] = 1;
		mem[WOKEN(0)] = 1;
		run process(0);
		run process(1);
		run tagger()
	}
	/* Who is never born is never woken, and its process never ends. */
	timeout;
	do
	:: p < PROCS -> assert(!mem[VISIBLE(p)] || mem[MEMBER(p)]); p++
	:: else -> break
	od
}
