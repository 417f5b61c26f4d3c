/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LLDB_H
#define LLDB_H

#include <unidbg/stub.h>

#include "features.h"

#if WITH_LLDB

/* Append the saved pairs of the frame-pointer chain to a stop reply, for LLDB alone: a backtrace then needs
 * no read. */
void lldb_append_chain(struct unidbg_stub *stub);

#else

static inline void lldb_append_chain(struct unidbg_stub *stub) {
    (void)stub;
}

#endif

#endif
