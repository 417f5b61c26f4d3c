/* SPDX-License-Identifier: BSD-3-Clause */
/* What a client may change (QAllow), and what this build could let it. */
#ifndef ALLOW_H
#define ALLOW_H

#include <unidbg/stub.h>

#include "features.h"

enum {
    ALLOW_REGISTERS = 1,
    ALLOW_MEMORY = 2,
    ALLOW_BREAKPOINTS = 4,
    ALLOW_TRACES = 8,
    ALLOW_STEPS = 16,
    ALLOW_ALL = 31
};

/* All, or nothing in an observe-only build. */
unsigned allow_possible(void);
/* What the client may do now: a running guest has no registers to be set and takes no steps. */
static inline unsigned allow_now(const struct unidbg_stub *stub) {
    return stub->allowed & ~(WITH_LIVE && stub->live ? ALLOW_REGISTERS | ALLOW_STEPS : 0u);
}

#endif
