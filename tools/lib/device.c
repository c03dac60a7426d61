// SPDX-License-Identifier: LGPL-2.1-or-later
/* What is asked of the device: information, making and opening jobs. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

#include "libjobtrack.h"

int jobtrack_device_open(void)
{
	return open(JOBTRACK_DEVICE, O_RDWR | O_CLOEXEC);
}

int jobtrack_device_info(int dev, struct jobtrack_info *info)
{
	struct jobtrack_info copy = { 0 };

	if (ioctl(dev, JOBTRACK_IOC_INFO, &copy) < 0)
		return -1;
	*info = copy;
	return 0;
}

/* The module judges the characters; only the length can be lost on the way there. */
static int label_copy(char to[static JOBTRACK_LABEL_SIZE], const char *label)
{
	size_t len = strlen(label);

	if (len >= JOBTRACK_LABEL_SIZE) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(to, label, len);
	return 0;
}

int jobtrack_job_create(int dev, uint64_t flags, uid_t uid, uint64_t parent,
			const char *label, uint64_t *id)
{
	struct jobtrack_create create = { .flags = flags, .parent = parent };
	int fd;

	if (flags & JOBTRACK_CREATE_OWNER)
		create.uid = uid;
	if (label && label_copy(create.label, label))
		return -1;
	fd = ioctl(dev, JOBTRACK_IOC_CREATE, &create);
	if (fd >= 0 && id)
		*id = create.id;
	return fd;
}

static int job_open(int dev, struct jobtrack_open *open, uint64_t *id)
{
	int fd = ioctl(dev, JOBTRACK_IOC_OPEN, open);

	if (fd >= 0 && id)
		*id = open->id;
	return fd;
}

int jobtrack_job_open_id(int dev, uint64_t flags, uint64_t id)
{
	struct jobtrack_open open = { .flags = flags, .id = id };

	return job_open(dev, &open, NULL);
}

int jobtrack_job_open_label(int dev, uint64_t flags, uid_t uid,
			    const char *label, uint64_t *id)
{
	struct jobtrack_open open = { .flags = flags };

	if (flags & JOBTRACK_OPEN_OWNER)
		open.uid = uid;
	if (label && label_copy(open.label, label))
		return -1;
	return job_open(dev, &open, id);
}

int jobtrack_job_open_ref(int dev, uint64_t flags,
			  const struct jobtrack_ref *ref, uint64_t *id)
{
	struct jobtrack_open open = { .flags = flags, .id = ref->id };

	if (ref->has_uid) {
		open.flags |= JOBTRACK_OPEN_OWNER;
		open.uid = ref->uid;
	}
	memcpy(open.label, ref->label, sizeof(open.label));
	return job_open(dev, &open, id);
}
