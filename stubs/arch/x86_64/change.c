/* SPDX-License-Identifier: BSD-3-Clause */
/* The port's functions for ring 0: writing. An observe-only build leaves this file out. */
#include "../../core/features.h"
#include "control.h"
#include "machine.h"
#include "registers.h"

enum { CR0_WP = 0x10000, CR4_CET = 0x800000 };

static void write_msr(uint32_t number, uint64_t value) {
    __asm__ volatile("wrmsr" : : "c"(number), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

size_t unidbg_x86_64_poke(void *context, uint64_t address, const void *from, size_t count) {
    (void)context;
    return x86_copy((void *)address, from, count); // NOLINT(performance-no-int-to-ptr)
}

static uint64_t interrupts_off(void) {
    uint64_t flags;
    __asm__ volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
    return flags;
}

static void interrupts_back(uint64_t flags) {
    if (flags & X86_IF)
        __asm__ volatile("sti" : : : "memory");
}

/* With CR0.WP clear this CPU alone writes to read-only pages. The window is as long as the copy, and moving
 * to CR0 serialises, so what was written is what is executed next. Shadow stacks (CR4.CET) depend on WP:
 * they go off first. */
size_t unidbg_x86_64_poke_text(void *context, uint64_t address, const void *from, size_t count) {
    uint64_t flags = interrupts_off();
    uint64_t cr0 = read_cr0();
    uint64_t cr4 = read_cr4();
    size_t done;

    if (cr4 & CR4_CET)
        write_cr4(cr4 & ~(uint64_t)CR4_CET);
    write_cr0(cr0 & ~(uint64_t)CR0_WP);
    done = unidbg_x86_64_poke(context, address, from, count);
    write_cr0(cr0);
    if (cr4 & CR4_CET)
        write_cr4(cr4);
    interrupts_back(flags);
    return done;
}

static void restore_msr(uint32_t number, uint64_t value) {
    if (read_msr(number) != value)
        write_msr(number, value);
}

/* Only what a client has changed is written; cr2 also because the stub's own reads may have faulted. */
void unidbg_x86_64_restore(void *context, struct unidbg_frame *frame) {
    (void)context;
    restore_msr(MSR_FS_BASE, frame->fs_base);
    restore_msr(MSR_GS_BASE, frame->gs_base);
#if WITH_DOCUMENTS
    restore_msr(MSR_KERNEL_GS_BASE, frame->k_gs_base);
    restore_msr(MSR_EFER, frame->efer);
    if (read_cr8() != frame->cr8)
        write_cr8(frame->cr8);
    if (read_cr4() != frame->cr4)
        write_cr4(frame->cr4);
    if (read_cr0() != frame->cr0)
        write_cr0(frame->cr0);
    if (read_cr3() != frame->cr3)
        write_cr3(frame->cr3);
#endif
    if (read_cr2() != frame->cr2)
        write_cr2(frame->cr2);
}

uint64_t unidbg_x86_64_slot(void *context) {
    (void)context;
    return WITH_COPIES ? (uintptr_t)x86_slot_area : 0;
}

#if WITH_HARDWARE

static void write_address(unsigned slot, uint64_t address) {
    switch (slot) {
    case 0:
        write_dr0(address);
        break;
    case 1:
        write_dr1(address);
        break;
    case 2:
        write_dr2(address);
        break;
    default:
        write_dr3(address);
        break;
    }
}

/* DR7: enable bit at 2n, condition (0 execute, 1 write, 3 access) at 16 + 4n, length (1, 2, 8, 4 bytes as 0
 * to 3) at 18 + 4n. There is no watching of reads alone: a watchpoint for reads stops at writes, too, and gdb
 * passes over those that change the value. */
bool unidbg_x86_64_hardware(void *context, unsigned slot, enum unidbg_hardware kind, uint64_t address,
                            unsigned length) {
    static const uint8_t conditions[] = {0, 0, 1, 3, 3};
    static const uint8_t lengths[] = {0, 0, 1, 0, 3, 0, 0, 0, 2};
    uint64_t control = read_dr7() & ~((uint64_t)3 << 2 * slot | (uint64_t)15 << (16 + 4 * slot));

    (void)context;
    if (length > 8 || (length & (length - 1)) || (length && address & (length - 1)))
        return false;
    if (length > 0) {
        uint64_t bits = (uint64_t)conditions[kind] | (uint64_t)lengths[length] << 2;
        write_address(slot, address);
        control |= (uint64_t)2 << 2 * slot | bits << (16 + 4 * slot);
    }
    write_dr7(control);
    return true;
}

uint32_t unidbg_x86_64_hardware_hits(void *context) {
    uint64_t status = read_dr6();

    (void)context;
    write_dr6(status & ~(uint64_t)15);
    return (uint32_t)status & 15;
}

#else

bool unidbg_x86_64_hardware(void *context, unsigned slot, enum unidbg_hardware kind, uint64_t address,
                            unsigned length) {
    (void)context;
    (void)slot;
    (void)kind;
    (void)address;
    (void)length;
    return false;
}

uint32_t unidbg_x86_64_hardware_hits(void *context) {
    (void)context;
    return 0;
}

#endif

void x86_add_writers(struct unidbg_port *port) {
    port->poke = unidbg_x86_64_poke;
    port->poke_text = unidbg_x86_64_poke_text;
    port->restore = unidbg_x86_64_restore;
#if WITH_COPIES
    port->slot = unidbg_x86_64_slot;
#endif
#if WITH_HARDWARE
    port->hardware_slots = 4;
    port->hardware = unidbg_x86_64_hardware;
    port->hardware_hits = unidbg_x86_64_hardware_hits;
#endif
}
