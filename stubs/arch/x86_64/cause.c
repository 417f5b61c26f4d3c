/* SPDX-License-Identifier: BSD-3-Clause */
/* What a vector means. SDM volume 3, table 6-1. */
#include "../../core/arch.h"
#include "../../core/features.h"

enum {
    DEBUG = 1,
    NMI = 2,
    BREAKPOINT = 3,
    DOUBLE_FAULT = 8,
    PAGE_FAULT = 14,
    RESERVED = 15,
    EXCEPTIONS = 32
};

const uint8_t arch_breakpoint = 0xcc;

static const uint8_t signals[] = {
    UNIDBG_SIGFPE, UNIDBG_SIGTRAP, UNIDBG_SIGINT,  UNIDBG_SIGTRAP, UNIDBG_SIGFPE,  UNIDBG_SIGSEGV,
    UNIDBG_SIGILL, UNIDBG_SIGFPE,  UNIDBG_SIGSEGV, UNIDBG_SIGFPE,  UNIDBG_SIGSEGV, UNIDBG_SIGBUS,
    UNIDBG_SIGBUS, UNIDBG_SIGSEGV, UNIDBG_SIGSEGV, UNIDBG_SIGTRAP, UNIDBG_SIGFPE,  UNIDBG_SIGBUS,
    UNIDBG_SIGBUS, UNIDBG_SIGFPE,  UNIDBG_SIGSEGV, UNIDBG_SIGSEGV};

#if WITH_TEXTS
static const char *const reasons[] = {"divide error",
                                      "debug exception",
                                      "non-maskable interrupt",
                                      "breakpoint",
                                      "overflow",
                                      "bound range exceeded",
                                      "invalid opcode",
                                      "no floating-point unit",
                                      "double fault",
                                      "coprocessor segment overrun",
                                      "invalid task state segment",
                                      "segment not present",
                                      "stack segment fault",
                                      "general protection fault",
                                      "page fault",
                                      "reserved exception",
                                      "x87 floating-point error",
                                      "alignment check",
                                      "machine check",
                                      "SIMD floating-point exception",
                                      "virtualization exception",
                                      "control protection exception"};
#endif

static const char *reason_of(uint64_t number) {
#if WITH_TEXTS
    return reasons[number];
#else
    (void)number;
    return NULL;
#endif
}

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
    uint64_t number = frame->vector < sizeof signals ? frame->vector : RESERVED;

    if (frame->vector >= EXCEPTIONS)
        return (struct arch_cause){.kind = STOP_NONE};
    return (struct arch_cause){
        .kind = kind_of(frame->vector), .signal = signals[number], .reason = reason_of(number)};
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
