/* SPDX-License-Identifier: BSD-3-Clause */
/* In place of all that changes the guest: an observe-only stub (make OBSERVE=1) has none of it. Its packets
 * are refused before they get here. */
#include "../core/allow.h"
#include "../core/arch.h"
#include "../core/breakpoints.h"
#include "../core/packet.h"

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

struct unidbg_breakpoint *breakpoint_at(struct unidbg_stub *stub, uint64_t address) {
    (void)stub;
    (void)address;
    return NULL;
}

void breakpoints_hide(const struct unidbg_stub *stub, uint8_t *bytes, uint64_t address, size_t count) {
    (void)stub;
    (void)bytes;
    (void)address;
    (void)count;
}

bool breakpoint_nested(struct unidbg_stub *stub, struct unidbg_frame *frame, enum stop_kind kind) {
    (void)stub;
    (void)frame;
    (void)kind;
    return false;
}

void breakpoints_clear(struct unidbg_stub *stub) {
    (void)stub;
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

bool arch_step_ends(const struct unidbg_step *step, struct unidbg_frame *frame) {
    (void)step;
    (void)frame;
    return false;
}

void arch_pass_hardware(struct unidbg_frame *frame) {
    (void)frame;
}

void arch_set_pc(struct unidbg_frame *frame, uint64_t pc) {
    (void)frame;
    (void)pc;
}
