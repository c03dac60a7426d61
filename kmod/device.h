/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _JT_DEVICE_H
#define _JT_DEVICE_H

int jt_device_init(void);
void jt_device_exit(void);

#endif /* _JT_DEVICE_H */
