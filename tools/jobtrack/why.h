/* SPDX-License-Identifier: GPL-2.0 */
/* What a process waits for, in plain words. */
#ifndef JOBTRACK_WHY_H
#define JOBTRACK_WHY_H

/*
 * The words, for free(), or NULL where nothing is known. @dir is the directory of
 * the process and @main_state its main thread's state; @thread, @state and
 * @functions are those of the thread that speaks for it.
 */
char *why_it_remains(int dir, char main_state, int thread, char state, const char *functions);

#endif
