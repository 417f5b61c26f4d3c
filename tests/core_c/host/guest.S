/* SPDX-License-Identifier: BSD-3-Clause */
/* The guest of the host machine: it sleeps, ticks, calls, and crashes in several ways when asked. Its data
 * is guest_data.c. */
    .text
    .globl guest_start
    .type guest_start, @function
guest_start:
    .cfi_startproc
    .cfi_undefined rip
    xorl %ebp, %ebp
main_loop:
    hlt
    call tick
    call *crash(%rip)
    jmp main_loop
    .cfi_endproc
    .size guest_start, . - guest_start

/* Counts; deep enough for a backtrace, with and without emulated instructions. */
    .globl tick
    .type tick, @function
tick:
    .cfi_startproc
    pushq %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset rbp, 0
    movq %rsp, %rbp
    .cfi_def_cfa_register rbp
    subq $16, %rsp
    incq ticks(%rip)
    call count
    call copy
    leave
    .cfi_def_cfa rsp, 8
    ret
    .cfi_endproc
    .size tick, . - tick

    .globl count
    .type count, @function
count:
    .cfi_startproc
    incq counted(%rip)
    nop
    nop
    ret
    .cfi_endproc
    .size count, . - count

    .globl copy
    .type copy, @function
copy:
    .cfi_startproc
    leaq text(%rip), %rsi
    leaq buffer(%rip), %rdi
    movl $5, %ecx
    rep movsb
    ret
    .cfi_endproc
    .size copy, . - copy

    .globl quiet
    .type quiet, @function
quiet:
    ret
    .size quiet, . - quiet

    .globl crash_read
    .type crash_read, @function
crash_read:
    movq $0x1000, %rax
    movq (%rax), %rax
    ret
    .size crash_read, . - crash_read

    .globl crash_divide
    .type crash_divide, @function
crash_divide:
    movl $0, %ecx
    divq %rcx
    ret
    .size crash_divide, . - crash_divide

    .globl crash_invalid
    .type crash_invalid, @function
crash_invalid:
    ud2
    .size crash_invalid, . - crash_invalid

    .globl own_breakpoint
    .type own_breakpoint, @function
own_breakpoint:
    int3
    ret
    .size own_breakpoint, . - own_breakpoint

    .globl soft_interrupt
    .type soft_interrupt, @function
soft_interrupt:
    int $0x20
    nop
    nop
    ret
    .size soft_interrupt, . - soft_interrupt

    .globl spin
    .type spin, @function
spin:
    jmp spin
    .size spin, . - spin

    .section .note.GNU-stack, "", @progbits
