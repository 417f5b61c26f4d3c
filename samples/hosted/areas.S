/* SPDX-License-Identifier: BSD-3-Clause */
/* Stacks and RAM, in a section of their own behind everything else. Costs nothing until it is touched. */
    .section .hosted_areas, "aw", @nobits
    .balign 4096
    .globl interrupt_stacks_start, trap_stack_start, trap_stack_end, stack_start, stack_end, image_end, hosted_ram, hosted_ram_end
interrupt_stacks_start:
    .skip 4 * (4096 + 8192)
trap_stack_start:
trap_stack_end:
    .skip 4096
    .type stack_start, @object
stack_start:
    .skip 262144
stack_end:
image_end:
hosted_ram:
    .skip 64 << 20
hosted_ram_end:

    .text
    .globl hosted_enter
    .type hosted_enter, @function
/* void hosted_enter(uintptr_t start_info): libos_main on the stack above; the end of the chain of frames. */
hosted_enter:
    .cfi_startproc
    .cfi_undefined 16
    endbr64
    movl $stack_end, %esp
    xorl %ebp, %ebp
    call libos_main
    ud2
    .cfi_endproc
    .size hosted_enter, . - hosted_enter

    .section .note.GNU-stack, "", @progbits
