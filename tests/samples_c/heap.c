/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The heap of the samples as a program of this machine: random allocations and frees, or one of its mistakes.
 * Prints `ok`, or what the heap panics with.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libos/boot.h"
#include "libos/memory_parts.h"
#include "libos/panic.h"

#define ARENA_PAGES 32ul
#define PAGE 4096ul
#define SLOTS 200
#define STEPS 40000

struct memory_manager manager;
struct unidbg_tracker tracker;

static struct {
    uint8_t *data;
    size_t size;
} slots[SLOTS];

bool boot_option(const char *name, char *value, size_t size) {
    (void)name, (void)value, (void)size;
    return true;
}

uint64_t boot_option_number(const char *name, uint64_t otherwise) {
    (void)name, (void)otherwise;
    return 1; /* one page of the tracker's table */
}

noreturn void panic(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    puts("");
    exit(0);
}

static void require(bool condition, const char *what) {
    if (!condition) {
        panic("wrong: %s", what);
    }
}

/* Every header, and every number of the manager, against what walking them gives. */
static void check_all(void) {
    uint64_t live = 0, bytes = 0, free_bytes = 0, largest = 0, used = 0, listed = 0;
    const struct heap_block *previous = NULL;
    for (uintptr_t at = manager.start; at < manager.current;) {
        const struct heap_block *block = (const struct heap_block *)at;
        require(block->check == (manager.block_check ^ at ^ block->span ^ block->size), "check word");
        require(block->previous == previous, "link to the block before");
        require(previous == NULL || previous->size != 0 || block->size != 0, "free neighbours are joined");
        require(block->size == 0 || heap_call_site(block + 1) != NULL, "call site");
        live += block->size != 0;
        bytes += block->size;
        free_bytes += block->size == 0 ? block->span : 0;
        largest = block->size == 0 && block->span > largest ? block->span : largest;
        previous = block;
        at += block->span;
        require(at <= manager.current, "the last block ends at current");
    }
    require(previous == NULL || previous->size != 0, "the last block is live");
    for (unsigned i = 0; i < manager.class_count; i++) {
        used += manager.classes[i].used;
        listed += manager.classes[i].free;
    }
    require(live == manager.count && live == used && bytes == manager.allocated, "live blocks");
    require(free_bytes == manager.free_bytes && largest == manager.largest_free, "free bytes");
    require(listed > 0 == free_bytes > 0, "free blocks");
    require(live == tracker.block_count && tracker.left_out == 0 && tracker.unknown == 0, "tracked blocks");
    require(memory_count_free_pages() == manager.page_free, "pages");
}

static void allocate(unsigned slot) {
    size_t size = (size_t)(rand() % 8 == 0 ? rand() % 20000 : rand() % 300);
    uint64_t failed = manager.failed;
    slots[slot].data = heap_allocate(size);
    slots[slot].size = size;
    require((slots[slot].data == NULL) == (manager.failed == failed + 1), "failures are counted");
    if (slots[slot].data != NULL) {
        require((uintptr_t)slots[slot].data % 16 == 0, "alignment");
        memset(slots[slot].data, (int)slot, size);
    }
}

static void release(unsigned slot) {
    for (size_t i = 0; slots[slot].data != NULL && i < slots[slot].size; i++) {
        require(slots[slot].data[i] == (uint8_t)slot, "nobody else writes to a block");
    }
    heap_free(slots[slot].data);
    slots[slot].data = NULL;
}

static void mix(void) {
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned slot = (unsigned)rand() % SLOTS;
        if (slots[slot].data == NULL) {
            allocate(slot);
        } else {
            release(slot);
        }
        if (step % 64 == 0) {
            check_all();
        }
    }
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        release(slot);
    }
    check_all();
    require(manager.current == manager.start, "all is given back");
    require(manager.failed > 0, "the arena was full at times");
}

static void make_mistake(const char *name) {
    uint8_t *block = heap_allocate(40);
    uint8_t *other = heap_allocate(100);
    uint8_t *third = heap_allocate(10);
    if (strcmp(name, "double") == 0) {
        heap_free(block);
        heap_free(block);
    } else if (strcmp(name, "double-joined") == 0) {
        heap_free(block);
        heap_free(other);
        heap_free(other);
    } else if (strcmp(name, "double-last") == 0) {
        heap_free(third);
        heap_free(third);
    } else if (strcmp(name, "overrun") == 0) {
        block[40] = 0;
        heap_free(block);
    } else if (strcmp(name, "neighbour") == 0) {
        memset(block, 0, 64);
        heap_free(other);
    } else if (strcmp(name, "wild") == 0) {
        heap_free(third + 16);
    }
}

int main(int count, char **words) {
    uint8_t *arena = aligned_alloc(PAGE, ARENA_PAGES * PAGE);
    heap_init(pages_init((struct range){(uintptr_t)arena, (uintptr_t)arena + ARENA_PAGES * PAGE}));
    srand(count > 2 ? (unsigned)atoi(words[2]) : 1);
    if (strcmp(words[1], "mix") == 0) {
        mix();
    } else {
        make_mistake(words[1]);
    }
    puts("ok");
    return 0;
}
