/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _JT_QUOTA_H
#define _JT_QUOTA_H

#include <linux/types.h>

struct jt_quota;

int jt_quota_charge(struct jt_quota **charged, unsigned int jobs, size_t bytes);
void jt_quota_uncharge(struct jt_quota *quota, unsigned int jobs, size_t bytes);

#endif /* _JT_QUOTA_H */
