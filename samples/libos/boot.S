/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the boot loader to C.
 *
 * QEMU starts a kernel that carries a PVH note (Xen ELF note 18) in 32-bit protected mode: paging off, flat
 * segments, interrupts off, ebx = physical address of struct hvm_start_info. Here: note the time, map the first
 * GiB one to one, enter long mode, let relocate() choose where the image is to run, call libos_main(start_info) there.
 */

#define LINKED_AT 0x100000 /* and loaded at; boot_entry comes first (kernel.ld) */

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
    .quad LINKED_AT

    .section .boot.text, "ax", @progbits
    .code32
    .globl boot_entry
    .type boot_entry, @function
boot_entry:
    .cfi_startproc simple /* under .code32 the assembler would begin with esp by its number of 32 bits: rsi */
    .cfi_def_cfa 7, 8     /* rsp */
    .cfi_undefined 16     /* rip: nothing called this */
    rdtsc /* the first instruction: boot phases count from here */
    movl $LINKED_AT, %ebp /* everything is found from here: 32-bit code knows no other relative addresses */
    movl %eax, boot_first_tick - boot_entry(%ebp)
    movl %edx, boot_first_tick - boot_entry + 4(%ebp)
    leal stack_end - boot_entry(%ebp), %esp
    cld

    /* One PML4 entry, one PDPT entry, 512 pages of 2 MiB: virtual = physical for 1 GiB. */
    leal boot_pdpt - boot_entry + PAGE_PRESENT_WRITABLE(%ebp), %eax
    movl %eax, boot_pml4 - boot_entry(%ebp)
    leal boot_pd - boot_entry + PAGE_PRESENT_WRITABLE(%ebp), %eax
    movl %eax, boot_pdpt - boot_entry(%ebp)
    leal boot_pd - boot_entry(%ebp), %edi
    movl $PAGE_PRESENT_WRITABLE + PAGE_HUGE, %eax
    movl $BOOT_MAPPED_PAGES, %ecx
1:  movl %eax, (%edi)
    addl $8, %edi
    addl $0x200000, %eax
    loop 1b

    movl %cr4, %eax
    orl $CR4_PAE + CR4_OSFXSR + CR4_OSXMMEXCPT, %eax
    movl %eax, %cr4
    leal boot_pml4 - boot_entry(%ebp), %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    rdmsr
    orl $EFER_LME + EFER_NXE, %eax
    wrmsr
    movl %cr0, %eax
    andl $~CR0_EM, %eax
    orl $CR0_PG + CR0_WP + CR0_MP + CR0_PE, %eax
    movl %eax, %cr0 /* paging on: long mode, but still 32-bit code until the far jump */

    leal boot_gdt - boot_entry(%ebp), %eax
    movl %eax, boot_gdt_pointer - boot_entry + 2(%ebp)
    lgdt boot_gdt_pointer - boot_entry(%ebp)
    pushl $0x08
    leal boot_entry_64 - boot_entry(%ebp), %eax
    pushl %eax
    lretl

    .code64
boot_entry_64:
    movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movl %esp, %esp
    xorl %ebp, %ebp /* the end of the chain of frame pointers */
    movl %ebx, %edi
    call relocate
    leaq 2f(%rip), %rdx
    addq %rax, %rdx
    addq %rax, %rsp
    jmp *%rdx
2:  movl %ebx, %edi
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
    .set BOOT_GDT_BYTES, . - boot_gdt

    .section .data, "aw", @progbits
    .balign 8
    .globl boot_first_tick
    .type boot_first_tick, @object
    .size boot_first_tick, 8
boot_first_tick:
    .quad 0
boot_gdt_pointer:
    .word BOOT_GDT_BYTES - 1
    .long 0

    .section .bss, "aw", @nobits
    .balign 4096
    .globl boot_pml4, boot_slid_pdpt, boot_slid_pd
boot_pml4:
    .skip 4096
boot_pdpt:
    .skip 4096
boot_pd:
    .skip 4096
boot_slid_pdpt:
    .skip 4096
boot_slid_pd:
    .skip 4096

    .section .note.GNU-stack, "", @progbits
