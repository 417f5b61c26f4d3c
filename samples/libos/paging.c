/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/paging.h"

#include <stddef.h>

#include "libos/boot.h"
#include "libos/image.h"
#include "libos/memory.h"
#include "libos/panic.h"
#include "libos/relocate.h"
#include "libos/security.h"

#define LEVELS 4
#define ENTRIES 512
#define ADDRESS_MASK 0x000ffffffffff000ul
#define LOWER_HALF_END 0x0000800000000000ul /* what lies between the halves is no address */
#define UPPER_HALF_START 0xffff800000000000ul

#define READ_ONLY PAGE_NO_EXECUTE
#define READ_WRITE (PAGE_WRITABLE | PAGE_NO_EXECUTE)
#define READ_EXECUTE 0
#define DEVICE (READ_WRITE | PAGE_CACHE_DISABLE | PAGE_WRITE_THROUGH)

static uint64_t *root;
static uint64_t generation;

/* Bytes that one entry of a level covers: level 1 maps pages, level 4 is the root. */
static uint64_t entry_bytes(unsigned level) {
    return PAGE_BYTES << 9 * (level - 1);
}

static uint64_t *entry_of(uint64_t *table, unsigned level, uintptr_t address) {
    return &table[address / entry_bytes(level) % ENTRIES];
}

static uint64_t *table_of(uint64_t entry) {
    return (uint64_t *)(entry & ADDRESS_MASK);
}

static bool is_leaf(uint64_t entry, unsigned level) {
    return level == 1 || (entry & PAGE_LARGE);
}

/* ---- building ---- */

static uint64_t *new_table(void) {
    uint64_t *table = boot_take_page();
    if (table == NULL) {
        table = page_allocate(1);
    }
    if (table == NULL) {
        panic("no memory for page tables");
    }
    return table;
}

/* The entry that maps an address at a level; the tables above it are made where they are missing. */
static uint64_t *make_entry(uintptr_t address, unsigned level) {
    uint64_t *table = root;
    for (unsigned at = LEVELS; at > level; at--) {
        uint64_t *entry = entry_of(table, at, address);
        if (!(*entry & PAGE_PRESENT)) {
            *entry = (uintptr_t)new_table() | PAGE_PRESENT | PAGE_WRITABLE;
        }
        table = table_of(*entry);
    }
    return entry_of(table, level, address);
}

static bool fits_large(struct range range) {
    return range.start % PAGE_LARGE_BYTES == 0 && range.end - range.start >= PAGE_LARGE_BYTES;
}

/* Physical memory where it is. */
static void map(struct range range, uint64_t flags) {
    range.start = align_down(range.start, PAGE_BYTES);
    range.end = align_up(range.end, PAGE_BYTES);
    generation++;
    while (range.start < range.end) {
        unsigned level = fits_large(range) && !(flags & PAGE_CACHE_DISABLE) ? 2 : 1;
        uint64_t large = level == 2 ? PAGE_LARGE : 0;
        *make_entry(range.start, level) = range.start | flags | large | PAGE_PRESENT;
        range.start += entry_bytes(level);
    }
}

/* A part of the image, which may run elsewhere than it lies. */
static void map_image(struct range part, uint64_t flags) {
    for (uintptr_t at = align_down(part.start, PAGE_BYTES); at < part.end; at += PAGE_BYTES) {
        *make_entry(at, 1) = (at - relocate_slide) | flags | PAGE_PRESENT;
    }
    generation++;
}

/* RAM apart from page 0 and the image. */
static void map_ram(struct range ram) {
    uintptr_t image_at = relocate_physical(image_start);
    struct range image = {image_at, image_at + (uintptr_t)(image_end - image_start)};
    if (ram.start < PAGE_BYTES) {
        ram.start = PAGE_BYTES;
    }
    if (range_contains(ram, image.start)) {
        map((struct range){ram.start, image.start}, READ_WRITE);
        ram.start = image.end;
    }
    map(ram, READ_WRITE);
}

static void map_all_ram(void) {
    const struct boot_info *boot = boot_info();
    for (uint32_t i = 0; i < boot->memory_map_count; i++) {
        const struct boot_memory *entry = &boot->memory_maps[i];
        uintptr_t end = entry->start + entry->length;
        struct range ram = {align_up(entry->start, PAGE_BYTES), align_down(end, PAGE_BYTES)};
        if (ram.end > BOOT_MAPPED_BYTES) {
            ram.end = BOOT_MAPPED_BYTES;
        }
        if (entry->type == BOOT_MEMORY_USABLE && ram.start < ram.end) {
            map_ram(ram);
        }
    }
}

void paging_init(void) {
    const struct memory_layout *layout = memory_layout();
    const struct security_config *security = security_config();
    root = new_table();
    map_image(layout->code, security->read_only_text ? READ_EXECUTE : PAGE_WRITABLE);
    map_image(layout->rodata, security->no_execute ? READ_ONLY : READ_EXECUTE);
    map_image(layout->data, READ_WRITE);
    map_image(layout->stack, READ_WRITE);
    for (unsigned i = 0; i < INTERRUPT_STACKS; i++) {
        map_image(interrupt_stack(i), READ_WRITE);
    }
    map_image((struct range){(uintptr_t)trap_stack_start, (uintptr_t)trap_stack_end}, READ_WRITE);
    map_all_ram();
    if (!security->guard_pages) {
        map_image((struct range){(uintptr_t)interrupt_stacks_start, layout->stack.start}, READ_WRITE);
    }
    if (!security->write_xor_execute) {
        map((struct range){SECURITY_CODE_PAGE, SECURITY_CODE_PAGE + PAGE_BYTES}, PAGE_WRITABLE);
    }
    write_cr3((uintptr_t)root);
}

bool paging_is_ready(void) {
    return root != NULL;
}

void paging_map_device(uintptr_t physical, uint64_t length) {
    map((struct range){physical, physical + length}, DEVICE);
}

/* ---- walking ---- */

uintptr_t paging_root(void) {
    return read_cr3() & ADDRESS_MASK;
}

uint64_t paging_generation(void) {
    return generation;
}

/* Where a walk for one address ends. */
struct leaf {
    bool present;
    uint64_t bytes; /* that the last entry covers */
    uintptr_t physical;
    uint64_t flags;
};

static struct leaf walk(uintptr_t address) {
    uint64_t allow = PAGE_WRITABLE | PAGE_USER; /* only if all levels do */
    uint64_t deny = 0;                          /* if any level does */
    uint64_t *table = table_of(paging_root());
    for (unsigned level = LEVELS;; level--) {
        uint64_t entry = *entry_of(table, level, address);
        uint64_t bytes = entry_bytes(level);
        if (!(entry & PAGE_PRESENT)) {
            return (struct leaf){.present = false, .bytes = bytes};
        }
        allow &= entry;
        deny |= entry & PAGE_NO_EXECUTE;
        if (is_leaf(entry, level)) {
            uintptr_t physical = entry & ADDRESS_MASK & ~(bytes - 1);
            return (struct leaf){true, bytes, physical, allow | deny | (entry & PAGE_CACHE_DISABLE)};
        }
        table = table_of(entry);
    }
}

/* The address behind a leaf, over the hole between the halves; 0 at the very end. */
static uintptr_t next_address(uintptr_t address, uint64_t bytes) {
    uintptr_t next = align_down(address, bytes) + bytes;
    return next == LOWER_HALF_END ? UPPER_HALF_START : next;
}

bool paging_next_region(uintptr_t *cursor, struct page_region *region) {
    uintptr_t address = *cursor;
    struct leaf leaf = walk(address);
    while (!leaf.present) {
        address = next_address(address, leaf.bytes);
        if (address == 0) {
            return false;
        }
        leaf = walk(address);
    }
    *region = (struct page_region){address, address, leaf.physical, leaf.flags};
    while (leaf.present && leaf.flags == region->flags &&
           leaf.physical - region->physical == region->end - region->start) {
        region->end += leaf.bytes;
        leaf = walk(region->end);
    }
    *cursor = region->end;
    return true;
}

struct page_counts paging_count(void) {
    struct page_counts counts = {0};
    struct page_region region;
    for (uintptr_t cursor = 0; paging_next_region(&cursor, &region);) {
        uint64_t pages = (region.end - region.start) / PAGE_BYTES;
        bool writable = region.flags & PAGE_WRITABLE;
        bool no_execute = region.flags & PAGE_NO_EXECUTE;
        counts.present += pages;
        counts.writable += writable ? pages : 0;
        counts.user += region.flags & PAGE_USER ? pages : 0;
        counts.no_execute += no_execute ? pages : 0;
        counts.writable_executable += writable && !no_execute ? pages : 0;
    }
    return counts;
}

/* ---- the tables themselves ---- */

static bool find_table(uint64_t *table, unsigned level, unsigned *index, uintptr_t *found) {
    if (*index == 0) {
        *found = (uintptr_t)table;
        return true;
    }
    --*index;
    for (unsigned i = 0; level > 1 && i < ENTRIES; i++) {
        if ((table[i] & PAGE_PRESENT) && !is_leaf(table[i], level) &&
            find_table(table_of(table[i]), level - 1, index, found)) {
            return true;
        }
    }
    return false;
}

bool paging_table(unsigned index, uintptr_t *table) {
    return root != NULL && find_table(root, LEVELS, &index, table);
}
