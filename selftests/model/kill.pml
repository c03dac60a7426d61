/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SIGKILL of a job: condemning it, kmod/operation.c, signal.c, member.c.
 *
 * Bounds. A job with a sub-job; two members of the job and a stranger, all of
 * which fork, as do their children, up to PROCS processes; one SIGKILL, of the
 * job or of the sub-job; the stranger enters the job or the sub-job; one member
 * is moved from the job into the sub-job. L is dropped after every delivery. E, R,
 * B as in cut.pml: at R the kernel looks for a fatal signal.
 *
 * Asserted:
 *   - once the call has returned, no process of the condemned job runs an
 *     instruction of user space, and none gets into the job;
 *   - a process that is not in it is not killed.
 */
#include "common.h"

#ifndef PROCS
#define PROCS	5
#endif

/* Branches that must be reached, see common.h */
#define FORK_KILLED	1	/* by the kernel, at R */
#define BY_CONDEMNED	2	/* at birth */
#define BY_WALK		3	/* a child, by the walk */
#define REFUSED		4	/* the stranger */
#define NOT_MOVED	5
#define BORN_OF_KILLED	6	/* with NO_FATAL */

#define STRANGER	2

typedef Process {
	bool killed;		/* SIGKILL is pending, for ever */
	bool member;
	bool sub
};

Process proc[PROCS];
byte used = 3;
byte budget = PROCS - 3;
bool L;
byte order[PROCS];		/* tree->members, in joining order */
byte members;
bool kill_sub;			/* only the sub-job is killed */
bool condemned;
bool done;			/* the call has returned */

#define covered(m)	(proc[m].member && (!kill_sub || proc[m].sub))

/* model: jt_deliver() */
#define deliver(m)	d_step {					\
	printf("process %d is killed\n", m);				\
	proc[m].killed = true						\
}

inline insert(m)
{
	d_step {
		proc[m].member = true;
		order[members] = m;
		members++
	}
}

proctype process(byte p)
{
	byte c;

	/* Each round begins with an instruction of user space. */
	do
	:: atomic { proc[p].killed -> break }
	:: atomic { !proc[p].killed ->
		assert(!(done && covered(p)));
		if
		:: budget > 0 -> budget--		/* E */
		:: break
		fi
	   }
	   if
#ifndef NO_FATAL
	   :: atomic { proc[p].killed ->		/* R, or rather not */
		budget++;
		reached(FORK_KILLED);
		break
	      }
	   :: atomic { !proc[p].killed ->
#else
	   :: atomic { true ->
		if
		:: proc[p].killed -> reached(BORN_OF_KILLED)
		:: else
		fi;
#endif
		/* R */
		c = used;
		used++;
		printf("R: process %d makes process %d\n", p, c)
	      }
	   fi;
	   /* B */
	   if
	   :: proc[p].member ->
		lock(L);
		proc[c].sub = proc[p].sub;
		insert(c);
#ifndef NO_CONDEMN
		if
		:: condemned && covered(c) -> deliver(c); reached(BY_CONDEMNED)
		:: else
		fi;
#endif
		unlock(L)
	   :: !proc[p].member
	   fi;
	   run process(c);
	   c = 0
	od
}

/* model: jt_kill_job() */
proctype killer()
{
	byte next, end;

	lock(L);
#ifndef CONDEMN_LAST
	condemned = true;
#endif
	end = members;
	unlock(L);		/* if there is a batch of others before them */
	do
	:: next < end ->
		lock(L);
		atomic {
			if
			:: covered(order[next]) ->
				deliver(order[next]);
				if
				:: order[next] > STRANGER -> reached(BY_WALK)
				:: else
				fi
			:: else
			fi;
			next++
		}
		unlock(L)
	:: else -> break
	od;
	condemned = true;
	done = true
}

/* model: jt_member_admit() */
proctype enter()
{
	bool sub;

	if
	:: sub = true
	:: sub = false
	fi;
	lock(L);
	if
#ifndef NO_REFUSE
	:: condemned && (!kill_sub || sub) -> reached(REFUSED)
#endif
	:: else ->
		proc[STRANGER].sub = sub;
		insert(STRANGER)
	fi;
	unlock(L)
}

/* model: jt_member_move() */
proctype mover()
{
	lock(L);
	if
#ifndef NO_REFUSE_MOVE
	:: condemned -> reached(NOT_MOVED)	/* it, or the job above */
#endif
	:: else -> proc[1].sub = true
	fi;
	unlock(L)
}

init {
	byte i;

	atomic {
		if
		:: kill_sub = true; proc[0].sub = true
		:: kill_sub = false
		fi;
		insert(0);
		insert(1);
		run process(0);
		run process(1);
		run process(STRANGER);
		run killer();
		run enter();
		run mover()
	}
	_nr_pr == 1;
	do
	:: i < used -> assert(proc[i].killed == covered(i)); i++
	:: else -> break
	od
}
