/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/memory.h"

#include <unidbg/probe.h>

#include "libos/boot.h"
#include "libos/image.h"
#include "libos/paging.h"
#include "libos/panic.h"
#include "libos/string.h"

#define SMALLEST_BLOCK 32ul
#define CLASSES 16 /* up to 1 MiB */
#define WORD_BITS 64

/* Mixed with address and size into the check word: a wild pointer is not taken for a block, nor a free one for live. */
#define BLOCK_LIVE 0x6576696c6b636f6cul
#define BLOCK_FREE 0x656572666b636f6cul

struct block {
    uint64_t size; /* as asked for, bytes */
    uint64_t check;
    union {
        struct block *next_free; /* of its class */
        uint8_t data[16];
    };
};

static struct memory_layout layout;
static struct memory_manager manager;

UNIDBG_PROBE(memory, layout, &layout);
UNIDBG_PROBE(heap, kernel, &manager);

const struct memory_layout *memory_layout(void) {
    return &layout;
}

const struct memory_manager *memory_manager(void) {
    return &manager;
}

/* ---- the page bitmap ---- */

static bool page_in_use(uint64_t page) {
    return manager.page_bitmap[page / WORD_BITS] >> page % WORD_BITS & 1;
}

static void pages_mark(uint64_t first, uint64_t count) {
    for (uint64_t page = first; page < first + count; page++) {
        manager.page_bitmap[page / WORD_BITS] |= 1ul << page % WORD_BITS;
    }
    manager.page_free -= count;
}

static void pages_unmark(uint64_t first, uint64_t count) {
    for (uint64_t page = first; page < first + count; page++) {
        manager.page_bitmap[page / WORD_BITS] &= ~(1ul << page % WORD_BITS);
    }
    manager.page_free += count;
}

static uint64_t pages_free_below(uint64_t end, uint64_t most) {
    uint64_t count = 0;
    while (count < most && count < end && !page_in_use(end - count - 1)) {
        count++;
    }
    return count;
}

void *page_allocate(uint64_t count) {
    uint64_t end = manager.page_total;
    while (end >= count) {
        uint64_t found = pages_free_below(end, count);
        if (found == count) {
            pages_mark(end - count, count);
            uintptr_t address = manager.page_base + (end - count) * PAGE_BYTES;
            return memset((void *)address, 0, count * PAGE_BYTES);
        }
        end -= found + 1;
    }
    return NULL;
}

void page_free(void *pages, uint64_t count) {
    pages_unmark(((uintptr_t)pages - manager.page_base) / PAGE_BYTES, count);
}

uint64_t memory_count_free_pages(void) {
    uint64_t count = 0;
    for (uint64_t page = 0; page < manager.page_total; page++) {
        count += !page_in_use(page);
    }
    return count;
}

/* ---- the heap ---- */

static struct block *free_blocks[CLASSES]; /* by size class, last freed first */

static size_t block_bytes(unsigned class) {
    return SMALLEST_BLOCK << class;
}

/* Class n has blocks of SMALLEST_BLOCK << n bytes, header included. CLASSES: too big for any. */
static unsigned class_of(size_t size) {
    unsigned class = 0;
    while (class < CLASSES && size > block_bytes(class) - offsetof(struct block, data)) {
        class ++;
    }
    return class;
}

static uint64_t check_of(const struct block *block, uint64_t state) {
    return state ^ (uintptr_t)block ^ block->size;
}

static uint64_t pages_up_to(uintptr_t address) {
    return (align_up(address, PAGE_BYTES) - manager.page_base) / PAGE_BYTES;
}

/* Take the pages up to a new end of the heap. False: pages from the other end are in the way. */
static bool heap_grow(uintptr_t current) {
    uint64_t have = pages_up_to(manager.current);
    uint64_t need = pages_up_to(current);
    for (uint64_t page = have; page < need; page++) {
        if (page_in_use(page)) {
            return false;
        }
    }
    pages_mark(have, need - have);
    manager.current = current;
    return true;
}

static struct block *new_block(unsigned class) {
    struct block *block = (struct block *)manager.current;
    uint64_t room = manager.end - manager.current;
    return block_bytes(class) <= room && heap_grow(manager.current + block_bytes(class)) ? block : NULL;
}

static struct block *reuse_block(unsigned class) {
    struct block *block = free_blocks[class];
    if (block != NULL) {
        if (block->check != check_of(block, BLOCK_FREE)) {
            panic("heap: free block %p was overwritten", (void *)block);
        }
        free_blocks[class] = block->next_free;
    }
    return block;
}

static void account(uint64_t size) {
    manager.count++;
    manager.allocated += size;
    if (manager.allocated > manager.peak) {
        manager.peak = manager.allocated;
    }
}

void *heap_allocate(size_t size) {
    unsigned class = class_of(size);
    struct block *block = class < CLASSES ? reuse_block(class) : NULL;
    if (block == NULL && class < CLASSES) {
        block = new_block(class);
    }
    if (block == NULL) {
        return NULL;
    }
    block->size = size;
    block->check = check_of(block, BLOCK_LIVE);
    account(size);
    return block->data;
}

void heap_free(void *data) {
    if (data == NULL) {
        return;
    }
    struct block *block = (struct block *)((uint8_t *)data - offsetof(struct block, data));
    if (block->check != check_of(block, BLOCK_LIVE)) {
        panic("heap: %p is not an allocated block", data);
    }
    unsigned class = class_of(block->size);
    manager.count--;
    manager.allocated -= block->size;
    block->check = check_of(block, BLOCK_FREE);
    block->next_free = free_blocks[class];
    free_blocks[class] = block;
}

/* ---- setting up ---- */

/* RAM from the end of the image up to where it ends, or to an initrd in it. */
static struct range free_ram(void) {
    const struct boot_info *boot = boot_info();
    struct range ram = {align_up((uintptr_t)image_end, PAGE_BYTES), 0};
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

static void describe_layout(struct range heap) {
    layout.code = (struct range){(uintptr_t)code_start, (uintptr_t)code_end};
    layout.rodata = (struct range){(uintptr_t)rodata_start, (uintptr_t)rodata_end};
    layout.data = (struct range){(uintptr_t)data_start, (uintptr_t)data_end};
    layout.stack = (struct range){(uintptr_t)stack_start, (uintptr_t)stack_end};
    layout.heap = heap;
}

/* The bitmap takes the first pages of the arena that it describes. */
static void describe_arena(struct range arena) {
    manager.page_size = PAGE_BYTES;
    manager.page_base = arena.start;
    manager.page_total = (arena.end - arena.start) / PAGE_BYTES;
    manager.page_free = manager.page_total;
    manager.page_bitmap = (uint64_t *)arena.start;
    uint64_t bitmap_bytes = align_up(align_up(manager.page_total, WORD_BITS) / 8, PAGE_BYTES);
    memset(manager.page_bitmap, 0, bitmap_bytes);
    pages_mark(0, bitmap_bytes / PAGE_BYTES);
    manager.start = arena.start + bitmap_bytes;
    manager.current = manager.start;
    manager.end = arena.end;
}

void memory_init(uint64_t arena_bytes) {
    struct range arena = free_ram();
    if (arena.end < arena.start + 2 * PAGE_BYTES) {
        panic("no RAM behind the image");
    }
    if (arena.end - arena.start > align_up(arena_bytes, PAGE_BYTES)) {
        arena.end = arena.start + align_up(arena_bytes, PAGE_BYTES);
    }
    describe_arena(arena);
    describe_layout((struct range){manager.start, manager.end});
}
