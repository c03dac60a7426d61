/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _JT_PROCFS_H
#define _JT_PROCFS_H

int jt_procfs_init(void);
void jt_procfs_exit(void);

#endif /* _JT_PROCFS_H */
