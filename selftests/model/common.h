/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the models share. They are written in Promela and put through cpp; `check`
 * runs them, README.md's section "Model" says what that shows.
 *
 * A spinlock that is held across several steps is a bool. What happens under a
 * siglock alone is one atomic step.
 */

#define lock(l)		atomic { !(l) -> l = true }
#define unlock(l)	l = false

#define bit(n)		(1 << (n))
#define has(set, n)	(((set) >> (n)) & 1)

/*
 * A model whose interesting branches are never taken proves nothing: `check`
 * builds it once for each of them with -DREACH=branch, and wants this to fail.
 */
#ifndef REACH
#define REACH		0
#endif
#define reached(branch)	assert(REACH != branch)
