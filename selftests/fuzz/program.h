/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Programs, and their text, a line each:
 *
 *   plain root device to=0; create fd=0 flags=1 to=2 | user signal fd=2 sig=9; close fd=2
 *
 * A mode; threads with the user that each becomes, separated by |; of each its
 * calls. The threads share NR_SLOTS places for fds, in one process, and run at once.
 */
#ifndef JOBTRACK_FUZZ_PROGRAM_H
#define JOBTRACK_FUZZ_PROGRAM_H

#include "op.h"

#define NR_SLOTS	10
#define NR_THREADS	3
#define NR_CALLS	14	/* of a thread */
#define NR_SETS		3	/* fields of a call that are not 0 */
#define LINE_SIZE	4096

/* How the process begins: as it is, as root of a user namespace that a user made, or as
 * the init of a PID namespace
 */
static const char *const modes[] = { "plain", "userns", "pidns" };
static const char *const users[] = { "root", "user", "stranger" };
static const uid_t uids[] = { 0, OWNER, STRANGER };

/* No process of which the guest needs to live is in reach: the first is refused. */
enum { SELF, CHILD, MAIN, NOBODY, INIT, KTHREAD, NIL, MINUS };
static const char *const pids[] = { "self", "child", "main", "nobody", "init", "kthread", "nil",
				    "minus" };

static const struct { const char *name, *text; } labels[] = {
	{ "a", "a" }, { "b", "b" }, { "digit", "1a" }, { "blank", "a b" }, { "escape", "a\033[2J" },
	{ "long", "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz.0123456789" },
	{ "endless", "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz.0123456789+" },
};

/*
 * Where the struct is: at the end of a page that none follows; the last bytes beyond it;
 * read-only; nowhere; in kernel memory; where another thread takes it away and changes
 * it; with more behind it, as of a newer caller, 0 or not.
 */
enum { GOOD, CUT, READONLY, NULL_POINTER, KERNEL, RACY, LONGER, TAIL };
static const char *const places[] = { "good", "cut", "readonly", "null", "kernel", "racy",
				      "longer", "tail" };

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

/**
 * struct value - what a field is set to
 * @kind: NUMBER: @n. ID: of the job that was last put in slot @n. PID: pids[@n].
 *	TIME: the start time of that. LABEL: labels[@n]
 * @field: which of the op's
 */
struct value {
	uint8_t kind, field;
	uint64_t n;
};

/**
 * struct call - one call
 * @op: which
 * @fd: slot of the fd that it is for
 * @to: slot of the fd that it gives
 * @place: where its struct is
 * @size: what the command's number says, 0: as it should be
 */
struct call {
	uint8_t op, fd, to, place;
	uint16_t size;
	uint8_t n_sets;
	struct value set[NR_SETS];
};

struct thread {
	uint8_t user;
	uint8_t n_calls;
	struct call calls[NR_CALLS];
};

struct program {
	uint8_t mode;
	uint8_t n_threads;
	struct thread threads[NR_THREADS];
};

/* ------------------------------------------------------------------ writing */

static inline int put_value(char *to, size_t size, const struct value *v)
{
	switch (v->kind) {
	case ID:
		return snprintf(to, size, "id(%u)", (unsigned int)v->n);
	case PID:
		return snprintf(to, size, "%s", pids[v->n]);
	case TIME:
		return snprintf(to, size, "time(%s)", pids[v->n]);
	case LABEL:
		return snprintf(to, size, "%s", labels[v->n].name);
	}
	return snprintf(to, size, v->n <= 4096 ? "%llu" : "%#llx", (unsigned long long)v->n);
}

/* The longest program fits. */
static inline char *program_text(const struct program *p, char line[LINE_SIZE])
{
	char *to = line, *end = line + LINE_SIZE;

#define PUT(...) (to += snprintf(to, end - to, __VA_ARGS__))
	PUT("%s", modes[p->mode]);
	for (int i = 0; i < p->n_threads; i++) {
		const struct thread *t = &p->threads[i];

		PUT("%s %s", i ? " |" : "", users[t->user]);
		for (int j = 0; j < t->n_calls; j++) {
			const struct call *c = &t->calls[j];
			const struct op *op = &ops[c->op];

			PUT("%s %s", j ? ";" : "", op->name);
			if (op->on)
				PUT(" fd=%u", c->fd);
			for (int k = 0; k < c->n_sets; k++) {
				PUT(" %s=", op->fields[c->set[k].field].name);
				to += put_value(to, end - to, &c->set[k]);
			}
			if (c->size)
				PUT(" bytes=%u", c->size);
			if (c->place)
				PUT(" at=%s", places[c->place]);
			if (op->gives)
				PUT(" to=%u", c->to);
		}
	}
#undef PUT
	return line;
}

/* ------------------------------------------------------------------ reading */

static inline bool get_number(const char *text, uint64_t most, uint64_t *n)
{
	char *end;

	errno = 0;
	*n = strtoull(text, &end, 0);
	return end != text && !*end && !errno && *n <= most;
}

static inline int get_name(const char *text, const char *const *names, int n)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(text, names[i]))
			return i;
	return -1;
}

static inline bool get_value(char *text, const struct field *field, struct value *v)
{
	size_t len = strlen(text);
	int i;

	if (field->kind == PID) {
		i = get_name(text, pids, COUNT(pids));
		*v = (struct value){ .kind = PID, .n = i };
		return i >= 0;
	}
	if (field->kind == LABEL) {
		for (i = 0; i < (int)COUNT(labels); i++) {
			*v = (struct value){ .kind = LABEL, .n = i };
			if (!strcmp(text, labels[i].name))
				return true;
		}
		return false;
	}
	v->kind = NUMBER;
	if (len && text[len - 1] == ')')
		text[len - 1] = 0;
	if (!strncmp(text, "id(", 3)) {
		v->kind = ID;
		return get_number(text + 3, NR_SLOTS - 1, &v->n);
	}
	if (!strncmp(text, "time(", 5)) {
		i = get_name(text + 5, pids, COUNT(pids));
		*v = (struct value){ .kind = TIME, .n = i };
		return i >= 0;
	}
	return get_number(text, UINT64_MAX, &v->n);
}

static inline bool get_argument(char *word, struct call *c)
{
	const struct op *op = &ops[c->op];
	char *value = strchr(word, '=');
	uint64_t n;
	int i;

	if (!value)
		return false;
	*value++ = 0;
	if (!strcmp(word, "fd") || !strcmp(word, "to")) {
		*(*word == 'f' ? &c->fd : &c->to) = strtoul(value, NULL, 10);
		return get_number(value, NR_SLOTS - 1, &n);
	}
	if (!strcmp(word, "bytes")) {
		c->size = strtoul(value, NULL, 0);
		return get_number(value, _IOC_SIZEMASK, &n);
	}
	if (!strcmp(word, "at")) {
		i = get_name(value, places, COUNT(places));
		c->place = i;
		return i >= 0;
	}
	for (i = 0; i < MAX_FIELDS && op->fields[i].name; i++) {
		if (strcmp(word, op->fields[i].name))
			continue;
		if (c->n_sets == NR_SETS || !get_value(value, &op->fields[i], &c->set[c->n_sets]))
			return false;
		c->set[c->n_sets++].field = i;
		return true;
	}
	return false;
}

static inline bool get_call(char *text, struct call *c)
{
	char *word = strsep(&text, " ");

	for (c->op = 0; c->op < NR_OPS; c->op++)
		if (!strcmp(word, ops[c->op].name))
			break;
	if (c->op == NR_OPS)
		return false;
	while ((word = strsep(&text, " ")))
		if (*word && !get_argument(word, c))
			return false;
	return true;
}

/* Reads what program_text() wrote; @line is changed. */
static inline bool program_parse(char *line, struct program *p)
{
	char *rest = line, *text = strsep(&rest, " ");
	int i = get_name(text, modes, COUNT(modes));

	memset(p, 0, sizeof(*p));
	p->mode = i;
	if (i < 0)
		return false;
	while (rest && (text = strsep(&rest, "|"))) {
		struct thread *t = &p->threads[p->n_threads];
		char *user, *call;

		if (p->n_threads++ == NR_THREADS)
			return false;
		text += strspn(text, " ");
		user = strsep(&text, " ");
		i = get_name(user, users, COUNT(users));
		t->user = i;
		if (i < 0)
			return false;
		while (text && (call = strsep(&text, ";"))) {
			call += strspn(call, " ");
			if (!*call)
				continue;
			if (t->n_calls == NR_CALLS || !get_call(call, &t->calls[t->n_calls++]))
				return false;
		}
	}
	return p->n_threads > 0;
}

#endif /* JOBTRACK_FUZZ_PROGRAM_H */
