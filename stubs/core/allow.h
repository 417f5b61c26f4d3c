/* SPDX-License-Identifier: BSD-3-Clause */
/* What a client may change (QAllow), and what this build could let it. */
#ifndef ALLOW_H
#define ALLOW_H

#include <unidbg/stub.h>

enum {
    ALLOW_REGISTERS = 1,
    ALLOW_MEMORY = 2,
    ALLOW_BREAKPOINTS = 4,
    ALLOW_STEPS = 8,
    ALLOW_TRACES = 16,
    ALLOW_ALL = 31
};

/* All, or nothing in an observe-only build. */
unsigned allow_possible(void);
/* What the client may do now: a running guest has no registers to be set and takes no steps. */
unsigned allow_now(const struct unidbg_stub *stub);

#endif
