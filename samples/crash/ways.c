/* SPDX-License-Identifier: BSD-3-Clause */
#include "crash/ways.h"

#include <stddef.h>

#include "libos/apic.h"
#include "libos/assert.h"
#include "libos/device.h"
#include "libos/loop.h"
#include "libos/memory.h"
#include "libos/panic.h"
#include "libos/string.h"

#define FIELD_OFFSET 0x10
#define BLOCK_BYTES 48ul
#define FRAME_BYTES 2048
#define LEAKED_BYTES 4096
#define NAME_BYTES 16
#define SMASHED_BYTES 64

typedef uint64_t (*function)(void);

/* What a compiler must not see through: it would find the bug, and make another of it. */
static volatile uintptr_t nothing;
static volatile uint64_t zero;
static volatile uint64_t depth;
static volatile function deeper = crash_stack_overflow;

/* mov eax, 42; ret: code, where code must not be. */
static uint8_t machine_code[16] = {0xb8, 0x2a, 0x00, 0x00, 0x00, 0xc3};

/* ---- wild pointers ---- */

/* A member of a structure behind a NULL pointer. */
uint64_t crash_null_write(void) {
    *(volatile uint32_t *)(nothing + FIELD_OFFSET) = 1;
    return 0;
}

uint64_t crash_jump_to_null(void) {
    function next = (function)nothing;
    return next() + 1; /* not as the last thing: a jump would leave no trace of us */
}

uint64_t crash_jump_to_data(void) {
    volatile uintptr_t place = (uintptr_t)machine_code;
    function next = (function)place;
    return next() + 1;
}

uint64_t crash_execute_heap(void) {
    uint8_t *code = heap_allocate(sizeof(machine_code));
    assert(code != NULL);
    memcpy(code, machine_code, sizeof(machine_code));
    function next = (function)(uintptr_t)code;
    return next() + 1;
}

/* ---- what the compiler checks ---- */

uint64_t crash_bounds(void) {
    static const uint8_t primes[] = {2, 3, 5, 7};
    size_t index = zero + sizeof(primes) + 1;
    return primes[index];
}

uint64_t crash_misaligned(void) {
    volatile uintptr_t place = (uintptr_t)machine_code + 1;
    return *(volatile uint32_t *)place;
}

/* A callback that is no begin of a function: the loop refuses it. */
uint64_t crash_wild_callback(void) {
    void (*callback)(void *) = (void (*)(void *))((uintptr_t)crash_null_write + 5);
    loop_timer_start(callback, NULL, 0, 0);
    return 0;
}

/* ---- the heap ---- */

uint64_t crash_heap_overrun(void) {
    uint8_t *first = heap_allocate(BLOCK_BYTES);
    uint8_t *second = heap_allocate(BLOCK_BYTES);
    assert(first != NULL && second != NULL);
    volatile size_t length = 2 * BLOCK_BYTES;
    memset(first, 'A', length);
    heap_free(first);
    heap_free(second);
    return 0;
}

uint64_t crash_double_free(void) {
    void *block = heap_allocate(BLOCK_BYTES);
    void *behind = heap_allocate(BLOCK_BYTES); /* else the heap would end before a freed block */
    assert(block != NULL && behind != NULL);
    heap_free(block);
    heap_free(block);
    return 0;
}

static void *allocate_or_panic(size_t size) {
    void *block = heap_allocate(size);
    if (block == NULL) {
        panic("out of memory: no room for %zu bytes", size);
    }
    return block;
}

uint64_t crash_out_of_memory(void) {
    for (uint64_t count = 0;; count++) {
        *(volatile uint64_t *)allocate_or_panic(LEAKED_BYTES) = count;
    }
}

/* ---- the stack ---- */

static __attribute__((noinline)) uint64_t smash(volatile size_t length) {
    char name[NAME_BYTES];
    memset(name, 'A', length);
    return (uint64_t)((volatile char *)name)[zero];
}

/* A little more each time than fits: a canary notices before the return address goes. */
uint64_t crash_stack_smash(void) {
    uint64_t sum = 0;
    for (size_t length = NAME_BYTES; length <= SMASHED_BYTES; length += sizeof(uint64_t)) {
        sum += smash(length);
    }
    return sum;
}

uint64_t crash_stack_overflow(void) {
    volatile uint8_t scratch[FRAME_BYTES];
    scratch[0] = (uint8_t)depth++;
    return deeper() + scratch[0];
}

/* ---- the rest ---- */

uint64_t crash_divide(void) {
    return FIELD_OFFSET / zero;
}

uint64_t crash_assert(void) {
    uint64_t count = zero + 1;
    assert(count == 0);
    return count;
}

static void fault_in_handler(struct device_access *device, struct unidbg_frame *frame) {
    (void)frame;
    device->interrupts = crash_null_write() + 1;
}

uint64_t crash_interrupt_fault(void) {
    struct device_access *device = device_add(
        (struct device_access){.name = "faulty", .irq = DEVICE_NO_IRQ, .handler = fault_in_handler});
    lapic_interrupt_self(device_connect(device));
    return 0;
}
