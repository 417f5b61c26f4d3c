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
#define BOOT_PHASES 16
#define BOOT_COMMAND_LINE_BYTES 1024

/* boot.S maps this much from 0; RAM above it is left alone. */
#define BOOT_MAPPED_BYTES (1ul << 30)

enum { BOOT_MEMORY_USABLE = 1 }; /* e820 types, as in the PVH memory map */

struct boot_memory {
    uint64_t start; /* physical */
    uint64_t length;
    uint32_t type;
};

/* Phases follow each other; times count from the kernel's first instruction. */
struct boot_phase {
    const char *name;
    uint64_t start_ns;
    uint64_t end_ns; /* 0: not ended */
    uint64_t start_ticks;
    uint64_t end_ticks;
};

struct boot_info {
    struct boot_memory memory_maps[BOOT_MEMORY_MAPS];
    uint32_t memory_map_count;
    char command_line[BOOT_COMMAND_LINE_BYTES];
    struct range initrd; /* physical; start == end: none */
    struct boot_phase phases[BOOT_PHASES];
    uint32_t phase_count;
};

const struct boot_info *boot_info(void);

/* End the phase before, if any, and begin this one. The first begins at the first instruction. */
void boot_phase(const char *name);
/* End the last phase. */
void boot_finished(void);
/* Once the clock is calibrated: give the phases until now their times in ns. */
void boot_phases_convert(void);

/*
 * The word `name` or `name=value` of the command line. True if it is there; value (if not NULL) gets what follows
 * the '=', cut to size, else "".
 */
bool boot_option(const char *name, char *value, size_t size);
/* The same for a decimal number; missing or not a number: the default. */
uint64_t boot_option_number(const char *name, uint64_t otherwise);

/* From boot.S, with the physical address of struct hvm_start_info. */
_Noreturn void libos_main(uintptr_t start_info);
/* Read struct hvm_start_info. False: it is not one. */
bool boot_info_read(uintptr_t start_info);

#endif
