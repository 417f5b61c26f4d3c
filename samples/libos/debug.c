/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/debug.h"

#include "libos/console.h"
#include "libos/cpu.h"
#include "libos/power.h"

#define PANIC_STATUS 1

void debug_init(void) {
}

void debug_connect(void) {
}

void debug_exception(struct unidbg_frame *frame) {
    log_line("exception %lu, error %lx at %p, address %lx", frame->vector, frame->error_code,
             (void *)frame->rip, read_cr2());
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
