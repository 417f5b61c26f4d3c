/* SPDX-License-Identifier: BSD-3-Clause */
/* The registers of x86_64 in the notes of a core. */
#include "parts.h"

enum { NT_PRSTATUS = 1, NT_PRFPREG = 2, PRSTATUS = 336, SIGNAL_AT = 12, PID_AT = 32, REGISTERS_AT = 112 };

const uint16_t crash_machine = 62;
const char crash_frame_name[16] = "x86_64/1";

uint64_t crash_pc(const struct unidbg_frame *frame) {
    return frame->rip;
}

uint64_t crash_sp(const struct unidbg_frame *frame) {
    return frame->rsp;
}

/* In the order of Linux's user_regs_struct; 0: orig_rax, which there is none of. */
#define AT(member) (uint16_t) offsetof(struct unidbg_frame, member)
static const uint16_t order[] = {AT(r15),     AT(r14),     AT(r13), AT(r12), AT(rbp),    AT(rbx), AT(r11),
                                 AT(r10),     AT(r9),      AT(r8),  AT(rax), AT(rcx),    AT(rdx), AT(rsi),
                                 AT(rdi),     0,           AT(rip), AT(cs),  AT(rflags), AT(rsp), AT(ss),
                                 AT(fs_base), AT(gs_base), AT(ds),  AT(es),  AT(fs),     AT(gs)};

static void put_registers(struct crash_window *window, const struct unidbg_frame *frame) {
    for (unsigned i = 0; i < sizeof order / sizeof *order; i++)
        crash_put(window, order[i] ? (const uint8_t *)frame + order[i] : NULL, 8);
}

void crash_thread_notes(struct crash_window *window, const struct unidbg_frame *frame, unsigned known,
                        uint32_t number, uint8_t signal) {
    crash_note(window, "CORE", NT_PRSTATUS, PRSTATUS);
    crash_put(window, &signal, 1); /* si_signo */
    crash_put(window, NULL, SIGNAL_AT - 1);
    crash_put(window, &signal, 1);
    crash_put(window, NULL, PID_AT - SIGNAL_AT - 1);
    crash_put(window, &number, sizeof number);
    crash_put(window, NULL, REGISTERS_AT - PID_AT - sizeof number);
    put_registers(window, frame);
    crash_put(window, NULL, PRSTATUS - REGISTERS_AT - 8 * sizeof order / sizeof *order);
    if (!(known & UNIDBG_FLOATING))
        return;
    crash_note(window, "CORE", NT_PRFPREG, sizeof frame->fxsave);
    crash_put(window, frame->fxsave, sizeof frame->fxsave);
}

const uint8_t *crash_frame_bytes(const struct unidbg_frame *frame, size_t *size) {
    *size = sizeof *frame - offsetof(struct unidbg_frame, cr0);
    return (const uint8_t *)frame + offsetof(struct unidbg_frame, cr0);
}
