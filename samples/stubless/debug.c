/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libos/debug.h for a build without the stub (`make httpd STUB=0 BUILD=...`), to measure what the stub costs.
 */
#include "libos/debug.h"

#include "libos/commands.h"
#include "libos/power.h"

#define PANIC_STATUS 1

void commands_init(void) {
}

void debug_init(void) {
}

void debug_connect(void) {
}

void debug_exception(struct unidbg_frame *frame) {
    (void)frame;
    power_off(PANIC_STATUS);
}

void debug_tick(struct unidbg_frame *frame) {
    (void)frame;
}

bool debug_attached(void) {
    return false;
}

void debug_stop(const char *reason) {
    (void)reason;
}
