/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The heap: boundary tags (each header knows the distance to the next and where the one before is), free blocks in lists
 * by size class. Every header carries a check word, and the bytes behind what was asked for a pattern, so that a
 * write beyond the end is noticed when the block, or its neighbour, is freed. Changes are made with interrupts off:
 * whoever stops the kernel sees a heap that agrees with itself.
 */
#include "libos/boot.h"
#include "libos/memory_parts.h"
#include "libos/paging.h"
#include "libos/panic.h"
#include "libos/string.h"

#define ALIGNMENT 16ul
#define SMALLEST_SPAN 64ul
#define TAIL_BYTE 0xa5
#define TRACKED_BLOCKS 4096ul /* unless `callsites=` says how many */
#define TRACKED_SITES 128
#define BLOCK_CHECK 0x6b636f6c62706165ul

/* In the data of a free block. */
struct links {
    struct heap_block *next;
    struct heap_block *previous;
};

static struct heap_block *free_lists[HEAP_CLASSES]; /* last freed first */
static struct heap_block *last;                     /* the block that ends at `current`; NULL: none */

/* ---- blocks ---- */

static uint8_t *data_of(struct heap_block *block) {
    return (uint8_t *)(block + 1);
}

static struct links *links_of(struct heap_block *block) {
    return (struct links *)data_of(block);
}

/* NULL: it is the last. */
static struct heap_block *next_of(const struct heap_block *block) {
    uintptr_t next = (uintptr_t)block + block->span;
    return next < manager.current ? (struct heap_block *)next : NULL;
}

static uint64_t check_of(const struct heap_block *block) {
    return manager.block_check ^ (uintptr_t)block ^ block->span ^ block->size;
}

static bool is_sound(const struct heap_block *block) {
    return block->check == check_of(block);
}

static void require_sound(const struct heap_block *block, const char *what) {
    if (!is_sound(block)) {
        panic("heap: %s at %p was overwritten", what, (const void *)block);
    }
}

static void set(struct heap_block *block, uint64_t span, uint64_t size) {
    block->span = span;
    block->size = size;
    block->check = check_of(block);
}

/* The largest class that the block fits. */
static struct heap_class *class_of(uint64_t span) {
    unsigned class = 0;
    while (class + 1 < HEAP_CLASSES && span >= manager.classes[class + 1].size) {
        class ++;
    }
    return &manager.classes[class];
}

static struct heap_block **list_of(const struct heap_class *class) {
    return &free_lists[class - manager.classes];
}

/* ---- the free ones ---- */

/* The largest is in the highest list that has any. */
static uint64_t find_largest(void) {
    uint64_t largest = 0;
    for (unsigned class = HEAP_CLASSES; class > 0 && largest == 0; class --) {
        for (struct heap_block *block = free_lists[class - 1]; block != NULL; block = links_of(block)->next) {
            largest = block->span > largest ? block->span : largest;
        }
    }
    return largest;
}

static void list_add(struct heap_block *block) {
    struct heap_class *class = class_of(block->span);
    struct heap_block **list = list_of(class);
    *links_of(block) = (struct links){*list, NULL};
    if (*list != NULL) {
        links_of(*list)->previous = block;
    }
    *list = block;
    class->free++;
    manager.free_bytes += block->span;
    manager.largest_free = block->span > manager.largest_free ? block->span : manager.largest_free;
}

static void list_remove(struct heap_block *block) {
    require_sound(block, "a free block");
    struct heap_class *class = class_of(block->span);
    const struct links *links = links_of(block);
    if (links->next != NULL) {
        links_of(links->next)->previous = links->previous;
    }
    if (links->previous != NULL) {
        links_of(links->previous)->next = links->next;
    } else {
        *list_of(class) = links->next;
    }
    class->free--;
    manager.free_bytes -= block->span;
    if (block->span == manager.largest_free) {
        manager.largest_free = find_largest();
    }
}

static struct heap_block *find_in(struct heap_block *block, uint64_t span) {
    while (block != NULL && block->span < span) {
        block = links_of(block)->next;
    }
    return block;
}

/* The first that fits; one of a larger class fits always. NULL: none. */
static struct heap_block *find_free(uint64_t span) {
    struct heap_block *block = NULL;
    if (span <= manager.largest_free) {
        for (const struct heap_class *class = class_of(span);
             block == NULL && class < manager.classes + HEAP_CLASSES; class ++) {
            block = find_in(*list_of(class), span);
        }
    }
    return block;
}

/* ---- taking ---- */

/* Tell the block behind where its neighbour is now. */
static void link_next(struct heap_block *block) {
    struct heap_block *next = next_of(block);
    if (next != NULL) {
        next->previous = block;
    } else {
        last = block;
    }
}

/* Cut off what is not needed, if that makes a block. */
static void split(struct heap_block *block, uint64_t span) {
    uint64_t rest = block->span - span;
    if (rest < SMALLEST_SPAN) {
        return;
    }
    struct heap_block *remainder = (struct heap_block *)((uintptr_t)block + span);
    *remainder = (struct heap_block){.previous = block};
    set(remainder, rest, 0);
    set(block, span, 0);
    link_next(remainder);
    list_add(remainder);
}

static struct heap_block *reuse(uint64_t span) {
    struct heap_block *block = find_free(span);
    if (block != NULL) {
        list_remove(block);
        split(block, span);
    }
    return block;
}

/* A block at the end of the heap. NULL: pages from the other end are in the way. */
static struct heap_block *grow(uint64_t span) {
    struct heap_block *block = (struct heap_block *)manager.current;
    if (span > manager.end - manager.current || !pages_take(manager.current, manager.current + span)) {
        return NULL;
    }
    manager.current += span;
    *block = (struct heap_block){.previous = last};
    set(block, span, 0);
    last = block;
    return block;
}

static void account(uint64_t size) {
    manager.count++;
    manager.allocated += size;
    if (manager.allocated > manager.peak) {
        manager.peak = manager.allocated;
    }
}

static uint64_t span_for(size_t size) {
    uint64_t span = align_up(sizeof(struct heap_block) + size, ALIGNMENT);
    return span < SMALLEST_SPAN ? SMALLEST_SPAN : span;
}

static struct heap_block *find_room(size_t size) {
    if (size > manager.end - manager.start) {
        return NULL;
    }
    struct heap_block *block = reuse(span_for(size));
    return block != NULL ? block : grow(span_for(size));
}

static void fill_tail(struct heap_block *block) {
    memset(data_of(block) + block->size, TAIL_BYTE, block->span - sizeof(*block) - block->size);
}

static void *take(size_t size, const void *call_site) {
    struct heap_block *block = find_room(size);
    if (block == NULL) {
        manager.failed++;
        return NULL;
    }
    set(block, block->span, size);
    unidbg_allocated(&tracker, data_of(block), size, call_site);
    fill_tail(block);
    class_of(block->span)->used++;
    account(size);
    return data_of(block);
}

void *heap_allocate(size_t size) {
    uint64_t flags = interrupts_save();
    void *data = take(size > 0 ? size : 1, __builtin_return_address(0)); /* 0 is for free blocks */
    interrupts_restore(flags);
    return data;
}

/* ---- giving back ---- */

static bool tail_is_whole(struct heap_block *block) {
    for (uint8_t *byte = data_of(block) + block->size; byte < (uint8_t *)block + block->span; byte++) {
        if (*byte != TAIL_BYTE) {
            return false;
        }
    }
    return true;
}

/* Panics unless it is a live block with nothing written around it. */
static struct heap_block *require_block(void *data) {
    struct heap_block *block = (struct heap_block *)data - 1;
    uintptr_t address = (uintptr_t)block;
    bool is_inside = address >= manager.start && address < manager.end && address % ALIGNMENT == 0;
    if (!is_inside || !is_sound(block)) {
        panic("heap: %p is not an allocated block, or its header was overwritten", data);
    }
    if (block->size == 0) {
        panic("heap: double free of %p", data);
    }
    const struct heap_block *next = next_of(block);
    if (!tail_is_whole(block) || (next != NULL && !is_sound(next))) {
        panic("heap: overrun: something was written behind the %lu bytes at %p, allocated from %p",
              block->size, data, heap_call_site(data));
    }
    return block;
}

/* Join two neighbours that are in no list. */
static struct heap_block *join(struct heap_block *block, const struct heap_block *next) {
    set(block, block->span + next->span, 0);
    link_next(block);
    return block;
}

static struct heap_block *join_neighbours(struct heap_block *block) {
    struct heap_block *next = next_of(block);
    if (next != NULL && next->size == 0) {
        list_remove(next);
        block = join(block, next);
    }
    struct heap_block *previous = block->previous;
    if (previous != NULL && previous->size == 0) {
        list_remove(previous);
        block = join(previous, block);
    }
    return block;
}

static void shrink(struct heap_block *block) {
    uintptr_t before = manager.current;
    manager.current = (uintptr_t)block;
    last = block->previous;
    pages_give(manager.current, before);
}

static void give_back(struct heap_block *block) {
    unidbg_freed(&tracker, data_of(block));
    class_of(block->span)->used--;
    manager.count--;
    manager.allocated -= block->size;
    set(block, block->span, 0); /* stays behind when it is joined: a second free is recognised */
    block = join_neighbours(block);
    if (next_of(block) == NULL) {
        shrink(block);
    } else {
        list_add(block);
    }
}

void heap_free(void *data) {
    if (data != NULL) {
        uint64_t flags = interrupts_save();
        give_back(require_block(data));
        interrupts_restore(flags);
    }
}

const void *heap_call_site(const void *data) {
    return unidbg_call_site(&tracker, data);
}

/* Its tables are pages of the arena: a power of two of slots. */
static void tracker_init(void) {
    static struct unidbg_site sites[TRACKED_SITES];
    uint64_t slots = PAGE_BYTES / sizeof(struct unidbg_tracked);
    if (!boot_option("callsites", NULL, 0)) {
        return;
    }
    while (slots < boot_option_number("callsites", TRACKED_BLOCKS) && slots < UINT32_MAX / 2) {
        slots *= 2;
    }
    void *blocks = page_allocate(slots * sizeof(struct unidbg_tracked) / PAGE_BYTES);
    if (blocks != NULL) {
        unidbg_tracker_init(&tracker, blocks, (uint32_t)slots, sites, TRACKED_SITES);
    }
}

void heap_init(struct range arena) {
    manager.start = arena.start;
    manager.current = arena.start;
    manager.end = arena.end;
    manager.blocks = (struct heap_block *)arena.start;
    manager.block_check = BLOCK_CHECK;
    manager.class_count = HEAP_CLASSES;
    for (unsigned class = 0; class < HEAP_CLASSES; class ++) {
        manager.classes[class].size = SMALLEST_SPAN << class;
    }
    tracker_init();
}
