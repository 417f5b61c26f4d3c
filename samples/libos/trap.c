/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/trap.h"

#include <stdint.h>

#include "libos/debug.h"
#include "libos/device.h"
#include "libos/image.h"

#define SELECTOR_CODE 0x08
#define SELECTOR_TASK 0x18

#define DESCRIPTOR_CODE_64 0x00af9a000000fffful
#define DESCRIPTOR_DATA 0x00cf92000000fffful
#define DESCRIPTOR_TASK 0x0000890000000000ul
#define GATE_INTERRUPT 0x8e /* present, ring 0, interrupts off inside */

#define VECTOR_NMI 2
#define VECTOR_DOUBLE_FAULT 8
#define VECTOR_PAGE_FAULT 14
#define VECTOR_MACHINE_CHECK 18

/* These can come when the stack is not to be trusted: each gets a stack of its own. A page fault may be the stack that
 * has grown into its guard page. The entries leave these stacks before they call anything: a fault may come in a fault. */
enum { IST_NONE, IST_DOUBLE_FAULT, IST_NMI, IST_MACHINE_CHECK, IST_PAGE_FAULT, IST_COUNT };
_Static_assert(IST_COUNT - 1 == INTERRUPT_STACKS, "a stack for each");

struct task_state {
    uint32_t reserved_0;
    uint64_t ring_stacks[3];
    uint64_t reserved_1;
    uint64_t interrupt_stacks[7];
    uint64_t reserved_2;
    uint16_t reserved_3;
    uint16_t io_map;
} __attribute__((packed));

struct gate {
    uint16_t offset_low;
    uint16_t selector;
    uint8_t stack; /* index of an interrupt stack, 0: stay on the current one */
    uint8_t type;
    uint16_t offset_middle;
    uint32_t offset_high;
    uint32_t reserved;
};

struct table_pointer {
    uint16_t limit;
    const void *base;
} __attribute__((packed));

static struct task_state task_state;
static uint64_t descriptors[5] = {0, DESCRIPTOR_CODE_64, DESCRIPTOR_DATA};
static struct gate gates[TRAP_VECTORS] __attribute__((aligned(16)));

static uint8_t stack_of(unsigned vector) {
    switch (vector) {
    case VECTOR_NMI:
        return IST_NMI;
    case VECTOR_DOUBLE_FAULT:
        return IST_DOUBLE_FAULT;
    case VECTOR_MACHINE_CHECK:
        return IST_MACHINE_CHECK;
    case VECTOR_PAGE_FAULT:
        return IST_PAGE_FAULT;
    default:
        return IST_NONE;
    }
}

static struct gate gate_to(uintptr_t entry, uint8_t stack) {
    return (struct gate){
        .offset_low = (uint16_t)entry,
        .selector = SELECTOR_CODE,
        .stack = stack,
        .type = GATE_INTERRUPT,
        .offset_middle = (uint16_t)(entry >> 16),
        .offset_high = (uint32_t)(entry >> 32),
    };
}

static void load_segments(void) {
    for (unsigned i = 0; i < IST_COUNT - 1; i++) {
        task_state.interrupt_stacks[i] = interrupt_stack(i).end;
    }
    task_state.io_map = sizeof(task_state); /* beyond the limit: none */
    uintptr_t base = (uintptr_t)&task_state;
    descriptors[3] =
        DESCRIPTOR_TASK | (sizeof(task_state) - 1) | (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
    descriptors[4] = base >> 32;
    struct table_pointer pointer = {sizeof(descriptors) - 1, descriptors};
    __asm__ volatile("lgdt %0" : : "m"(pointer));
    __asm__ volatile("ltr %w0" : : "r"(SELECTOR_TASK)); /* code and data selectors keep their meaning */
}

static void load_gates(void) {
    for (unsigned vector = 0; vector < TRAP_VECTORS; vector++) {
        uintptr_t entry = (uintptr_t)unidbg_x86_64_entries + 16 * (uintptr_t)vector;
        gates[vector] = gate_to(entry, stack_of(vector));
    }
    struct table_pointer pointer = {sizeof(gates) - 1, gates};
    __asm__ volatile("lidt %0" : : "m"(pointer));
}

void trap_init(void) {
    load_segments();
    load_gates();
}

void unidbg_x86_64_handler(struct unidbg_frame *frame) {
    if (frame->vector < TRAP_FIRST_INTERRUPT) {
        debug_exception(frame);
    } else {
        device_interrupt((uint8_t)frame->vector, frame);
    }
}
