/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The audit: membership against the process table.
 */
#ifndef _JT_AUDIT_H
#define _JT_AUDIT_H

#include "snapshot.h"

struct jt_rows *jt_audit_take(struct jobtrack_audit *audit);

#endif /* _JT_AUDIT_H */
