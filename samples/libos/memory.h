/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory: what lies where, a bitmap of pages, and a heap over it: blocks that are split and joined again, the free
 * ones in lists by size class.
 */
#ifndef LIBOS_MEMORY_H
#define LIBOS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libos/cpu.h"

#define MEMORY_GUARDS 8
#define HEAP_CLASSES 18

struct memory_layout {
    struct range code;
    struct range rodata;
    struct range data;
    struct range heap;
    struct range stack; /* that the kernel runs on; those of exceptions lie below it */
    struct range guards[MEMORY_GUARDS];
    uint32_t guard_count;
};

/*
 * Stands before each block, live or free; blocks follow each other without a gap from `blocks` up to `current`.
 * Free neighbours are joined at once, and what is free at the end of the heap is given back to the pages.
 */
struct heap_block {
    uint64_t check;              /* block_check ^ address of this header ^ span ^ size */
    uint64_t span;               /* bytes up to the next header */
    uint64_t size;               /* as asked for, bytes; 0: free */
    struct heap_block *previous; /* NULL: this is the first; data is aligned to 16 bytes */
};

/* Blocks whose span is at least `size` bytes, and less than that of the next class. */
struct heap_class {
    uint64_t size;
    uint64_t used; /* live ones */
    uint64_t free; /* in its list */
};

/*
 * The heap grows up from start; whole pages are taken from the same arena from its end downwards. The bitmap says
 * which pages are in use by either.
 */
struct memory_manager {
    uintptr_t start;   /* first byte of the heap */
    uintptr_t current; /* one past the last block */
    uintptr_t end;     /* one past the last byte that the heap may ever get */

    uint64_t allocated; /* bytes live, without headers */
    uint64_t peak;      /* most ever of allocated */
    uint64_t count;     /* live allocations */

    uint64_t *page_bitmap; /* bit n: page n is in use */
    uintptr_t page_base;   /* address of page 0 */
    uint64_t page_total;
    uint64_t page_free;
    uint64_t page_size; /* bytes */

    struct heap_block *blocks; /* the first */
    uint64_t block_check;
    uint64_t free_bytes;   /* in free blocks, with their headers */
    uint64_t largest_free; /* bytes of the largest of them, with its header */
    uint64_t failed;       /* allocations that found no room */
    struct heap_class classes[HEAP_CLASSES];
    uint32_t class_count;
};

/* Set up an arena of so many bytes (less if there is not so much RAM) behind the image. */
void memory_init(uint64_t arena_bytes);

const struct memory_layout *memory_layout(void);
const struct memory_manager *memory_manager(void);

/*
 * 16-byte aligned, contents undefined; NULL when there is no room. With `callsites` on the command line
 * it is recorded where each block was allocated.
 */
void *heap_allocate(size_t size);
/* Where a live block was allocated; NULL: not recorded. */
const void *heap_call_site(const void *data);
/* Panics when it is no block, one that is free already, or one that was written beyond its end. NULL is ignored. */
void heap_free(void *data);

/* Whole pages, zeroed, contiguous; NULL when there are none. */
void *page_allocate(uint64_t count);
void page_free(void *pages, uint64_t count);
/* What counting the bits of the bitmap gives. */
uint64_t memory_count_free_pages(void);

#endif
