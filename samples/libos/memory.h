/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory: what lies where, a bitmap of pages, and a heap over it: new blocks come from a bump pointer,
 * freed ones are kept in lists by size class and used again.
 */
#ifndef LIBOS_MEMORY_H
#define LIBOS_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "libos/cpu.h"

struct memory_layout {
    struct range code;
    struct range rodata;
    struct range data;
    struct range heap;
    struct range stack;
};

/*
 * The heap grows up from start; whole pages are taken from the same arena from its end downwards. The bitmap says
 * which pages are in use by either.
 */
struct memory_manager {
    uintptr_t start;   /* first byte of the heap */
    uintptr_t current; /* where the next new block goes */
    uintptr_t end;     /* one past the last byte that the heap may ever get */

    uint64_t allocated; /* bytes live, without headers */
    uint64_t peak;      /* most ever of allocated */
    uint64_t count;     /* live allocations */

    uint64_t *page_bitmap; /* bit n: page n is in use */
    uintptr_t page_base;   /* address of page 0 */
    uint64_t page_total;
    uint64_t page_free;
    uint64_t page_size; /* bytes */
};

/* Set up an arena of so many bytes (less if there is not so much RAM) behind the image. */
void memory_init(uint64_t arena_bytes);

const struct memory_layout *memory_layout(void);
const struct memory_manager *memory_manager(void);

/* 16-byte aligned, contents undefined; NULL when there is no room. At most 1 MiB: whole pages are for more. */
void *heap_allocate(size_t size);
/* Panics when it is no block, or one that is free already. NULL is ignored. */
void heap_free(void *data);

/* Whole pages, zeroed, contiguous; NULL when there are none. */
void *page_allocate(uint64_t count);
void page_free(void *pages, uint64_t count);
/* What counting the bits of the bitmap gives. */
uint64_t memory_count_free_pages(void);

#endif
