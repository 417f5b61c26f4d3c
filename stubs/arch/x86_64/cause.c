/* SPDX-License-Identifier: BSD-3-Clause */
/* What a vector means. SDM volume 3, table 6-1. */
#include "../../core/arch.h"
#include "../../core/features.h"

enum { DOUBLE_FAULT = 8, PAGE_FAULT = 14, RESERVED = 15, EXCEPTIONS = 32 };

const uint8_t arch_breakpoint = 0xcc;

static const uint8_t signals[] = {
    UNIDBG_SIGFPE, UNIDBG_SIGTRAP, UNIDBG_SIGINT,  UNIDBG_SIGTRAP, UNIDBG_SIGFPE,  UNIDBG_SIGSEGV,
    UNIDBG_SIGILL, UNIDBG_SIGFPE,  UNIDBG_SIGSEGV, UNIDBG_SIGFPE,  UNIDBG_SIGSEGV, UNIDBG_SIGBUS,
    UNIDBG_SIGBUS, UNIDBG_SIGSEGV, UNIDBG_SIGSEGV, UNIDBG_SIGTRAP, UNIDBG_SIGFPE,  UNIDBG_SIGBUS,
    UNIDBG_SIGBUS, UNIDBG_SIGFPE,  UNIDBG_SIGSEGV, UNIDBG_SIGSEGV};

static const char reasons[] = "divide error\0"
                              "debug exception\0"
                              "non-maskable interrupt\0"
                              "breakpoint\0"
                              "overflow\0"
                              "bound range exceeded\0"
                              "invalid opcode\0"
                              "no floating-point unit\0"
                              "double fault\0"
                              "coprocessor segment overrun\0"
                              "invalid task state segment\0"
                              "segment not present\0"
                              "stack segment fault\0"
                              "general protection fault\0"
                              "page fault\0"
                              "reserved exception\0"
                              "x87 floating-point error\0"
                              "alignment check\0"
                              "machine check\0"
                              "SIMD floating-point exception\0"
                              "virtualization exception\0"
                              "control protection exception";
/* By vector; what is not here is an exception. */
static const uint8_t kinds[] = {STOP_EXCEPTION, STOP_STEP, STOP_INTERRUPT, STOP_BREAKPOINT};

enum stop_kind arch_trap_kind(const struct unidbg_frame *frame) {
    uint64_t vector = frame->vector;

    if (vector < sizeof kinds)
        return (enum stop_kind)kinds[vector];
    return vector < EXCEPTIONS ? STOP_EXCEPTION : STOP_NONE;
}

static unsigned number_of(const struct unidbg_frame *frame) {
    return frame->vector < sizeof signals ? (unsigned)frame->vector : RESERVED;
}

uint8_t arch_trap_signal(const struct unidbg_frame *frame) {
    return signals[number_of(frame)];
}

const char *arch_trap_reason(const struct unidbg_frame *frame) {
    return text_at(reasons, number_of(frame));
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
    if (!WITH_TEXTS)
        return;
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
