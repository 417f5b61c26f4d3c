/* Call frame information that compilers seldom write: signal frames, expressions, remembered states. */
    .text
    .globl _start, trap, plain, entry
_start:
    .cfi_startproc
    .cfi_undefined rip
    call plain
    .cfi_endproc

    .type plain, @function
plain:
    .cfi_startproc
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    mov %rsp, %rbp
    .cfi_def_cfa_register %rbp
    .cfi_remember_state
    test %eax, %eax
    jz 1f
    pop %rbp
    .cfi_def_cfa %rsp, 8
    .cfi_restore %rbp
    ret
1:
    .cfi_restore_state
    .cfi_register %rbx, %r11
    .cfi_val_offset %r12, 8
    .cfi_same_value %r13
    nop
    leave
    .cfi_def_cfa %rsp, 8
    ret
    .cfi_endproc
    .size plain, . - plain

    .type trap, @function
/* The frame of an interrupt: rip, cs, rflags, rsp, ss lie at rsp. */
trap:
    .cfi_startproc
    .cfi_signal_frame
    .cfi_escape 0x0f, 0x03, 0x77, 0x18, 0x06
    .cfi_escape 0x10, 0x10, 0x02, 0x77, 0x00
    .cfi_escape 0x16, 0x06, 0x02, 0x76, 0x00
    nop
    nop
    iretq
    .cfi_endproc
    .size trap, . - trap
    .section .note.GNU-stack, "", @progbits
