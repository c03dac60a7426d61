/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A job's stop against SIGCONT, an outsider's above all: kmod/signal.c.
 *
 * Bounds. One member that ignores SIGCONT or not, with THREADS threads, each of
 * which forks once; the children don't fork. Operations OPS: the first is a stop;
 * with OPS == 2 there is a second, and one of the two is a SIGCONT, in either order.
 * With OUTSIDER somebody who is not of the job sends SIGCONT with kill(2) once: to
 * the process group, whose members the kernel visits in any order; to the parent;
 * or to a child as soon as it is visible; with NEIGHBOUR, two of them to a child each.
 * With SLOTS=1 all newborns share a slot of jt_conts.
 *
 * S is compared by place in the parent's log, other times by a clock as fine as the
 * order of events. A process is `stopped` if it has stopped or will as soon as it
 * runs: the kernel takes care of what lies between. E, S, R, B, D as in cut.pml. A
 * thread that has a stop to take begins no fork: that is the kernel's check at E.
 *
 * Asserted when all is over, unless JT_INEXACT was counted:
 *   - whom the outsider's SIGCONT was for, and whose stop came before the
 *     outsider's call began, is not stopped. The stop of a child that was in flight
 *     or not recorded yet when its parent was reached came then;
 *   - whose stop came after the call had ended, or whom it was not for, is stopped;
 *   - with two operations: the last one that was for a process has its way.
 * The outsider whose SIGCONT was lost now and then, before there was jt_conts, is
 * seen with NO_SLOT: R; the operation reaches the parent, which logs the stop; the
 * group's SIGCONT reaches the child first, which is no member yet; B delivers the
 * stop; SIGCONT reaches the parent, too late for the child.
 *
 * Not asserted: what becomes of a newborn if SIGCONT is sent to its parent alone
 * while it is being born. The probe cannot tell kill(2) of a process from kill(2)
 * of its group.
 */
#include "common.h"

#ifndef THREADS
#define THREADS	1
#endif
#ifndef OPS
#define OPS	1
#endif
#define LOG	2

#define PROCS	(THREADS + 1)	/* the child of task t is t + 1 */
#ifndef SLOTS
#define SLOTS	THREADS
#endif
#define slot_of(c)	(((c) - 1) % SLOTS)
#define NONE	255

/* Branches that must be reached, see common.h */
#define BY_MARK		1	/* a mark of a stop travelled */
#define BY_LOG		2	/* the log delivered a stop */
#define BY_ORDER	3
#define BY_SLOT		4	/* a newborn's SIGCONT was found noted in its slot */
#define UNMARKED	5	/* the probe took a stop off a fork in flight */
#define CONT_AGAIN	6	/* SIGCONT came between the look and the delivery */
#define BY_RECORD	7	/* ... to the newborn, which is a member by then */
#define COLLISION	8	/* two newborns in one slot */

mtype = { STOP, CONT };

typedef Entry {
	mtype sig;
	byte time;
	byte stacks		/* a set of tasks */
};

typedef Process {
	/* the kernel's */
	bool siglock;
	bool visible;
	bool woken;		/* not TASK_NEW any more */
	bool stopped;
	bool continued;		/* SIGCONT is pending */
	/* struct jt_member */
	bool member;
	byte seen;
	byte last_cont;
	Entry log[LOG];
	byte logged;
	/* ghosts, of the operations that are for it */
	bool due;
	mtype last;		/* the last one's signal */
	bool before;		/* the stop came before the outsider's call began */
	bool after;		/* ... after it had ended */
	bool target;		/* of the outsider's */
	bool unclear		/* see above */
};

typedef Fork {			/* of a task, in flight */
	bool begun;		/* between E and B */
	bool listed;		/* between E and R */
	bool stop;		/* marked */
	bool cont
};

typedef Slot {
	byte owner;
	byte time
};

Process proc[PROCS];
Fork fork[THREADS];
Slot slot[SLOTS];		/* jt_conts */
byte now;			/* ktime_get_ns() */

bool L, signal_mutex, tasklist;
bool ignored;			/* SIGCONT, by all: children inherit that */
byte number;
byte op = NONE;			/* tree->op */
mtype sig[OPS];
bool inexact;
#define ALL	(bit(PROCS) - 1)
byte begun, ended;		/* outsiders' calls: for which processes */

/* A ghost: the operation under way is for process m, from here on. */
#define counts_for(m, s)						\
	proc[m].due = true;						\
	proc[m].last = s;						\
	proc[m].before = !has(begun, m);				\
	proc[m].after = has(ended, m)

/* A stop and a SIGCONT cancel each other, as in prepare_signal(). */
#ifdef NO_CANCEL
#define mark(f, s)							\
	f.stop = f.stop || s == STOP;					\
	f.cont = f.cont || s == CONT
#else
#define mark(f, s)							\
	f.stop = (s == STOP);						\
	f.cont = (s == CONT)
#endif

/* The log has a stop that marked the fork. */
#define stop_marked(m, task)						\
	(proc[m].log[0].sig == STOP && has(proc[m].log[0].stacks, task) || \
	 proc[m].log[1].sig == STOP && has(proc[m].log[1].stacks, task))

/*
 * The kernel's part of SIGCONT, up to the probe: prepare_signal(), and the forks
 * in flight if the signal is sent to a group, not ignored and not pending already.
 */
inline kernel_cont(m, group)
{
	proc[m].stopped = false;
	if
	:: m == 0 && group && !ignored && !proc[m].continued ->
		i = 0;
		do
		:: i < THREADS ->
			if
			:: fork[i].listed -> mark(fork[i], CONT)
			:: else
			fi;
			i++
		:: else -> break
		od;
		i = 0
	:: else
	fi;
	proc[m].continued = !ignored
}

/* model: jt_note_cont(), for a member */
inline note_cont(m)
{
	now++;
	proc[m].last_cont = now;
#ifndef NO_UNMARK
	if
	:: m == 0 ->
		i = 0;
		do
		:: i < THREADS ->
			if
			:: fork[i].listed && fork[i].stop && stop_marked(0, i) ->
				fork[i].stop = false;
				reached(UNMARKED)
			:: else
			fi;
			i++
		:: else -> break
		od;
		i = 0
	:: else
	fi
#endif
}

/*
 * D: kill_pid() and the probe; first: not for what the parent was sent.
 * model: jt_deliver(), jt_mark_forks()
 */
inline deliver(m, s, first)
{
	atomic { !proc[m].siglock ->
		printf("D: %e to process %d\n", s, m);
		if
		:: first -> counts_for(m, s)
		:: else
		fi;
		if
		:: s == STOP -> proc[m].stopped = true; proc[m].continued = false
		:: else ->
			kernel_cont(m, false);
			if
#ifdef NOTE_OWN
			:: true -> note_cont(m)
#else
			:: proc[m].woken -> note_cont(m)
			:: else		/* from the log: older than what follows there */
#endif
			fi
		fi;
		now++;
		e = proc[m].logged;
		proc[m].log[e].sig = s;
		proc[m].log[e].time = now;
		do
		:: m == 0 && i < THREADS ->
			if
			:: fork[i].begun -> counts_for(i + 1, s)
			:: else
			fi;
			if
			:: fork[i].listed ->
				printf("   marks the fork of task %d\n", i);
				proc[0].log[e].stacks = proc[0].log[e].stacks | bit(i);
				mark(fork[i], s)
			:: else
			fi;
			i++
		:: else -> break
		od;
		proc[m].logged++;
		i = 0;
		e = 0
	}
}

/* model: jt_newborn_continued() */
inline newborn_continued(c, since, yes)
{
	atomic {
		if
		:: proc[c].last_cont > since -> yes = true; reached(BY_RECORD)
		:: else ->
			if
			:: slot[slot_of(c)].time < since -> yes = false
			:: slot[slot_of(c)].time >= since && slot[slot_of(c)].owner == c ->
				yes = true;
				reached(BY_SLOT)
			:: else ->
				inexact = true;
				yes = false;
				reached(COLLISION)
			fi
		fi
	}
}

/* model: jt_deliver_stop() */
inline deliver_stop(c, since)
{
#ifdef NO_CONT
	deliver(c, STOP, false)
#else
	newborn_continued(c, since, yes);
	if
	:: yes || proc[0].last_cont > since
	:: else ->
		deliver(c, STOP, false);
		reached(BY_LOG);
#ifndef NO_SECOND_LOOK
		newborn_continued(c, since, yes);
		if
		:: yes -> deliver(c, CONT, false); reached(CONT_AGAIN)
		:: else
		fi
#endif
	fi;
	yes = false
#endif
}

#define mark_travelled(a)	has(proc[0].log[a].stacks, task)

proctype thread(byte task)
{
	byte c = task + 1;
	byte since;		/* the parent's log, at start_time */
	byte i, e, a;
	bool yes;

	if
	:: goto end
	:: atomic { !proc[0].stopped ->
		printf("E: task %d\n", task);
		fork[task].begun = true;
		fork[task].listed = true }
	fi;
	atomic {
		printf("S: task %d\n", task);
		since = proc[0].logged
	}
	atomic { !tasklist ->
		printf("R: task %d, makes process %d\n", task, c);
		fork[task].listed = false;
		proc[c].visible = true;
		proc[c].stopped = fork[task].stop;
		proc[c].continued = fork[task].cont && !ignored;
		if
		:: fork[task].stop -> reached(BY_MARK)
		:: else
		fi
	}

	lock(L);
	d_step {
		printf("B: process %d\n", c);
		proc[c].member = true;
		proc[c].seen = number
	}
	do
	:: a < proc[0].logged ->
		if
		:: a < since || mark_travelled(a)
		:: else ->
			if
			:: proc[0].log[a].sig == STOP -> deliver_stop(c, proc[0].log[a].time)
			:: else -> deliver(c, CONT, false)
			fi
		fi;
		a++
	:: else -> break
	od;
	if
	:: op != NONE && proc[0].seen < number ->
		deliver(c, sig[op], true);
		reached(BY_ORDER)
	:: else
	fi;
	d_step {
		fork[task].begun = false;
		L = false
	}
	proc[c].woken = true;
end:	skip
}

/* model: jt_signal_job() */
proctype operation(byte k)
{
	byte m, members, i, e;

	lock(signal_mutex);
	lock(L);
	d_step {
		printf("T: %e\n", sig[k]);
		number++;
		op = k;
		do
		:: m < PROCS -> members = members | (proc[m].member << m); m++
		:: else -> break
		od;
		m = 0
	}
	unlock(L);
	do
	:: m < PROCS && has(members, m) ->
		lock(L);
		deliver(m, sig[k], true);
		proc[m].seen = number;
		unlock(L);
		m++
	:: m < PROCS && !has(members, m) -> m++
	:: m == PROCS -> break
	od;
	lock(L);
	op = NONE;
	unlock(L);
	unlock(signal_mutex)
}

#if defined(NO_SLOT)
#define fill_slot(m)	skip
#elif !defined(NO_SLOT_LOCK)
#define fill_slot(m)	atomic {					\
	now++;								\
	slot[slot_of(m)].owner = m;					\
	slot[slot_of(m)].time = now					\
}
#else
#define fill_slot(m)							\
	slot[slot_of(m)].owner = m;					\
	atomic { now++; t = now };					\
	slot[slot_of(m)].time = t
#endif

/* kill(2) reaches a process: group_send_sig_info() and in it the probe */
inline send_cont(m, group)
{
	atomic { !proc[m].siglock ->
		printf("the outsider's SIGCONT reaches process %d\n", m);
		proc[m].siglock = true;
		proc[m].target = true;
		do
		:: m == 0 && i < THREADS ->
			if
			:: group && fork[i].listed -> proc[i + 1].target = true
			:: !group && fork[i].begun -> proc[i + 1].unclear = true
			:: else
			fi;
			i++
		:: else -> break
		od;
		i = 0;
		kernel_cont(m, group);
		found = proc[m].member
	}
	if
	:: atomic { found -> note_cont(m) }
	:: !found && !proc[m].woken -> fill_slot(m)
	:: else
	fi;
	atomic {
		found = false;
		proc[m].siglock = false
	}
}

#define to_visit(m)	(proc[m].visible && !has(done, m))

proctype outsider()
{
	byte m, i, done, t;
	bool found;

	if
#ifndef NEIGHBOUR
	/* the group */
	:: atomic { true ->
		tasklist = true;	/* read_lock(): no R meanwhile */
		begun = ALL
	   }
	   do
	   :: atomic {
		if
		:: to_visit(0) -> m = 0
		:: to_visit(1) -> m = 1
#if PROCS > 2
		:: to_visit(2) -> m = 2
#endif
		:: else ->
			ended = ALL;
			tasklist = false;
			break
		fi;
		done = done | bit(m)
	      }
	      send_cont(m, true)
	   od
	/* the parent */
	:: begun = bit(0);
	   send_cont(0, false);
	   ended = ALL
#endif
	/* a child */
	:: atomic { proc[1].visible -> begun = begun | bit(1) }
	   send_cont(1, false);
	   ended = ended | bit(1)
	/* nobody */
	:: true
	fi
}

#ifdef NEIGHBOUR
/* Another, who sends it to the other child. */
proctype neighbour()
{
	byte i, t;
	bool found;

	if
	:: atomic { proc[2].visible -> begun = begun | bit(2) }
	   send_cont(2, false);
	   ended = ended | bit(2)
	:: true
	fi
}
#endif

init {
	byte i;

	atomic {
		if
		:: ignored = true
		:: ignored = false
		fi;
		sig[0] = STOP;
#if OPS == 2
		if
		:: sig[1] = CONT
		:: sig[0] = CONT; sig[1] = STOP
		fi;
#endif
		proc[0].member = true;
		proc[0].visible = true;
		proc[0].woken = true;
		do
		:: i < THREADS -> run thread(i); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < OPS -> run operation(i); i++
		:: else -> break
		od;
		i = 0;
#ifdef OUTSIDER
		run outsider();
#endif
#ifdef NEIGHBOUR
		run neighbour()
#endif
	}
	_nr_pr == 1;
	do
	:: i < PROCS && !inexact ->
#ifdef OUTSIDER
		assert(!(proc[i].target && proc[i].before && proc[i].stopped));
		assert(!(proc[i].due && (proc[i].after || !proc[i].target && !proc[i].unclear)) ||
		       proc[i].stopped);
#else
		assert(!proc[i].due || proc[i].stopped == (proc[i].last == STOP));
#endif
		assert(proc[i].due || !proc[i].stopped);
		i++
	:: else -> break
	od
}
