/* SPDX-License-Identifier: BSD-3-Clause */
/* Entries for interrupt gates: save a whole frame (struct unidbg_frame), call unidbg_x86_64_handler, restore
 * the frame, iretq. Entry n lies at unidbg_x86_64_entries + 16 * n.
 *
 * The handler runs on a stack of its own: a debugger that calls a function of the guest writes below the
 * interrupted stack pointer, and would write into the frame. Entries that nest (faults of the stub's reads,
 * NMI) go on there, below what they have interrupted, unless that has left the stack, or used it up. So a gate can
 * have an IST stack: nothing stays on it. In 64-bit mode the CPU aligns rsp to 16 before it pushes, and the frame's
 * size is a multiple of 16, so the frame is aligned for fxsave. */
    .set ENTRIES, 64
    .set FRAME_FXSAVE, 0
    .set FRAME_SYSTEM, 512      /* cr0 .. reserved, filled by the port's capture */
    .set SYSTEM_SIZE, 112
    .set STACK_SIZE, 16384
    .set ROOM, 4096             /* that a nested entry needs at least */

    .text
    .globl unidbg_x86_64_entries
    .type unidbg_x86_64_entries, @function
    .balign 16
unidbg_x86_64_entries:
    .set vector, 0
    .rept ENTRIES
    .balign 16
    /* 8, 10 to 14, 17, 21, 29 and 30 push an error code themselves. */
    .if vector >= 32 || !(0x60227d00 >> vector & 1)
    pushq $0
    .endif
    pushq $vector
    jmp unidbg_x86_64_common
    .set vector, vector + 1
    .endr
    .size unidbg_x86_64_entries, . - unidbg_x86_64_entries

/* Unwinders get through the interrupt by these: the CFA is where the CPU began to push (after alignment), the
 * caller is the interrupted code. In .debug_frame, so the image that runs does not grow. */
    .macro SAVE register
    pushq %\register
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset \register, 0
    .endm
    .macro LOAD register
    popq %\register
    .cfi_adjust_cfa_offset -8
    .cfi_restore \register
    .endm

    .cfi_sections .debug_frame
    .type unidbg_x86_64_common, @function
    .balign 16
unidbg_x86_64_common:
    .cfi_startproc simple
    .cfi_signal_frame
    .cfi_def_cfa rsp, 56        /* vector, error code, rip, cs, rflags, rsp, ss */
    .cfi_offset rip, -40
    .cfi_offset rsp, -16
    incl depth(%rip)
    SAVE rax
    SAVE rbx
    SAVE rcx
    movq %rsp, %rax
    .cfi_def_cfa_register rax
    leaq unidbg_x86_64_stack + STACK_SIZE(%rip), %rbx
    cmpl $1, depth(%rip)
    je 1f
    movq %rbx, %rcx             /* nested: below what was interrupted, if that is on the stack */
    movq 64(%rax), %rbx
    subq $128, %rbx
    andq $-16, %rbx
    subq %rbx, %rcx
    cmpq $STACK_SIZE - ROOM, %rcx
    ja 2f
1:
    movq %rbx, %rsp
    pushq 72(%rax)              /* ss */
    pushq 64(%rax)              /* rsp */
    pushq 56(%rax)              /* rflags */
    pushq 48(%rax)              /* cs */
    pushq 40(%rax)              /* rip */
    pushq 32(%rax)              /* error code */
    pushq 24(%rax)              /* vector */
    pushq 16(%rax)
    pushq 8(%rax)
    pushq (%rax)
2:
    .cfi_def_cfa rsp, 80
    LOAD rcx
    LOAD rbx
    LOAD rax
    SAVE r15
    SAVE r14
    SAVE r13
    SAVE r12
    SAVE r11
    SAVE r10
    SAVE r9
    SAVE r8
    SAVE rbp
    SAVE rdi
    SAVE rsi
    SAVE rdx
    SAVE rcx
    SAVE rbx
    SAVE rax
    subq $(FRAME_SYSTEM + SYSTEM_SIZE), %rsp
    .cfi_adjust_cfa_offset FRAME_SYSTEM + SYSTEM_SIZE
    fxsave64 FRAME_FXSAVE(%rsp)
    cld
    movq %rsp, %rdi
    /* No frame pointer into the interrupted code: a walk of the handler's frame pointers ends here. */
    xorl %ebp, %ebp
    call unidbg_x86_64_handler
    fxrstor64 FRAME_FXSAVE(%rsp)
    addq $(FRAME_SYSTEM + SYSTEM_SIZE), %rsp
    .cfi_adjust_cfa_offset -(FRAME_SYSTEM + SYSTEM_SIZE)
    LOAD rax
    LOAD rbx
    LOAD rcx
    LOAD rdx
    LOAD rsi
    LOAD rdi
    LOAD rbp
    LOAD r8
    LOAD r9
    LOAD r10
    LOAD r11
    LOAD r12
    LOAD r13
    LOAD r14
    LOAD r15
    decl depth(%rip)
    addq $16, %rsp              /* vector and error code */
    .cfi_adjust_cfa_offset -16
    iretq
    .cfi_endproc
    .size unidbg_x86_64_common, . - unidbg_x86_64_common

    .data
    .balign 4
depth:
    .long 0

/* On pages of its own, and all that this file has in .bss: a kernel can leave the page below it unmapped. */
    .bss
    .balign 4096
    .globl unidbg_x86_64_stack
    .type unidbg_x86_64_stack, @object
unidbg_x86_64_stack:
    .skip STACK_SIZE
    .size unidbg_x86_64_stack, STACK_SIZE

    .section .note.GNU-stack, "", @progbits
