/* SPDX-License-Identifier: BSD-3-Clause */
/* The bitmap of pages. It and its counters change with interrupts off: whoever stops the kernel sees them agree. */
#include "libos/memory_parts.h"
#include "libos/paging.h"
#include "libos/string.h"

#define WORD_BITS 64

static bool page_in_use(uint64_t page) {
    return manager.page_bitmap[page / WORD_BITS] >> page % WORD_BITS & 1;
}

static void pages_mark(uint64_t first, uint64_t count) {
    uint64_t flags = interrupts_save();
    for (uint64_t page = first; page < first + count; page++) {
        manager.page_bitmap[page / WORD_BITS] |= 1ul << page % WORD_BITS;
    }
    manager.page_free -= count;
    interrupts_restore(flags);
}

static void pages_unmark(uint64_t first, uint64_t count) {
    uint64_t flags = interrupts_save();
    for (uint64_t page = first; page < first + count; page++) {
        manager.page_bitmap[page / WORD_BITS] &= ~(1ul << page % WORD_BITS);
    }
    manager.page_free += count;
    interrupts_restore(flags);
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

static uint64_t pages_up_to(uintptr_t address) {
    return (align_up(address, PAGE_BYTES) - manager.page_base) / PAGE_BYTES;
}

bool pages_take(uintptr_t start, uintptr_t end) {
    uint64_t first = pages_up_to(start);
    uint64_t last = pages_up_to(end);
    for (uint64_t page = first; page < last; page++) {
        if (page_in_use(page)) {
            return false;
        }
    }
    pages_mark(first, last - first);
    return true;
}

void pages_give(uintptr_t start, uintptr_t end) {
    pages_unmark(pages_up_to(start), pages_up_to(end) - pages_up_to(start));
}

struct range pages_init(struct range arena) {
    manager.page_size = PAGE_BYTES;
    manager.page_base = arena.start;
    manager.page_total = (arena.end - arena.start) / PAGE_BYTES;
    manager.page_free = manager.page_total;
    manager.page_bitmap = (uint64_t *)arena.start;
    uint64_t bitmap_bytes = align_up(align_up(manager.page_total, WORD_BITS) / 8, PAGE_BYTES);
    memset(manager.page_bitmap, 0, bitmap_bytes);
    pages_mark(0, bitmap_bytes / PAGE_BYTES);
    return (struct range){arena.start + bitmap_bytes, arena.end};
}
