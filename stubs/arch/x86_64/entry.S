/* SPDX-License-Identifier: BSD-3-Clause */
/* Entries for interrupt gates: save a whole frame (struct unidbg_frame), call unidbg_x86_64_handler,
 * restore the frame, iretq. Entry n lies at unidbg_x86_64_entries + 16 * n.
 *
 * In 64-bit mode the CPU aligns rsp to 16 before it pushes, and the frame's size is a multiple of 16, so the
 * frame is aligned for fxsave wherever the stack was.
 */
    .set ENTRIES, 64
    .set FRAME_FXSAVE, 0
    .set FRAME_SYSTEM, 512      /* cr0 .. reserved, filled by the port's capture */
    .set SYSTEM_SIZE, 112

    .text
    .globl unidbg_x86_64_entries
    .type unidbg_x86_64_entries, @function
    .balign 16
unidbg_x86_64_entries:
    .set vector, 0
    .rept ENTRIES
    .balign 16
    /* 8, 10 to 14, 17, 21, 29 and 30 push an error code themselves. */
    .if !((vector == 8) || ((vector >= 10) && (vector <= 14)) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30))
    pushq $0
    .endif
    pushq $vector
    jmp common
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
    .type common, @function
    .balign 16
common:
    .cfi_startproc simple
    .cfi_signal_frame
    .cfi_def_cfa rsp, 56        /* vector, error code, rip, cs, rflags, rsp, ss */
    .cfi_offset rip, -40
    .cfi_offset rsp, -16
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
    addq $16, %rsp              /* vector and error code */
    .cfi_adjust_cfa_offset -16
    iretq
    .cfi_endproc
    .size common, . - common

    .section .note.GNU-stack, "", @progbits
