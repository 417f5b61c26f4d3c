/* SPDX-License-Identifier: BSD-3-Clause */
/* The one place where the stub touches memory that may not be there; the way back from code of the guest
 * that faults while the stub calls it; and the slot for steps. */

    .text
    .globl x86_copy
    .type x86_copy, @function
/* size_t x86_copy(void *to, const void *from, size_t count): bytes copied, up to a fault. The
 * fault's handler sees rip at `access` or `access_word`, with what is left in rcx, and sends it to `recover`
 * (unidbg_fixup). Four bytes that are aligned go at once: devices know no parts of a register. */
x86_copy:
    cmpq $4, %rdx
    jne 2f
    testb $3, %sil
    je 1f
2:
    movq %rdx, %rcx
    movq %rdx, %rax
    .globl x86_access
x86_access:
    rep movsb
    .globl x86_recover
x86_recover:
    subq %rcx, %rax
    ret
1:
    movl $1, %ecx
    movl %ecx, %eax
    .globl x86_access_word
x86_access_word:
    rep movsl
    movl %edx, %eax
    ret
    .size x86_copy, . - x86_copy

    .section .text.guarded, "ax"
    .globl x86_guarded
    .type x86_guarded, @function
/* bool x86_guarded(struct unidbg_guard *guard, void (*call)(void *), void *argument): true when
 * `call` has returned, false when it faulted: then the fault's handler has sent it to x86_failed,
 * rdi being the guard. */
x86_guarded:
    movq %rbx, 0(%rdi)
    movq %rbp, 8(%rdi)
    movq %r12, 16(%rdi)
    movq %r13, 24(%rdi)
    movq %r14, 32(%rdi)
    movq %r15, 40(%rdi)
    movq %rsp, 48(%rdi)
    movq $1, 56(%rdi)           /* active */
    pushq %rdi
    movq %rsi, %rax
    movq %rdx, %rdi
    call *%rax
    popq %rdi
    movq $0, 56(%rdi)
    movl $1, %eax
    ret
    .globl x86_failed
x86_failed:
    movq 0(%rdi), %rbx
    movq 8(%rdi), %rbp
    movq 16(%rdi), %r12
    movq 24(%rdi), %r13
    movq 32(%rdi), %r14
    movq 40(%rdi), %r15
    movq 48(%rdi), %rsp
    movq $0, 56(%rdi)
    xorl %eax, %eax
    ret
    .size x86_guarded, . - x86_guarded

    .section .text.slot, "ax"
    .globl x86_slot_area
    .type x86_slot_area, @object
    .balign 32
x86_slot_area:
    .fill 32, 1, 0xcc
    .size x86_slot_area, . - x86_slot_area

    .section .note.GNU-stack, "", @progbits
