/* SPDX-License-Identifier: BSD-3-Clause */
/* The metadata of cloud.h: where they come from and go to. */
#ifndef LIBOS_METADATA_H
#define LIBOS_METADATA_H

#include "libos/cloud.h"

/* Choose the channel, and read what there is. */
void metadata_init(struct cloud *cloud);
/* See cloud_metadata_put(). */
bool metadata_put(struct cloud *cloud, const char *key, const char *value);

#endif
