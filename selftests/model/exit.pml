/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Joining against exit: kmod/member.c, exit.c. (Against birth: join.pml.)
 *
 * Bounds. A process with two threads, both of which exit; two others put it into
 * a job at any time. Each of the four has a CPU, with store buffers as memory.h
 * says. The kernel's atomic_dec_and_test() is a full barrier.
 *
 * Asserted when both threads have exited: the process is either not in the table
 * or leaving, so that the sweep takes it out: nobody is a member for ever. It
 * begins to leave only once, and who was told that it had joined is right.
 */
#define CPUS	4		/* two threads, two who join it */

/* Words of memory */
#define LIVE		0	/* signal->live */
#define MEMBER		1	/* in the table */
#define L		2
#define WORDS		3

#include "common.h"
#include "memory.h"

/* Branches that must be reached, see common.h */
#define LEFT		1	/* the exit probe found the member */
#define DYING		2	/* the joining side saw the exit */
#define MISSED		3	/* the exit probe looked before there was a member */
#define BOTH_LAST	4	/* both threads saw that none is live */

mtype = { NOT, LIVING, LEAVING, GONE };
mtype state = NOT;		/* under L */
byte last;

proctype thread(byte cpu)
{
	/* do_exit(): atomic_dec_and_test() */
	atomic { empty(buffer[cpu]) -> mem[LIVE] = mem[LIVE] - 1 }
	/* model: jt_exit() */
	if
	:: mem[LIVE] > 0 -> goto end
	:: mem[LIVE] == 0
	fi;
	atomic {
		last++;
		if
		:: last == 2 -> reached(BOTH_LAST)
		:: else
		fi
	}
	if
	:: !mem[MEMBER] -> reached(MISSED)
	:: mem[MEMBER] ->
		take(L);
		if
		:: state == LIVING -> state = LEAVING; reached(LEFT)
		:: else
		fi;
		give(cpu, L)
	fi;
end:	skip
}

/* model: jt_member_admit() */
proctype join(byte cpu)
{
	take(L);
	if
	:: mem[MEMBER]		/* -EEXIST */
	:: else ->
		state = LIVING;
		store(cpu, MEMBER, 1);
#ifndef NO_JOIN_BARRIER
		barrier(cpu);
#endif
#ifndef NO_LOOK
		if
		:: mem[LIVE] == 0 ->
			state = GONE;
			store(cpu, MEMBER, 0);
			reached(DYING)
		:: mem[LIVE] > 0
		fi
#endif
	fi;
	give(cpu, L)
}

init {
	atomic {
		mem[LIVE] = 2;
		run thread(0);
		run thread(1);
		run join(2);
		run join(3)
	}
	timeout;
	assert(!mem[L] && !mem[LIVE]);
	assert(mem[MEMBER] == (state == LEAVING))
}
