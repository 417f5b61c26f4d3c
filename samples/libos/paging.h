/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Page tables: virtual = physical. The kernel's image in pages of 4 KiB, each with no more permission than it needs
 * (nothing is both writable and executable), the rest of RAM in larger ones where they fit. Page 0 and the page below
 * the stack stay unmapped.
 */
#ifndef LIBOS_PAGING_H
#define LIBOS_PAGING_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE_BYTES 4096ul
#define PAGE_LARGE_BYTES (512 * PAGE_BYTES)

/* PageFlags, as the processor defines them. */
enum {
    PAGE_PRESENT = 1 << 0,
    PAGE_WRITABLE = 1 << 1,
    PAGE_USER = 1 << 2,
    PAGE_WRITE_THROUGH = 1 << 3,
    PAGE_CACHE_DISABLE = 1 << 4,
    PAGE_LARGE = 1 << 7,
};
#define PAGE_NO_EXECUTE (1ul << 63)

/* Pages of 4 KiB; a larger page counts as many as it covers. */
struct page_counts {
    uint64_t present;
    uint64_t writable;
    uint64_t user;
    uint64_t no_execute;
    uint64_t writable_executable;
};

/* A run of pages, contiguous in virtual and physical addresses, that have the same flags. */
struct page_region {
    uintptr_t start; /* virtual */
    uintptr_t end;
    uintptr_t physical;
    uint64_t
        flags; /* of PAGE_WRITABLE, PAGE_USER, PAGE_CACHE_DISABLE, PAGE_NO_EXECUTE; as effective over all levels */
};

/* Build the tables for the image and for RAM, and switch to them. */
void paging_init(void);
bool paging_is_ready(void);

/* Make the registers of a device reachable: uncached, writable, never executable. */
void paging_map_device(uintptr_t physical, uint64_t length);

/* Physical address of the live tables' root. */
uintptr_t paging_root(void);
/* Grows with each change of the tables. */
uint64_t paging_generation(void);

/* The live tables themselves, by index from 0, the root first; false behind the last. */
bool paging_table(unsigned index, uintptr_t *table);

/* What the live tables say; both walk them anew. */
struct page_counts paging_count(void);
/* The first region that begins at *cursor or above; moves the cursor behind it. False: there is none. */
bool paging_next_region(uintptr_t *cursor, struct page_region *region);

#endif
