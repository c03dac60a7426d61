/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tagging.
 */
#ifndef _JT_TAG_H
#define _JT_TAG_H

#include "job.h"

int jt_tag(struct jt_job *job, struct jobtrack_tag *tag);

#endif /* _JT_TAG_H */
