// SPDX-License-Identifier: LGPL-2.1-or-later
/* How a person names a job: "123", "label" or "UID:label". */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libjobtrack.h"

/* The C locale's letters, whatever the program's locale calls one. */
static const char letters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
static const char label_chars[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:@+-";

static int fail(int err)
{
	errno = err;
	return -1;
}

int jobtrack_label_check(const char *label)
{
	size_t len = strlen(label);

	if (!len || !strchr(letters, label[0]) || strspn(label, label_chars) != len)
		return fail(EINVAL);
	if (len >= JOBTRACK_LABEL_SIZE)
		return fail(ENAMETOOLONG);
	return 0;
}

/* Decimal digits only, which strtoull() alone would not insist on. */
static int number_parse(const char *text, size_t len, uint64_t max, uint64_t *value)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned int digit = text[i] - '0';

		if (n > (max - digit) / 10)
			return fail(ERANGE);
		n = n * 10 + digit;
	}
	*value = n;
	return 0;
}

int jobtrack_ref_parse(const char *text, struct jobtrack_ref *ref)
{
	struct jobtrack_ref parsed = { 0 };
	size_t digits = strspn(text, "0123456789");
	uint64_t uid;

	if (digits && !text[digits]) {
		if (number_parse(text, digits, UINT64_MAX, &parsed.id))
			return -1;
		if (!parsed.id)
			return fail(EINVAL);
		*ref = parsed;
		return 0;
	}
	if (digits) {
		/* Labels begin with a letter, so these digits can only be a UID. */
		if (text[digits] != ':')
			return fail(EINVAL);
		/* (uid_t)-1 is nobody's. */
		if (number_parse(text, digits, UINT32_MAX - 1, &uid))
			return -1;
		parsed.has_uid = 1;
		parsed.uid = uid;
		text += digits + 1;
	}
	if (jobtrack_label_check(text))
		return -1;
	memcpy(parsed.label, text, strlen(text));
	*ref = parsed;
	return 0;
}
