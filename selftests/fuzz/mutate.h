/* SPDX-License-Identifier: GPL-2.0 */
/*
 * New programs, and changes to old ones.
 */
#ifndef JOBTRACK_FUZZ_MUTATE_H
#define JOBTRACK_FUZZ_MUTATE_H

#include "program.h"

static uint64_t random_state;

static inline uint32_t random_below(uint32_t n)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint64_t)(uint32_t)(random_state >> 32) * n >> 32;
}

static inline bool once_in(uint32_t n)
{
	return random_below(n) == 0;
}

/* By convention, so that a call mostly finds what it wants: devices in the first
 * slots, then jobs, then rows.
 */
static inline uint8_t random_slot(uint8_t kind)
{
	if (kind == ANY || once_in(12))
		return random_below(NR_SLOTS);
	if (kind == DEVICE)
		return once_in(6);
	return kind == JOB ? 2 + random_below(5) : 7 + random_below(3);
}

static inline void random_value(const struct op *op, struct value *v)
{
	const struct field *field = &op->fields[v->field];
	const uint64_t *likely = field->likely;

	v->kind = field->kind;
	switch (field->kind) {
	case PID:
		v->n = once_in(3) ? random_below(COUNT(pids)) : random_below(MAIN + 1);
		return;
	case TIME:
		v->n = random_below(MAIN + 1);
		if (once_in(10))
			*v = (struct value){ NUMBER, v->field, random_below(3) };
		return;
	case LABEL:
		v->n = once_in(4) ? random_below(COUNT(labels)) : random_below(2);
		return;
	case ID:
		v->n = random_slot(JOB);
		if (once_in(10))
			*v = (struct value){ NUMBER, v->field, random_below(100) };
		return;
	}
	v->n = likely ? likely[1 + random_below(likely[0])] : 0;
	if (once_in(20))
		v->n = 1ULL << random_below(64);
	if (field->size < 8)
		v->n &= (1ULL << (8 * field->size)) - 1;
}

static inline int fields_of(const struct op *op)
{
	int n = 0;

	while (n < MAX_FIELDS && op->fields[n].name)
		n++;
	return n;
}

static inline void set_field(struct call *c, uint8_t field)
{
	struct value v = { .field = field };
	int i;

	random_value(&ops[c->op], &v);
	for (i = 0; i < c->n_sets; i++)
		if (c->set[i].field == field)
			break;
	if (i == NR_SETS)
		return;
	c->set[i] = v;
	c->n_sets += i == c->n_sets;
}

/* What a call is seldom right without */
static inline void set_needed(struct call *c)
{
	const struct op *op = &ops[c->op];

	switch (op->cmd) {
	case JOBTRACK_IOC_SIGNAL:
		set_field(c, 0);
		return;
	case JOBTRACK_IOC_CREATE:
		set_field(c, 0);
		if (once_in(2))
			set_field(c, 1);
		return;
	case JOBTRACK_IOC_OPEN:
		set_field(c, once_in(3) ? 4 : 1);
		return;
	case JOBTRACK_IOC_WHICH:
		set_field(c, 3);
		return;
	case JOBTRACK_IOC_TAG:
		set_field(c, 1);
		set_field(c, 2);
		c->set[1].n = c->set[0].kind == TIME ? c->set[0].n : c->set[1].n;
		if (once_in(2))
			set_field(c, 0);
		return;
	case 0:
		for (int i = 0; i < fields_of(op); i++)
			if (!once_in(4))
				set_field(c, i);
	}
}

static inline void random_call(struct call *c)
{
	uint32_t total = 0, at;
	const struct op *op;

	for (size_t i = 0; i < NR_OPS; i++)
		total += ops[i].weight;
	at = random_below(total);
	memset(c, 0, sizeof(*c));
	while (at >= ops[c->op].weight)
		at -= ops[c->op++].weight;
	op = &ops[c->op];
	c->fd = random_slot(op->on);
	c->to = random_slot(op->gives);
	set_needed(c);
	if (once_in(8) && fields_of(op))
		set_field(c, random_below(fields_of(op)));
	if (op->cmd && once_in(10))
		c->place = random_below(COUNT(places));
}

static inline void insert_call(struct thread *t, int at, const struct call *c)
{
	if (t->n_calls == NR_CALLS)
		return;
	memmove(&t->calls[at + 1], &t->calls[at], (t->n_calls - at) * sizeof(*c));
	t->calls[at] = *c;
	t->n_calls++;
}

static inline void remove_call(struct thread *t, int at)
{
	t->n_calls--;
	memmove(&t->calls[at], &t->calls[at + 1], (t->n_calls - at) * sizeof(t->calls[0]));
}

static inline void remove_thread(struct program *p, int at)
{
	p->n_threads--;
	memmove(&p->threads[at], &p->threads[at + 1],
		(p->n_threads - at) * sizeof(p->threads[0]));
}

static inline void random_thread(struct thread *t, bool first)
{
	struct call c = { .op = 0 };
	int n = 2 + random_below(7);

	memset(t, 0, sizeof(*t));
	t->user = once_in(2) ? 0 : random_below(COUNT(users));
	if (first) {
		while (ops[c.op].call != OPEN_DEVICE)
			c.op++;
		insert_call(t, 0, &c);
		for (c.op = 0; ops[c.op].cmd != JOBTRACK_IOC_CREATE; c.op++)
			;
		c.to = 2;
		c.n_sets = 1;
		c.set[0].n = random_below(4);
		insert_call(t, 1, &c);
	}
	while (n--) {
		random_call(&c);
		insert_call(t, t->n_calls, &c);
	}
}

static inline void random_program(struct program *p)
{
	memset(p, 0, sizeof(*p));
	p->mode = once_in(3) ? random_below(COUNT(modes)) : 0;
	p->n_threads = 1 + random_below(NR_THREADS);
	for (int i = 0; i < p->n_threads; i++)
		random_thread(&p->threads[i], i == 0);
}

static inline void change_call(struct call *c)
{
	const struct op *op = &ops[c->op];

	switch (random_below(5)) {
	case 0:
		c->fd = random_slot(op->on);
		break;
	case 1:
		c->to = random_slot(op->gives);
		break;
	case 2:
		if (op->cmd)
			c->place = random_below(COUNT(places));
		break;
	case 3:
		if (op->cmd)
			c->size = once_in(3) ? 0 : once_in(2) ? random_below(1 << _IOC_SIZEBITS) :
				_IOC_SIZE(op->cmd) + random_below(24) - 12;
		break;
	default:
		if (fields_of(op))
			set_field(c, random_below(fields_of(op)));
	}
	c->size &= _IOC_SIZEMASK;
}

/* Change @p once, perhaps by what @other has. */
static inline void mutate(struct program *p, const struct program *other)
{
	struct thread *t = &p->threads[random_below(p->n_threads)];
	const struct thread *from = &other->threads[random_below(other->n_threads)];
	int at = random_below(t->n_calls + 1);
	struct call c;

	switch (random_below(12)) {
	case 0:
		if (p->n_threads < NR_THREADS)
			p->threads[p->n_threads++] = *from;
		break;
	case 1:
		if (p->n_threads > 1)
			remove_thread(p, t - p->threads);
		break;
	case 2:
		p->mode = random_below(COUNT(modes));
		break;
	case 3:
		t->user = random_below(COUNT(users));
		break;
	case 4:
		for (int i = 0; i < from->n_calls; i++)
			insert_call(t, t->n_calls, &from->calls[i]);
		break;
	case 5:
		if (at < t->n_calls)
			remove_call(t, at);
		break;
	case 6: case 7: case 8:
		random_call(&c);
		insert_call(t, at, &c);
		break;
	default:
		if (at < t->n_calls)
			change_call(&t->calls[at]);
	}
}

#endif /* JOBTRACK_FUZZ_MUTATE_H */
