/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a process is debugged: the stub's line is a socket, its traps are signals. For libos/machine.h and libos/trap.h.
 */
#include "libos/machine.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unidbg/hosted.h>

#include "hosted.h"
#include "libos/cpu.h"
#include "libos/debug.h"
#include "libos/trap.h"

static struct unidbg_hosted line;
static struct unidbg_hosted_events events = {.tick = debug_tick};
static uint64_t fault_address;

uint64_t hosted_fault_address(void) {
    return fault_address;
}

static void on_exception(struct unidbg_frame *frame) {
    fault_address = frame->cr2;
    debug_exception(frame);
}

void trap_init(void) {
}

bool machine_debug_port(struct unidbg_port *port) {
    if (hosted_options.debug_address == NULL) {
        return false;
    }
    unidbg_hosted_port(port);
    if (!unidbg_hosted_listen(&line, hosted_options.debug_address, port)) {
        fprintf(stderr, "cannot listen on %s: %s\n", hosted_options.debug_address, strerror(errno));
        exit(1);
    }
    fprintf(stderr, "stub listens on %s\n", line.address);
    return true;
}

void machine_debug_connect(void (*handler)(struct unidbg_frame *frame)) {
    events.exception = on_exception;
    events.line = handler;
    unidbg_hosted_signals(&line, &events);
}
