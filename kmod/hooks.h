/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tracepoint probes.
 */
#ifndef _JT_HOOKS_H
#define _JT_HOOKS_H

int jt_hooks_get(void);
void jt_hooks_put(void);
int jt_hooks_need_signal(void);

int jt_hooks_init(void);
void jt_hooks_exit(void);

#endif /* _JT_HOOKS_H */
