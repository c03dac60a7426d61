/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Births, exits and signals as a job's processes wrote them down, and whether
 * P4's cut explains them.
 *
 * Everybody appends to one log, so of two events the one that was over before
 * the other began has the lower position. An event also has the position that its
 * writer read before its last system call: on the way out of that it took what
 * signals it had. So who has an event since position S was still there at S, and
 * had taken by then whatever had been generated for it.
 *
 * For one operation a process was either born *beyond* the cut, of a parent that
 * had been reached before it began that fork, and is not signalled; or it was not,
 * and is signalled once. What the log says is a set of facts and implications:
 *
 *   beyond:      its fork began after the operation was over, or its memory is
 *                its parent's after the parent's handler; or it saw the operation
 *                through without being signalled
 *   not beyond:  it ran before the operation began, or it was signalled
 *   implied:     the child of one beyond is beyond; and if its parent takes
 *                its signals in the thread that forks, then a child without the
 *                handler's trace in its memory is beyond only if its parent is
 *
 * There is a cut that explains the log exactly if nobody turns out to be both.
 */
#ifndef JOBTRACK_TEST_REPLAY_H
#define JOBTRACK_TEST_REPLAY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * @who and @other are names that no two processes share, as PIDs are; a child's is
 * higher than its parent's and nobody's is 0.
 */
enum replay_kind {
	REPLAY_NONE,		/* whoever meant to write it was killed meanwhile */
	REPLAY_JOIN,		/* @who is a member; not by birth */
	REPLAY_FORK,		/* @who is about to fork @other */
	REPLAY_FAIL,		/* ... and there is no @other */
	REPLAY_BORN,		/* @who runs, child of @other */
	REPLAY_GOT,		/* @who's handler runs for operation @other */
	REPLAY_EXIT,		/* @who is about to exit */
	REPLAY_BEGIN,		/* operation @who, of the sort @other, is about to begin */
	REPLAY_END,		/* ... and is over */
};

enum replay_sort {
	REPLAY_COUNTED,		/* handlers tell */
	REPLAY_SILENCING,	/* nobody acts until the next one that rouses, if any */
	REPLAY_ROUSING,		/* counted, and ends a silence */
};

#define REPLAY_BLURRED	UINT32_MAX	/* of @memory: it cannot tell */

/**
 * struct replay_event - an event; its position is its place in the log
 * @kind: what happened
 * @deaf: of BORN, its parent blocked signals when it forked
 * @who: see enum replay_kind
 * @other: likewise
 * @since: the position that was read before the last system call
 * @memory: of BORN, the position of the last GOT that its memory, a copy of its
 *	parent's, knows of; REPLAY_BLURRED where another thread than the one that
 *	forked took the signals
 * @pid: of BORN
 */
struct replay_event {
	uint16_t kind, deaf;
	uint32_t who, other;
	uint32_t since;
	uint32_t memory;
	int32_t pid;
};

/**
 * struct replay_verdict - what is wrong with a log
 * @what: a sentence's predicate, NULL if nothing is
 * @who: of whom it is said
 * @operation: which operation it is about
 * @at: the event that shows it, or 0
 * @checked: pairs of a process and an operation that were looked at
 * @signalled: of these, in how many it was signalled, ...
 * @beyond: ... and in how many it was known to be beyond the cut
 */
struct replay_verdict {
	const char *what;
	uint32_t who, operation, at;
	uint64_t checked, signalled, beyond;
};

/* What is known of a process: first whatever the operation, then of one */
struct replay_life {
	uint32_t parent;	/* 0: it has none in the log */
	uint32_t forked;	/* position of its parent's FORK, or of JOIN */
	uint32_t born;		/* position, UINT32_MAX if it was not seen to run */
	uint32_t memory;
	uint32_t through;	/* EXIT's @since */
	bool member, failed;
	bool exact;		/* its memory tells all that its parent had taken */

	uint32_t got, got_at;	/* how often, and where the first time */
	bool beyond;
};

struct replay_operation {
	uint32_t name, sort, begin, end;
};

static inline bool replay_says(struct replay_verdict *v, const char *what, uint32_t who,
			       uint32_t at)
{
	v->what = what;
	v->who = who;
	v->at = at;
	return false;
}

/* The lives by name; NULL if the log makes no sense, which @v then says. */
static inline struct replay_life *replay_lives(const struct replay_event *log, uint32_t n,
					       uint32_t lives, struct replay_verdict *v)
{
	struct replay_life *life = calloc(lives + 1, sizeof(*life));

	for (uint32_t i = 0; i <= lives; i++) {
		life[i].born = UINT32_MAX;
		life[i].memory = REPLAY_BLURRED;
	}
	for (uint32_t i = 0; i < n; i++) {
		const struct replay_event *e = &log[i];
		struct replay_life *l;

		if (e->kind == REPLAY_NONE || e->kind == REPLAY_BEGIN || e->kind == REPLAY_END)
			continue;
		if (!e->who || e->who > lives ||
		    ((e->kind == REPLAY_FORK || e->kind == REPLAY_FAIL) &&
		     (e->other <= e->who || e->other > lives))) {
			replay_says(v, "has a name that cannot be", e->who, i);
			free(life);
			return NULL;
		}
		l = &life[e->who];
		switch (e->kind) {
		case REPLAY_JOIN:
			l->member = true;
			l->forked = i;
			l->born = i;
			break;
		case REPLAY_FORK:
			life[e->other].parent = e->who;
			life[e->other].forked = i;
			life[e->other].member = l->member;
			break;
		case REPLAY_FAIL:
			life[e->other].failed = true;
			break;
		case REPLAY_BORN:
			if (l->born < i)	/* its handler has said it already */
				break;
			l->born = i;
			l->memory = e->memory;
			l->exact = e->memory != REPLAY_BLURRED && !e->deaf;
			break;
		case REPLAY_EXIT:
			l->through = e->since;
			break;
		}
	}
	return life;
}

/* Who took the operation's signal */
static inline bool replay_count(const struct replay_event *log, uint32_t n,
				const struct replay_operation *op, struct replay_life *life,
				uint32_t lives, struct replay_verdict *v)
{
	for (uint32_t i = 1; i <= lives; i++)
		life[i].got = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct replay_life *l = &life[log[i].who];

		if (log[i].kind != REPLAY_GOT || log[i].other != op->name)
			continue;
		if (!l->member)
			return replay_says(v, "was signalled, and is no member", log[i].who, i);
		if (i < op->begin)
			return replay_says(v, "was signalled before it began", log[i].who, i);
		if (l->got++)
			return replay_says(v, "was signalled twice", log[i].who, i);
		l->got_at = i;
	}
	return true;
}

/* Does the child's memory show that its parent's handler had run? */
static inline bool replay_inherits(const struct replay_life *child,
				   const struct replay_life *parent)
{
	return child->memory != REPLAY_BLURRED && parent->got && parent->got_at <= child->memory;
}

static inline bool replay_counted(const struct replay_operation *op, struct replay_life *life,
				  uint32_t lives, struct replay_verdict *v)
{
	/* facts that say "beyond" */
	for (uint32_t i = 1; i <= lives; i++) {
		struct replay_life *l = &life[i];

		l->beyond = l->member && !l->failed &&
			(l->forked > op->end || replay_inherits(l, &life[l->parent]) ||
			 (l->through > op->end && !l->got));
	}
	/* implications: from the youngest up, then from the oldest down */
	for (uint32_t i = lives; i; i--)
		if (life[i].beyond && life[i].parent && life[i].exact &&
		    !replay_inherits(&life[i], &life[life[i].parent]))
			life[life[i].parent].beyond = true;
	for (uint32_t i = 1; i <= lives; i++)
		if (life[i].parent && life[life[i].parent].beyond && !life[i].failed)
			life[i].beyond = true;

	/* facts that say "not beyond" */
	for (uint32_t i = 1; i <= lives; i++) {
		struct replay_life *l = &life[i];

		if (!l->member || l->failed)
			continue;
		v->checked++;
		v->signalled += l->got;
		v->beyond += l->beyond;
		if (l->beyond && l->born < op->begin)
			return replay_says(v, "or what it forked before was not signalled",
					   i, l->born);
		if (l->beyond && l->got)
			return replay_says(v, "was signalled, and is beyond the cut", i, l->got_at);
	}
	return true;
}

/* From the operation's end to the next that rouses, nobody comes out of the kernel. */
static inline bool replay_silent(const struct replay_event *log, uint32_t n,
				 const struct replay_operation *op,
				 const struct replay_life *life, struct replay_verdict *v)
{
	for (uint32_t i = op->end + 1; i < n; i++) {
		const struct replay_event *e = &log[i];

		if (e->kind == REPLAY_BEGIN && e->other == REPLAY_ROUSING)
			break;
		if (e->kind == REPLAY_NONE || e->kind == REPLAY_BEGIN || e->kind == REPLAY_END)
			continue;
		v->checked++;
		if (life[e->who].member && e->since > op->end)
			return replay_says(v, "acted in the silence", e->who, i);
	}
	return true;
}

/*
 * Is there for each operation a cut that explains the log of @n events, in which
 * @lives is the highest name?
 */
static inline bool replay(const struct replay_event *log, uint32_t n, uint32_t lives,
			  struct replay_verdict *v)
{
	struct replay_operation op;
	struct replay_life *life;
	bool ok = true;

	memset(v, 0, sizeof(*v));
	life = replay_lives(log, n, lives, v);
	if (!life)
		return false;
	for (uint32_t i = 0; ok && i < n; i++) {
		if (log[i].kind != REPLAY_BEGIN)
			continue;
		op = (struct replay_operation) {
			.name = log[i].who, .sort = log[i].other, .begin = i, .end = i,
		};
		while (op.end < n &&
		       !(log[op.end].kind == REPLAY_END && log[op.end].who == op.name))
			op.end++;
		v->operation = op.name;
		if (op.end == n)
			ok = replay_says(v, "did not end", 0, i);
		else if (op.sort == REPLAY_SILENCING)
			ok = replay_silent(log, n, &op, life, v);
		else
			ok = replay_count(log, n, &op, life, lives, v) &&
				replay_counted(&op, life, lives, v);
	}
	free(life);
	return ok;
}

/* What the log has on a process and its forebears, for whoever looks into a failure */
static inline void replay_print(const struct replay_event *log, uint32_t n,
				const struct replay_verdict *v)
{
	static const char *const kinds[] = {
		"none", "join", "fork", "fail", "born", "got", "exit", "begin", "end",
	};
	uint32_t who = v->who, parent;

	fprintf(stderr, "# operation %u, event %u: process %u %s\n", v->operation, v->at, v->who,
		v->what ?: "is as it should be");
	for (int forebears = 0; who && forebears < 4; forebears++, who = parent) {
		parent = 0;
		for (uint32_t i = 0; i < n; i++) {
			const struct replay_event *e = &log[i];
			bool operation = e->kind == REPLAY_BEGIN || e->kind == REPLAY_END;

			if (operation ? e->who != v->operation :
			    e->who != who && !(e->kind == REPLAY_FORK && e->other == who))
				continue;
			if (e->kind == REPLAY_FORK && e->other == who)
				parent = e->who;
			fprintf(stderr, "#  %u: %s %u %u since %u memory %d pid %d\n", i,
				kinds[e->kind], e->who, e->other, e->since, (int)e->memory, e->pid);
		}
		fprintf(stderr, "#  -- forked by %u\n", parent);
	}
}

#endif /* JOBTRACK_TEST_REPLAY_H */
