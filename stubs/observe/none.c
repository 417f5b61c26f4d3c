/* SPDX-License-Identifier: BSD-3-Clause */
/* In place of all that changes the guest: an observe-only stub (make OBSERVE=1) has none of it. Its packets
 * are refused before they get here. */
#include "../core/agent.h"
#include "../core/allow.h"
#include "../core/arch.h"
#include "../core/breakpoints.h"
#include "../core/packet.h"
#include "../core/trace.h"

unsigned allow_possible(void) {
    return 0;
}

#define ABSENT(packet)                                                                                       \
    enum verdict packet(struct unidbg_stub *stub, struct scan *scan) {                                       \
        (void)stub;                                                                                          \
        (void)scan;                                                                                          \
        return REPLY;                                                                                        \
    }

ABSENT(packet_M)
ABSENT(packet_X)
ABSENT(packet_G)
ABSENT(packet_P)
ABSENT(packet_Z)
ABSENT(packet_z)
ABSENT(packet_QT)
ABSENT(packet_qT)

struct unidbg_breakpoint *breakpoint_at(struct unidbg_stub *stub, uint64_t address) {
    (void)stub;
    (void)address;
    return NULL;
}

bool hardware_breakpoint_at(const struct unidbg_stub *stub, uint64_t address) {
    (void)stub;
    (void)address;
    return false;
}

void breakpoints_hide(const struct unidbg_stub *stub, uint8_t *bytes, uint64_t address, size_t count) {
    (void)stub;
    (void)bytes;
    (void)address;
    (void)count;
}

void breakpoints_clear(struct unidbg_stub *stub) {
    (void)stub;
}

const struct unidbg_watchpoint *watchpoint_hit(struct unidbg_stub *stub) {
    (void)stub;
    return NULL;
}

bool agent_stops(struct unidbg_stub *stub, const struct unidbg_breakpoint *breakpoint) {
    (void)stub;
    (void)breakpoint;
    return true;
}

bool arch_step(struct unidbg_stub *stub, bool resume) {
    (void)stub;
    (void)resume;
    return true;
}

void arch_step_end(struct unidbg_stub *stub, struct unidbg_frame *frame) {
    (void)stub;
    (void)frame;
}

void arch_pass_hardware(struct unidbg_frame *frame) {
    (void)frame;
}

void arch_set_pc(struct unidbg_frame *frame, uint64_t pc) {
    (void)frame;
    (void)pc;
}

void trace_init(struct unidbg_stub *stub) {
    (void)stub;
}

void trace_leave(struct unidbg_stub *stub) {
    (void)stub;
}

void trace_look_away(struct unidbg_stub *stub) {
    (void)stub;
}

void trace_hit(struct unidbg_stub *stub, uint64_t address) {
    (void)stub;
    (void)address;
}

bool trace_looks(const struct unidbg_stub *stub) {
    (void)stub;
    return false;
}

size_t trace_read(struct unidbg_stub *stub, uint8_t *to, uint64_t address, size_t count) {
    (void)stub;
    (void)to;
    (void)address;
    (void)count;
    return 0;
}

bool trace_register(struct unidbg_stub *stub, unsigned number, uint8_t *to) {
    (void)stub;
    (void)number;
    (void)to;
    return false;
}

bool trace_frame_info(struct unidbg_text *out) {
    (void)out;
    return false;
}
