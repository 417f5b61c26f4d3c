/* SPDX-License-Identifier: BSD-3-Clause */
/* The one place where the stub touches memory that may not be there, and the slot for steps. */

    .text
    .globl unidbg_x86_64_copy
    .type unidbg_x86_64_copy, @function
/* size_t unidbg_x86_64_copy(void *to, const void *from, size_t count): bytes copied, up to a fault. The
 * fault's handler sees rip at `access`, with the bytes left in rcx, and sends it to `recover`
 * (unidbg_fixup). */
unidbg_x86_64_copy:
    movq %rdx, %rcx
    movq %rdx, %rax
    .globl unidbg_x86_64_access
unidbg_x86_64_access:
    rep movsb
    .globl unidbg_x86_64_recover
unidbg_x86_64_recover:
    subq %rcx, %rax
    ret
    .size unidbg_x86_64_copy, . - unidbg_x86_64_copy

    .globl unidbg_x86_64_slot_area
    .type unidbg_x86_64_slot_area, @object
    .balign 32
unidbg_x86_64_slot_area:
    .fill 32, 1, 0xcc
    .size unidbg_x86_64_slot_area, . - unidbg_x86_64_slot_area

    .section .note.GNU-stack, "", @progbits
