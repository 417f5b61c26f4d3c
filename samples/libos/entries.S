/* SPDX-License-Identifier: BSD-3-Clause */
/* Stand-in for the stub's entry.S. */
    .text
    .globl unidbg_x86_64_entries
    .balign 16
unidbg_x86_64_entries:
    .set n, 0
    .rept 64
    .balign 16
    .if !(n == 8 || (n >= 10 && n <= 14) || n == 17 || n == 21)
    pushq $0
    .endif
    pushq $n
    jmp common
    .set n, n + 1
    .endr
common:
    pushq %r15
    pushq %r14
    pushq %r13
    pushq %r12
    pushq %r11
    pushq %r10
    pushq %r9
    pushq %r8
    pushq %rbp
    pushq %rdi
    pushq %rsi
    pushq %rdx
    pushq %rcx
    pushq %rbx
    pushq %rax
    subq $624, %rsp
    fxsave (%rsp)
    cld
    movq %rsp, %rdi
    call unidbg_x86_64_handler
    fxrstor (%rsp)
    addq $624, %rsp
    popq %rax
    popq %rbx
    popq %rcx
    popq %rdx
    popq %rsi
    popq %rdi
    popq %rbp
    popq %r8
    popq %r9
    popq %r10
    popq %r11
    popq %r12
    popq %r13
    popq %r14
    popq %r15
    addq $16, %rsp
    iretq
    .section .note.GNU-stack, "", @progbits
