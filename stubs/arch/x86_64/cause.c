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

    text_format(out, ": %s 0x%x, %s",
                code & 16  ? "execution of"
                : code & 2 ? "write to"
                           : "read of",
                frame->cr2,
                code & 8   ? "reserved bit set in the page tables"
                : code & 1 ? "not permitted"
                           : "not mapped");
}

void arch_explain(const struct unidbg_frame *frame, struct unidbg_text *out) {
    if (!WITH_TEXTS)
        return;
    if (frame->vector == PAGE_FAULT)
        explain_page_fault(frame, out);
    /* As a rule the first fault found no stack to save its frame on; cr2 is that of the second. */
    if (frame->vector == DOUBLE_FAULT)
        text_format(out, ": no stack at 0x%x, last page fault at 0x%x", frame->rsp, frame->cr2);
    text_format(out, " (vector %d, error code 0x%x) at 0x%x", frame->vector, frame->error_code, frame->rip);
}
