/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a kernel does to be debugged: fill in a port, start the stub, and hand it exceptions, the interrupt of its
 * line, and a tick.
 */
#include "libos/debug.h"

#include <unidbg/command.h>
#include <unidbg/probe.h>
#include <unidbg/stub.h>

#include "libos/app.h"
#include "libos/clock.h"
#include "libos/console.h"
#include "libos/cpu.h"
#include "libos/crash.h"
#include "libos/loop.h"
#include "libos/machine.h"
#include "libos/orchestration.h"
#include "libos/osdata.h"
#include "libos/paging.h"
#include "libos/power.h"
#include "libos/relocate.h"
#include "libos/security.h"

#define PACKET_BYTES 16384
#define TRACE_BYTES 32768
#define REGIONS 32
#define PANIC_STATUS 1

static struct unidbg_stub stub;
static struct unidbg_port port;
static uint8_t buffer[UNIDBG_BUFFER_QUEUED(PACKET_BYTES)];
static uint8_t trace_memory[TRACE_BYTES];
static bool is_started;

/* So that whoever reads memory past the stub can put back what lies under its breakpoints. */
UNIDBG_PROBE(stub, main, &stub);

/* ---- what the port asks ---- */

/* The page tables, walked again when they have changed. */
static struct {
    struct page_region regions[REGIONS];
    unsigned count;
    uint64_t generation;
} mapped;

static void walk_again(void) {
    mapped.count = 0;
    for (uintptr_t cursor = 0; mapped.count < REGIONS; mapped.count++) {
        if (!paging_next_region(&cursor, &mapped.regions[mapped.count])) {
            break;
        }
    }
    mapped.generation = paging_generation();
}

static uint32_t access_of(uint64_t flags) {
    return UNIDBG_READ | (flags & PAGE_WRITABLE ? UNIDBG_WRITE : 0) |
           (flags & PAGE_NO_EXECUTE ? 0 : UNIDBG_EXECUTE) | (flags & PAGE_CACHE_DISABLE ? UNIDBG_DEVICE : 0);
}

static bool get_region(void *context, unsigned index, struct unidbg_region *region) {
    (void)context;
    if (mapped.generation != paging_generation()) {
        walk_again();
    }
    if (index >= mapped.count) {
        return false;
    }
    const struct page_region *from = &mapped.regions[index];
    *region = (struct unidbg_region){from->start, from->end, access_of(from->flags), "page"};
    return true;
}

static uint64_t now_ns(void *context) {
    (void)context;
    return clock_ns();
}

/* The guest stands from here on. */
static void hold(void *context) {
    (void)context;
    loop_clock();
    orchestration_now();
}

static void idle(void *context) {
    (void)context;
    cpu_relax();
}

static void reboot(void *context) {
    (void)context;
    power_reset();
}

static void kill(void *context) {
    (void)context;
    power_off(0);
}

/* ---- the stub's life ---- */

void debug_init(void) {
    port = (struct unidbg_port){
        .region = get_region,
        .now_ns = now_ns,
        .idle = idle,
        .hold = hold,
        .name = app_config.name,
        .reboot = reboot,
        .kill = kill,
        .bias = relocate_slide,
        .tables = osdata_tables,
        .table_count = OSDATA_TABLES,
        .trace = trace_memory,
        .trace_size = sizeof(trace_memory),
    };
    UNIDBG_COMMANDS(&port);
    crash_init(&port);
    is_started = machine_debug_port(&port) && unidbg_init(&stub, &port, buffer, sizeof(buffer));
    security_debug_port(is_started);
}

/* A client has sent something: returns when it lets the guest go on. */
static void on_line(struct unidbg_frame *frame) {
    unidbg_irq(&stub, frame);
}

void debug_connect(void) {
    if (is_started) {
        machine_debug_connect(on_line);
    }
}

void debug_tick(struct unidbg_frame *frame) {
    if (is_started) {
        unidbg_tick(&stub, frame);
    }
}

bool debug_attached(void) {
    return is_started && unidbg_attached(&stub);
}

void debug_stop(const char *reason) {
    if (is_started) {
        unidbg_panic(&stub, UNIDBG_SIGABRT, reason);
    }
}

/* ---- exceptions ---- */

#define VECTOR_DEBUG 1
#define VECTOR_NMI 2
#define VECTOR_BREAKPOINT 3

static bool is_fault(uint64_t vector) {
    return vector != VECTOR_DEBUG && vector != VECTOR_NMI && vector != VECTOR_BREAKPOINT;
}

void debug_exception(struct unidbg_frame *frame) {
    if (is_started && unidbg_fixup(&stub, frame)) {
        return;
    }
    bool is_told = debug_attached() || (is_started && !is_fault(frame->vector)); /* by the stub */
    if (!is_told) {
        log_line("exception %lu, error %lx at %p, address %p", frame->vector, frame->error_code,
                 (void *)frame->rip, (void *)read_cr2());
    }
    if (!is_started || !unidbg_trap(&stub, frame)) {
        power_off(PANIC_STATUS);
    }
}
