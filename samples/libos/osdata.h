/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tables of this guest for `info os` of gdb.
 */
#ifndef LIBOS_OSDATA_H
#define LIBOS_OSDATA_H

#include <unidbg/port.h>

#define OSDATA_TABLES 3

extern const struct unidbg_table osdata_tables[OSDATA_TABLES];

#endif
