/* SPDX-License-Identifier: BSD-3-Clause */
/* What a vector means. SDM volume 3, table 6-1. */
#include "../../core/arch.h"

enum { DEBUG = 1, NMI = 2, BREAKPOINT = 3, DOUBLE_FAULT = 8, PAGE_FAULT = 14, EXCEPTIONS = 32 };

struct meaning {
    uint8_t signal;
    const char *reason;
};

const uint8_t arch_breakpoint = 0xcc;

static const struct meaning meanings[] = {
    {UNIDBG_SIGFPE, "divide error"},
    {UNIDBG_SIGTRAP, "debug exception"},
    {UNIDBG_SIGINT, "non-maskable interrupt"},
    {UNIDBG_SIGTRAP, "breakpoint"},
    {UNIDBG_SIGFPE, "overflow"},
    {UNIDBG_SIGSEGV, "bound range exceeded"},
    {UNIDBG_SIGILL, "invalid opcode"},
    {UNIDBG_SIGFPE, "no floating-point unit"},
    {UNIDBG_SIGSEGV, "double fault"},
    {UNIDBG_SIGFPE, "coprocessor segment overrun"},
    {UNIDBG_SIGSEGV, "invalid task state segment"},
    {UNIDBG_SIGBUS, "segment not present"},
    {UNIDBG_SIGBUS, "stack segment fault"},
    {UNIDBG_SIGSEGV, "general protection fault"},
    {UNIDBG_SIGSEGV, "page fault"},
    {UNIDBG_SIGTRAP, "reserved exception"},
    {UNIDBG_SIGFPE, "x87 floating-point error"},
    {UNIDBG_SIGBUS, "alignment check"},
    {UNIDBG_SIGBUS, "machine check"},
    {UNIDBG_SIGFPE, "SIMD floating-point exception"},
    {UNIDBG_SIGSEGV, "virtualization exception"},
    {UNIDBG_SIGSEGV, "control protection exception"},
};

static enum stop_kind kind_of(uint64_t vector) {
    switch (vector) {
    case DEBUG:
        return STOP_STEP;
    case NMI:
        return STOP_INTERRUPT;
    case BREAKPOINT:
        return STOP_BREAKPOINT;
    default:
        return STOP_EXCEPTION;
    }
}

struct arch_cause arch_cause(const struct unidbg_frame *frame) {
    uint64_t known = sizeof meanings / sizeof *meanings;
    const struct meaning *meaning = &meanings[frame->vector < known ? frame->vector : 15];

    if (frame->vector >= EXCEPTIONS)
        return (struct arch_cause){.kind = STOP_NONE};
    return (struct arch_cause){
        .kind = kind_of(frame->vector), .signal = meaning->signal, .reason = meaning->reason};
}

uint64_t arch_breakpoint_pc(const struct unidbg_frame *frame) {
    return frame->rip - 1;
}

static void explain_page_fault(const struct unidbg_frame *frame, struct unidbg_text *out) {
    uint64_t code = frame->error_code;

    unidbg_write(out, code & 16 ? ": execution of " : code & 2 ? ": write to " : ": read of ");
    unidbg_write_hex(out, frame->cr2);
    unidbg_write(out, code & 8   ? ", reserved bit set in the page tables"
                      : code & 1 ? ", not permitted"
                                 : ", not mapped");
}

/* As a rule the first fault found no stack to save its frame on; cr2 is that of the second. */
static void explain_double_fault(const struct unidbg_frame *frame, struct unidbg_text *out) {
    unidbg_write(out, ": no stack at ");
    unidbg_write_hex(out, frame->rsp);
    unidbg_write(out, ", last page fault at ");
    unidbg_write_hex(out, frame->cr2);
}

void arch_explain(const struct unidbg_frame *frame, struct unidbg_text *out) {
    if (frame->vector == PAGE_FAULT)
        explain_page_fault(frame, out);
    if (frame->vector == DOUBLE_FAULT)
        explain_double_fault(frame, out);
    unidbg_write(out, " (vector ");
    unidbg_write_decimal(out, frame->vector);
    unidbg_write(out, ", error code ");
    unidbg_write_hex(out, frame->error_code);
    unidbg_write(out, ") at ");
    unidbg_write_hex(out, frame->rip);
}
