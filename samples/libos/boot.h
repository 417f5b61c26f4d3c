/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the boot loader says, and how long each phase of boot takes.
 */
#ifndef LIBOS_BOOT_H
#define LIBOS_BOOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libos/cpu.h"

#define BOOT_MEMORY_MAPS 32
#define BOOT_PHASES 24
#define BOOT_PREALLOCATED_PAGES 24
#define BOOT_COMMAND_LINE_BYTES 1024

/* boot.S maps this much from 0; RAM above it is left alone. */
#define BOOT_MAPPED_BYTES (1ul << 30)

enum { BOOT_MEMORY_USABLE = 1 }; /* e820 types, as in the PVH memory map */

struct boot_memory {
    uint64_t start; /* physical */
    uint64_t length;
    uint32_t type;
};

/* Phases may overlap: while one waits for hardware, another gets on. Times count from the kernel's first instruction. */
struct boot_phase {
    const char *name;
    uint64_t start_ns;
    uint64_t end_ns; /* 0: not ended */
    uint64_t start_ticks;
    uint64_t end_ticks;
};

/* What is not done at boot but when it is first needed, which may be never. */
enum boot_need { BOOT_NEED_RANDOM, BOOT_NEED_WALL_CLOCK, BOOT_NEED_POWER, BOOT_NEEDS };

struct boot_initializer {
    void (*function)(void);
    bool completed;
    uint64_t duration_ns; /* 0: pending */
};

struct boot_info {
    struct boot_memory memory_maps[BOOT_MEMORY_MAPS];
    uint32_t memory_map_count;
    char command_line[BOOT_COMMAND_LINE_BYTES];
    struct range initrd; /* physical; start == end: none */
    struct boot_phase phases[BOOT_PHASES];
    uint32_t phase_count;
    struct boot_initializer initializers[BOOT_NEEDS];
    uint32_t initializer_count;
    struct range preallocated; /* pages set aside at boot, for page tables */
    uint32_t preallocated_free;
};

const struct boot_info *boot_info(void);

/* Begin a phase; the first begins at the first instruction. The number is for boot_phase_end(). */
unsigned boot_phase(const char *name);
void boot_phase_end(unsigned phase);
/* Once the clock is calibrated: give the phases until now their times in ns. */
void boot_phases_convert(void);

/* Run the initialiser if it has not run yet. */
void boot_need(enum boot_need need);

/* Set pages aside, and take one, zeroed; NULL when they are used up. */
void boot_preallocate(void);
void *boot_take_page(void);

/*
 * The word `name` or `name=value` of the command line. True if it is there; value (if not NULL) gets what follows
 * the '=', cut to size, else "".
 */
bool boot_option(const char *name, char *value, size_t size);
/* The same for a decimal number; missing or not a number: the default. */
uint64_t boot_option_number(const char *name, uint64_t otherwise);

/* From boot.S, with the physical address of struct hvm_start_info. */
_Noreturn void libos_main(uintptr_t start_info);
/* The command line, where the boot loader has put it; NULL: none. Runs before the image is relocated. */
const char *boot_command_line(uintptr_t start_info);
/* Read struct hvm_start_info. False: it is not one. */
bool boot_info_read(uintptr_t start_info);

#endif
