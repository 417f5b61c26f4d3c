/* SPDX-License-Identifier: BSD-3-Clause */
/* x86_64: the trap frame, and a ready port for a kernel that runs in ring 0. */
#ifndef UNIDBG_X86_64_H
#define UNIDBG_X86_64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <unidbg/port.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Registers at a trap, in the order in which arch/x86_64/entry.S lays them on the stack. The entry saves
 * `fxsave` and all from `rax` on; the port's `capture` fills the system registers. 16-byte aligned. */
struct unidbg_frame {
    uint8_t fxsave[512];
    uint64_t cr0, cr2, cr3, cr4, cr8, efer;
    uint64_t fs_base, gs_base, k_gs_base;
    uint64_t ds, es, fs, gs;
    uint64_t reserved;
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t vector, error_code; /* error_code 0 where the CPU pushes none */
    uint64_t rip, cs, rflags, rsp, ss;
} __attribute__((aligned(16)));

#define UNIDBG_X86_64_FRAME_SIZE 800
#ifdef __cplusplus
static_assert(sizeof(struct unidbg_frame) == UNIDBG_X86_64_FRAME_SIZE, "entry.S pushes this much");
#else
_Static_assert(sizeof(struct unidbg_frame) == UNIDBG_X86_64_FRAME_SIZE, "entry.S pushes this much");
#endif

/* What is in the slot: writing code is dear, and a breakpoint that is passed often brings the same each time.
 * The stub's own. */
struct unidbg_slot {
    uint64_t at;
    uint8_t length;
    uint8_t bytes[15];
};

/* Where to go back to if code that the stub calls faults. The stub's own. */
struct unidbg_guard {
    uint64_t rbx, rbp, r12, r13, r14, r15, rsp;
    uint64_t active;
};

/* A step under way. The stub's own. */
struct unidbg_step {
    uint64_t slot;    /* where a copy of the instruction runs; 0: it runs in place */
    uint64_t address; /* of the instruction */
    uint64_t lifted;  /* the breakpoint that was taken out for it; 0: none */
    uint64_t after;   /* where a breakpoint of its own ends it; 0: the trap flag does */
    uint8_t under;    /* the byte under that */
    uint8_t length;   /* of the instruction, bytes */
    uint8_t flow;     /* where it may lead */
    bool active;      /* the trap flag is set by us */
    bool resume;      /* only to get off a breakpoint: go on afterwards, tell nobody */
    bool masked;      /* interrupts were on and are held off */
};

/* Fill in peek, poke, poke_text, capture, restore, slot and the hardware breakpoints. */
void unidbg_x86_64_port(struct unidbg_port *port);

/* The functions that unidbg_x86_64_port uses, for kernels that wrap one of them. */
size_t unidbg_x86_64_peek(void *context, void *to, uint64_t address, size_t count);
size_t unidbg_x86_64_poke(void *context, uint64_t address, const void *from, size_t count);
size_t unidbg_x86_64_poke_text(void *context, uint64_t address, const void *from, size_t count);
void unidbg_x86_64_capture(void *context, struct unidbg_frame *frame);
void unidbg_x86_64_restore(void *context, struct unidbg_frame *frame);
uint64_t unidbg_x86_64_slot(void *context);
bool unidbg_x86_64_hardware(void *context, unsigned slot, enum unidbg_hardware kind, uint64_t address,
                            unsigned length);
uint32_t unidbg_x86_64_hardware_hits(void *context);

/* Optional entries, object entry.o, for kernels with one CPU: code that saves a frame and calls
 * unidbg_x86_64_handler, which the kernel defines, on a stack of its own (16 KiB); when that returns, the
 * frame is restored and iretq ends the interrupt. Point the IDT's gate n to unidbg_x86_64_entries + 16 * n,
 * n below UNIDBG_X86_64_ENTRIES (32 exceptions, then vectors 32 to 63). Gates must be interrupt gates
 * (interrupts off). 13 and 14 must not use an IST stack: the stub's own reads fault while it runs. The
 * kernel runs in ring 0, is built -mno-red-zone, and the handler returns: it does not switch threads. */
#define UNIDBG_X86_64_ENTRIES 64
extern const char unidbg_x86_64_entries[];
void unidbg_x86_64_handler(struct unidbg_frame *frame);

#ifdef __cplusplus
}
#endif

#endif
