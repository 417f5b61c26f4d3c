/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the boot loader to C.
 *
 * QEMU starts a kernel that carries a PVH note (Xen ELF note 18) in 32-bit protected mode: paging off, flat
 * segments, interrupts off, ebx = physical address of struct hvm_start_info. Here: note the time, map the first
 * GiB one to one, enter long mode, call libos_main(start_info).
 */

#define CR0_PE 0x1
#define CR0_MP 0x2
#define CR0_EM 0x4
#define CR0_WP 0x10000
#define CR0_PG 0x80000000
#define CR4_PAE 0x20
#define CR4_OSFXSR 0x200
#define CR4_OSXMMEXCPT 0x400
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100
#define EFER_NXE 0x800
#define PAGE_PRESENT_WRITABLE 0x3
#define PAGE_HUGE 0x80
#define BOOT_MAPPED_PAGES 512 /* of 2 MiB each */

    .section .note.xen, "a", @note
    .balign 4
    .long 4 /* name size */
    .long 8 /* descriptor size */
    .long 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .quad boot_entry

    .section .boot.text, "ax", @progbits
    .code32
    .globl boot_entry
    .type boot_entry, @function
boot_entry:
    .cfi_startproc
    .cfi_undefined 16 /* rip: nothing called this */
    rdtsc /* the first instruction: boot phases count from here */
    movl %eax, boot_first_tick
    movl %edx, boot_first_tick + 4
    cld

    /* One PML4 entry, one PDPT entry, 512 pages of 2 MiB: virtual = physical for 1 GiB. */
    movl $boot_pdpt + PAGE_PRESENT_WRITABLE, boot_pml4
    movl $boot_pd + PAGE_PRESENT_WRITABLE, boot_pdpt
    movl $boot_pd, %edi
    movl $PAGE_PRESENT_WRITABLE + PAGE_HUGE, %eax
    movl $BOOT_MAPPED_PAGES, %ecx
1:  movl %eax, (%edi)
    addl $8, %edi
    addl $0x200000, %eax
    loop 1b

    movl %cr4, %eax
    orl $CR4_PAE + CR4_OSFXSR + CR4_OSXMMEXCPT, %eax
    movl %eax, %cr4
    movl $boot_pml4, %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    rdmsr
    orl $EFER_LME + EFER_NXE, %eax
    wrmsr
    movl %cr0, %eax
    andl $~CR0_EM, %eax
    orl $CR0_PG + CR0_WP + CR0_MP + CR0_PE, %eax
    movl %eax, %cr0 /* paging on: long mode, but still 32-bit code until the far jump */

    lgdt boot_gdt_pointer
    ljmp $0x08, $boot_entry_64

    .code64
boot_entry_64:
    movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movl $stack_end, %esp
    xorl %ebp, %ebp /* the end of the chain of frame pointers */
    movl %ebx, %edi
    call libos_main
    ud2 /* libos_main does not return */
    .cfi_endproc
    .size boot_entry, . - boot_entry

    .section .rodata, "a", @progbits
    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff /* 0x08: code, 64 bits; accessed, so that the CPU has nothing to write here */
    .quad 0x00cf93000000ffff /* 0x10: data */
boot_gdt_pointer:
    .word boot_gdt_pointer - boot_gdt - 1
    .quad boot_gdt

    .section .data, "aw", @progbits
    .balign 8
    .globl boot_first_tick
    .type boot_first_tick, @object
    .size boot_first_tick, 8
boot_first_tick:
    .quad 0

    .section .bss, "aw", @nobits
    .balign 4096
boot_pml4:
    .skip 4096
boot_pdpt:
    .skip 4096
boot_pd:
    .skip 4096

    .section .note.GNU-stack, "", @progbits
