/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel around the code of docs/porting.md: PVH to long mode, 1 GiB mapped one to one, then kernel_main. */
    .section .note.xen, "a", @note
    .long 4
    .long 8
    .long 18                    /* XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .quad boot

    .text
    .code32
    .globl boot
boot:
    movl $pdpt + 3, pml4
    movl $directory + 3, pdpt
    movl $directory, %edi
    movl $0x83, %eax
    movl $512, %ecx
1:  movl %eax, (%edi)
    addl $8, %edi
    addl $0x200000, %eax
    loop 1b
    movl $0x620, %eax           /* PAE, OSFXSR, OSXMMEXCPT */
    movl %eax, %cr4
    movl $pml4, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx
    rdmsr
    orl $0x100, %eax
    wrmsr
    movl $0x80010003, %eax      /* PG, WP, MP, PE */
    movl %eax, %cr0
    lgdt table
    ljmp $8, $long_mode

    .code64
long_mode:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl $stack_top, %esp
    xorl %ebp, %ebp
    call kernel_main
    ud2

    .section .rodata
    .balign 8
descriptors:
    .quad 0, 0x00af9a000000ffff, 0x00cf92000000ffff
table:
    .word table - descriptors - 1
    .quad descriptors

    .bss
    .balign 4096
    .lcomm pml4, 4096
    .lcomm pdpt, 4096
    .lcomm directory, 4096
    .balign 16
    .fill 16384
stack_top:
    .section .note.GNU-stack, "", @progbits
