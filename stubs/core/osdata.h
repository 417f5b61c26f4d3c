/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef OSDATA_H
#define OSDATA_H

#include "text.h"

/* The table that the annex names. False: there is none. */
bool osdata_write(struct unidbg_text *out);

#endif
