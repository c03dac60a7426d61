/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The atomic signal's cut: kmod/signal.c, operation.c, birth.c.
 *
 * Bounds. One process that is a member, with THREADS threads that fork; at most
 * PROCS processes, of which every one may fork; OPS operations, with the same
 * signal or with different ones, blocked or not. A fork may fail at any time, and
 * be tried again. With THREADS > 1 or BLOCKED the signals are blocked. L is dropped
 * after every delivery, which allows all that larger batches do. With MOVE there is
 * a sub-job, operations may be for that alone, and any member may be moved into it
 * once. With ENTER the second process is a stranger that forks, too, and enters.
 * Nobody exits.
 *
 * Who holds L takes one step: what others do meanwhile (E, S, R) touches nothing of
 * what it reads.
 *
 * Steps of a fork, as in copy_process():
 *   E  enters its parent's list of forks in flight; the kernel begins anew if a
 *      signal is pending that the thread would take
 *   S  takes the child's start_time
 *   R  leaves the list; what is marked becomes pending in the child
 *   B  the birth probe
 * of an operation:
 *   T  takes its number
 *   D  delivers to a member and marks the forks in flight
 *
 * Asserted, for every operation and every process, when all is over:
 *   - who was a member in its scope at T was signalled once;
 *   - a child that was born after T was signalled once if its parent was to be,
 *     and had not been at E; otherwise not at all;
 *   - the oracle of the tests: with one thread and nothing blocked, the handler
 *     has run or will run once in the life of each process, counting what it
 *     inherited by its memory.
 * The clock is as fine as the order of events: S and D are compared by place in
 * the parent's log, and D is one step under the parent's siglock.
 */
#include "common.h"

#ifndef PROCS
#define PROCS	3
#endif
#ifndef THREADS
#define THREADS	1
#endif
#ifndef OPS
#define OPS	2
#endif
#ifndef LOG		/* JT_LOG_SIZE */
#define LOG	OPS
#endif
#ifndef STACKS		/* JT_LOG_STACKS */
#define STACKS	THREADS
#endif

#define TASKS	(THREADS + PROCS - 1)	/* the first process's threads, then one for each */
#define process_of(task)	((task) < THREADS -> 0 : (task) - THREADS + 1)
#define main_thread(process)	((process) == 0 -> 0 : (process) + THREADS - 1)
#define NONE	255

/* Branches that must be reached, see common.h */
#define BY_MARK		1	/* a mark travelled */
#define BY_LOG		2
#define BY_ORDER	3
#define BY_WALK		4	/* a child was reached by the walk itself */
#define AFTER		5	/* a fork that began after its parent was reached */
#define RESTARTED	6
#define OVERFLOW	7	/* more marks than an entry can tell */
#define MOVED		8	/* into an operation's scope while it was under way */
#define ENTERED		9	/* while an operation was under way */
#define CHILD_OF_CHILD	10	/* by order or log */
#define DECIDED_BY_BIT	11

typedef Entry {
	byte op;		/* for its signal */
	byte stacks;		/* a set of tasks */
	byte marked
};

typedef Process {
	/* the kernel's */
	byte pending;		/* operations, for their signals */
	byte handled;		/* memory: operations whose handler has run */
	/* struct jt_member */
	bool member;
	bool sub;		/* its job is the sub-job */
	byte seen;
	Entry log[LOG];
	byte logged;
	/* ghosts: sets of operations */
	byte due;		/* that are to signal it */
	byte got;		/* that have */
	byte inherited		/* whose handler had run in its parent's memory */
};

typedef Fork {			/* a fork in flight of a task, on its stack */
	bool listed;		/* in signal->multiprocess */
	byte signals		/* multiprocess_signals.signal: operations */
};

Process proc[PROCS];
Fork fork[TASKS];
byte used = 1;			/* processes that there are or were */
byte budget = PROCS - 1;	/* forks that may yet begin */

bool signal_mutex;
byte order[PROCS];		/* tree->members, in joining order */
byte members;
byte number;
byte op = NONE;			/* tree->op */

bool same;			/* all operations send the same signal */
bool blocked;			/* which nobody takes */
byte sub_only;			/* operations for the sub-job alone */
bool inexact;			/* JT_INEXACT was counted: the log was too short */

#define covers(k, sub_)	(!has(sub_only, k) || (sub_))

/* D, in one siglock: kill_pid(), and in it the probe. model: jt_deliver() */
inline deliver(m, k)
{
	d_step {
		assert(!has(proc[m].got, k));		/* once */
		printf("D: operation %d, process %d\n", k, m);
		proc[m].got = proc[m].got | bit(k);
		proc[m].pending = proc[m].pending | bit(k);

		e = proc[m].logged % LOG;
		proc[m].log[e].op = k;
		proc[m].log[e].stacks = 0;
		proc[m].log[e].marked = 0;
#ifndef NO_MARK
		i = 0;
		do
		:: i < TASKS && process_of(i) == m && fork[i].listed ->
			fork[i].signals = fork[i].signals | bit(k);
			printf("   marks the fork of task %d\n", i);
			if
			:: proc[m].log[e].marked < STACKS ->
				proc[m].log[e].stacks = proc[m].log[e].stacks | bit(i)
			:: else
			fi;
			proc[m].log[e].marked++;
			i++
		:: i < TASKS && !(process_of(i) == m && fork[i].listed) -> i++
		:: i == TASKS -> break
		od;
#endif
		proc[m].logged++;
		i = 0;
		e = 0
	}
}

/* A process becomes a member, at the end of the order. Under L. */
inline insert(m)
{
	d_step {
		proc[m].member = true;
		proc[m].seen = number;
		order[members] = m;
		members++
	}
}

/* Is the signal of operation k pending in c? */
#define is_pending(c, k)	(has(proc[c].pending, k) || (same && proc[c].pending))

/*
 * Did the mark of entry e of the parent's log travel with this fork?
 * model: jt_mark_travelled()
 */
#ifdef NO_STACK
#define mark_is_on(p, e, task)	false
#else
#define mark_is_on(p, e, task)	has(proc[p].log[e].stacks, task)
#endif

/* model: jt_replay_log(), R < D < B */
inline replay_log(p, c, task)
{
#ifndef NO_LOG
	a = (proc[p].logged > LOG -> proc[p].logged - LOG : 0);
	if
#ifndef NO_COUNT
	:: a > 0 && a >= since -> inexact = true
#endif
	:: else
	fi;
	do
	:: a < proc[p].logged ->
		x = a % LOG;
		k = proc[p].log[x].op;
		if
#ifndef NO_TIME
		:: a < since		/* entry->time < start_time */
#endif
		:: a >= since && mark_is_on(p, x, task)
		:: a >= since && !mark_is_on(p, x, task) && proc[p].log[x].marked > STACKS &&
		   is_pending(c, k) ->
			/* From the mark or, which merges, from an equal signal. */
			proc[c].got = proc[c].got | bit(k);
			reached(DECIDED_BY_BIT)
		:: else ->
			if	/* exact all the same, as no SIGCONT takes it off */
			:: proc[p].log[x].marked > STACKS -> reached(OVERFLOW)
			:: else
			fi;
			deliver(c, k);
			reached(BY_LOG)
		fi;
		a++
	:: else -> break
	od;
	a = 0; x = 0; k = 0
#else
	skip
#endif
}

/* model: jt_keep_order(), B < D */
inline keep_order(p, c)
{
#ifndef NO_ORDER
	if
	:: op != NONE && covers(op, proc[c].sub) && proc[p].seen < number ->
		deliver(c, op);
		reached(BY_ORDER);
		if
		:: p > 0 -> reached(CHILD_OF_CHILD)
		:: else
		fi
	:: else
	fi
#else
	skip
#endif
}

proctype thread(byte task)
{
	byte p = process_of(task);
	byte c;			/* the child */
	byte had;		/* ghost: what the parent was sent before E */
	byte memory;
	byte since;		/* the parent's log, at start_time */
	byte i, e, a, x, k;

again:	if
	:: d_step { !blocked && proc[p].pending ->
		/* the handler runs; sent signals that are equal have merged */
		proc[p].handled = proc[p].handled | proc[p].pending;
		proc[p].pending = 0 }
		goto again
	:: atomic { budget > 0 ->
		/* E */
		printf("E: task %d of process %d\n", task, p);
		budget--;
		fork[task].listed = true;
		fork[task].signals = 0;
		had = proc[p].got;
		if
#ifndef NO_RESTART
		:: !blocked && proc[p].pending -> goto restart
#endif
		:: else
		fi }
	:: goto end
	fi;

	memory = proc[p].handled;	/* copy_mm() */
	atomic {
		printf("S: task %d\n", task);
		since = proc[p].logged
	}
	if
	:: goto fail
	:: atomic { true ->
		/* R */
		printf("R: task %d, makes process %d\n", task, used);
		c = used;
		used++;
		fork[task].listed = false;
		proc[c].pending = fork[task].signals;
		proc[c].got = fork[task].signals;
		proc[c].handled = memory;
		proc[c].inherited = memory;
		memory = 0;
		if
		:: fork[task].signals -> fork[task].signals = 0; reached(BY_MARK)
		:: else
		fi }
	fi;

	atomic {
		/* B */
		printf("B: task %d, process %d\n", task, c);
		if
		:: proc[p].member ->
			insert(c);
			proc[c].sub = proc[p].sub;
			proc[c].due = proc[p].due & ~had;
			if
			:: proc[p].due & had -> reached(AFTER)
			:: else
			fi;
			replay_log(p, c, task);
			keep_order(p, c)
		:: else
		fi;
		had = 0;
		since = 0;
		run thread(main_thread(c));
		c = 0
	}
	goto again;

#ifndef NO_RESTART
restart:
	reached(RESTARTED);
#endif
fail:	atomic {
		fork[task].listed = false;
		fork[task].signals = 0;
		budget++;
		had = 0;
		memory = 0;
		since = 0
	}
	goto again;
end:	skip
}

/* model: jt_signal_job() */
proctype operation(byte self)
{
	byte next, stop, m, i, e;

	lock(signal_mutex);
	d_step {
		printf("T: operation %d\n", self);
		number++;
		op = self;
		stop = members;
		i = 0;
		do
		:: i < members ->
			if
			:: covers(self, proc[order[i]].sub) ->
				proc[order[i]].due = proc[order[i]].due | bit(self)
			:: else
			fi;
			i++
		:: else -> break
		od;
		i = 0
	}
	do
	:: atomic { next < stop ->
		m = order[next];
		next++;
		if
		:: covers(self, proc[m].sub) && proc[m].seen < number ->
			deliver(m, self);
			proc[m].seen = number;
			if
			:: m > 0 -> reached(BY_WALK)
			:: else
			fi
		:: else
		fi }
	:: else -> break
	od;
	op = NONE;
	unlock(signal_mutex)
}

#ifdef MOVE
/* model: jt_member_move() */
proctype mover()
{
	byte m;

	atomic {
		if
		:: m = order[0]
		:: m = order[members - 1]
		fi;
		printf("process %d is moved\n", m);
#ifndef NO_NEWCOMER
		if
		:: op != NONE && !covers(op, proc[m].sub) ->
			proc[m].seen = number;
			reached(MOVED)
		:: else
		fi;
#endif
		proc[m].sub = true
	}
}
#endif

#ifdef ENTER
/* model: jt_member_admit() */
proctype enter()
{
	atomic {
		printf("process 1 enters\n");
		insert(1);
		if
		:: op != NONE -> reached(ENTERED)
		:: else
		fi
	}
}
#endif

init {
	byte i;

	atomic {
#if STACKS < THREADS
		if
		:: same = true
		:: same = false
		fi;
#endif
		if
		:: blocked = true
#if THREADS == 1 && !defined(BLOCKED)
		:: blocked = false
#endif
		fi;
		insert(0);
		do
		:: i < THREADS -> run thread(i); i++
		:: else -> break
		od;
		i = 0;
#ifdef ENTER
		used++;
		budget--;
		run thread(main_thread(1));
		run enter();
#endif
#ifdef MOVE
		if
		:: sub_only = 1
		:: sub_only = 2
		:: sub_only = 0
		fi;
		run mover();
#endif
		do
		:: i < OPS -> run operation(i); i++
		:: else -> break
		od;
		i = 0
	}
	_nr_pr == 1;
	do
	:: i < used ->
		assert(inexact || !proc[i].member || proc[i].got == proc[i].due);
#if THREADS == 1 && !defined(MOVE) && !defined(ENTER)
		assert(inexact || blocked || (proc[i].got ^ proc[i].inherited) == bit(OPS) - 1);
#endif
		i++
	:: else -> break
	od
}
