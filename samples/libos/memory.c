/* SPDX-License-Identifier: BSD-3-Clause */
/* What lies where, and the arena of pages and heap. */
#include "libos/memory.h"

#include <unidbg/probe.h>

#include "libos/boot.h"
#include "libos/image.h"
#include "libos/memory_parts.h"
#include "libos/paging.h"
#include "libos/panic.h"
#include "libos/relocate.h"
#include "libos/security.h"

static struct memory_layout layout;
struct memory_manager manager;
struct unidbg_tracker tracker;

UNIDBG_PROBE(memory, layout, &layout);
UNIDBG_PROBE(heap, kernel, &manager);
UNIDBG_PROBE(tracker, heap, &tracker);

const struct memory_layout *memory_layout(void) {
    return &layout;
}

const struct memory_manager *memory_manager(void) {
    return &manager;
}

/* RAM from the end of the image up to where it ends, or to an initrd in it. */
static struct range free_ram(void) {
    const struct boot_info *boot = boot_info();
    struct range ram = {align_up(relocate_physical(image_start) + (image_end - image_start), PAGE_BYTES), 0};
    for (uint32_t i = 0; i < boot->memory_map_count; i++) {
        const struct boot_memory *entry = &boot->memory_maps[i];
        struct range range = {entry->start, entry->start + entry->length};
        if (entry->type == BOOT_MEMORY_USABLE && range_contains(range, ram.start)) {
            ram.end = range.end < BOOT_MAPPED_BYTES ? range.end : BOOT_MAPPED_BYTES;
        }
    }
    if (range_contains(ram, boot->initrd.start)) {
        ram.end = boot->initrd.start;
    }
    ram.end = align_down(ram.end, PAGE_BYTES);
    return ram;
}

static void add_guard(uintptr_t stack) {
    layout.guards[layout.guard_count] = (struct range){stack - PAGE_BYTES, stack};
    layout.guard_count++;
}

static void add_guards(void) {
    for (unsigned i = 0; i < INTERRUPT_STACKS; i++) {
        add_guard(interrupt_stack(i).start);
    }
    if (&trap_stack_start[0] < &trap_stack_end[0]) { /* none in a process */
        add_guard((uintptr_t)trap_stack_start);
    }
    add_guard((uintptr_t)stack_start);
}

static void describe_layout(struct range heap) {
    layout.code = (struct range){(uintptr_t)code_start, (uintptr_t)code_end};
    layout.rodata = (struct range){(uintptr_t)rodata_start, (uintptr_t)rodata_end};
    layout.data = (struct range){(uintptr_t)data_start, (uintptr_t)data_end};
    layout.stack = (struct range){(uintptr_t)stack_start, (uintptr_t)stack_end};
    layout.heap = heap;
    if (security_config()->guard_pages) {
        add_guards();
    }
}

void memory_init(uint64_t arena_bytes) {
    struct range arena = free_ram();
    if (arena.end < arena.start + 2 * PAGE_BYTES) {
        panic("no RAM behind the image");
    }
    if (arena.end - arena.start > align_up(arena_bytes, PAGE_BYTES)) {
        arena.end = arena.start + align_up(arena_bytes, PAGE_BYTES);
    }
    arena = pages_init(arena);
    heap_init(arena);
    boot_preallocate();
    describe_layout(arena);
}
