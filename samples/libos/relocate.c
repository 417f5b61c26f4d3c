/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Static position-independent executables have a list of the words that hold addresses. Until it is applied these words
 * hold nothing: what runs before reads none of them. Everything here is found relative to the instruction pointer.
 */
#include "libos/relocate.h"

#include <stdbool.h>
#include <stddef.h>

#include "libos/boot.h"
#include "libos/image.h"
#include "libos/paging.h"
#include "libos/random.h"

#define R_X86_64_RELATIVE 8
#define ENTRIES 512
#define PML4_BYTES (1ul << 39)
#define LOWER_HALF 256 /* entries of the root */
#define MAPPED 8       /* large pages: what is linked lies below 16 MiB */

struct rela {
    uint64_t offset;
    uint64_t info;
    uint64_t addend;
};

extern const struct rela rela_start[], rela_end[];
extern uint64_t boot_pml4[ENTRIES], boot_slid_pdpt[ENTRIES], boot_slid_pd[ENTRIES];

uint64_t relocate_slide;

/* A word of the command line, before anything of it has been copied. */
static bool is_asked(const char *line) {
    const char word[] = {'a', 's', 'l', 'r'};
    for (size_t i = 0; line != NULL && line[i] != '\0'; i++) {
        size_t length = 0;
        while (length < sizeof(word) && line[i + length] == word[length]) {
            length++;
        }
        char after = line[i + length];
        bool is_whole = length == sizeof(word) && (after == '\0' || after == ' ');
        if (is_whole && (i == 0 || line[i - 1] == ' ')) {
            return true;
        }
    }
    return false;
}

/* Any large page of the lower half, but for the first 512 GiB: these are RAM and devices. */
static uint64_t choose(void) {
    uint64_t random = random_seed();
    uint64_t root = 1 + random % (LOWER_HALF - 1);
    uint64_t middle = (random >> 16) % ENTRIES;
    uint64_t low = (random >> 32) % (ENTRIES - MAPPED);
    return root * PML4_BYTES + (middle * ENTRIES + low) * PAGE_LARGE_BYTES;
}

static void map_slid(uint64_t slide) {
    uint64_t flags = PAGE_PRESENT | PAGE_WRITABLE;
    uint64_t first = slide / PAGE_LARGE_BYTES % ENTRIES;
    for (uint64_t i = 0; i < MAPPED; i++) {
        boot_slid_pd[first + i] = i * PAGE_LARGE_BYTES | flags | PAGE_LARGE;
    }
    boot_slid_pdpt[slide / PAGE_LARGE_BYTES / ENTRIES % ENTRIES] = (uintptr_t)boot_slid_pd | flags;
    boot_pml4[slide / PML4_BYTES] = (uintptr_t)boot_slid_pdpt | flags;
}

uint64_t relocate(uintptr_t start_info) {
    uint64_t slide = is_asked(boot_command_line(start_info)) ? choose() : 0;
    if (slide != 0) {
        map_slid(slide);
    }
    for (const struct rela *rela = rela_start; rela < rela_end; rela++) {
        if ((uint32_t)rela->info == R_X86_64_RELATIVE) {
            *(uint64_t *)rela->offset = rela->addend + slide;
        }
    }
    relocate_slide = slide;
    return slide;
}

uintptr_t relocate_physical(const void *address) {
    uintptr_t at = (uintptr_t)address;
    bool is_in_image = at >= (uintptr_t)image_start && at < (uintptr_t)image_end;
    return is_in_image ? at - relocate_slide : at;
}
