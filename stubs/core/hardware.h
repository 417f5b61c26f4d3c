/* SPDX-License-Identifier: BSD-3-Clause */
/* Breakpoints and watchpoints of the hardware. */
#ifndef HARDWARE_H
#define HARDWARE_H

#include <unidbg/stub.h>

#include "features.h"

#if WITH_HARDWARE

/* How many there can be. */
unsigned hardware_slots(const struct unidbg_stub *stub);
/* Z and z of the kinds 1 to 4; makes the reply. */
void hardware_change(struct unidbg_stub *stub, struct unidbg_watchpoint wanted, bool set);
void hardware_clear(struct unidbg_stub *stub);
/* Does the hardware stop at an address? */
bool hardware_breakpoint_at(const struct unidbg_stub *stub, uint64_t address);
/* The watchpoint or hardware breakpoint that hit, NULL: none. */
const struct unidbg_watchpoint *watchpoint_hit(struct unidbg_stub *stub);

#else

static inline unsigned hardware_slots(const struct unidbg_stub *stub) {
    (void)stub;
    return 0;
}

static inline void hardware_change(struct unidbg_stub *stub, struct unidbg_watchpoint wanted, bool set) {
    (void)stub;
    (void)wanted;
    (void)set;
}

static inline void hardware_clear(struct unidbg_stub *stub) {
    (void)stub;
}

static inline bool hardware_breakpoint_at(const struct unidbg_stub *stub, uint64_t address) {
    (void)stub;
    (void)address;
    return false;
}

static inline const struct unidbg_watchpoint *watchpoint_hit(struct unidbg_stub *stub) {
    (void)stub;
    return NULL;
}

#endif

#endif
