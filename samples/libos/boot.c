/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The PVH start information (public/arch-x86/hvm/start_info.h of Xen defines the layout), the command line, the phases
 * of boot, and what is left for later.
 */
#include "libos/boot.h"

#include <unidbg/probe.h>

#include "libos/clock.h"
#include "libos/memory.h"
#include "libos/paging.h"
#include "libos/panic.h"
#include "libos/power.h"
#include "libos/random.h"
#include "libos/string.h"
#include "libos/wall_clock.h"

#define HVM_START_MAGIC 0x336ec578u

struct hvm_start_info {
    uint32_t magic;
    uint32_t version; /* 1 and up have the memory map */
    uint32_t flags;
    uint32_t module_count;
    uint64_t modules;
    uint64_t command_line;
    uint64_t rsdp;
    uint64_t memory_map;
    uint32_t memory_map_entries;
    uint32_t reserved;
};

struct hvm_module {
    uint64_t address;
    uint64_t size;
    uint64_t command_line;
    uint64_t reserved;
};

struct hvm_memory {
    uint64_t address;
    uint64_t size;
    uint32_t type;
    uint32_t reserved;
};

static struct boot_info boot = {
    .initializers =
        {
            [BOOT_NEED_RANDOM] = {.function = random_start},
            [BOOT_NEED_WALL_CLOCK] = {.function = wall_clock_start},
            [BOOT_NEED_POWER] = {.function = power_start},
        },
    .initializer_count = BOOT_NEEDS,
};

UNIDBG_PROBE(boot, info, &boot);

const struct boot_info *boot_info(void) {
    return &boot;
}

/* ---- start information ---- */

static void read_memory_map(const struct hvm_start_info *info) {
    const struct hvm_memory *entries = (const struct hvm_memory *)info->memory_map;
    for (uint32_t i = 0; i < info->memory_map_entries && i < BOOT_MEMORY_MAPS; i++) {
        boot.memory_maps[i] = (struct boot_memory){entries[i].address, entries[i].size, entries[i].type};
        boot.memory_map_count++;
    }
}

const char *boot_command_line(uintptr_t start_info) {
    const struct hvm_start_info *info = (const struct hvm_start_info *)start_info;
    return info->magic == HVM_START_MAGIC ? (const char *)info->command_line : NULL;
}

bool boot_info_read(uintptr_t start_info) {
    const struct hvm_start_info *info = (const struct hvm_start_info *)start_info;
    if (info->magic != HVM_START_MAGIC || info->version < 1) {
        return false;
    }
    read_memory_map(info);
    if (info->command_line != 0) {
        string_copy(boot.command_line, sizeof(boot.command_line), (const char *)info->command_line);
    }
    if (info->module_count > 0) {
        struct hvm_module module;
        memcpy(&module, (const void *)info->modules, sizeof(module)); /* QEMU does not align it */
        boot.initrd = (struct range){module.address, module.address + module.size};
    }
    return true;
}

/* ---- phases ---- */

unsigned boot_phase(const char *name) {
    uint64_t ticks = boot.phase_count > 0 ? clock_ticks() : boot_first_tick;
    if (boot.phase_count == BOOT_PHASES) {
        panic("no room for boot phase %s", name);
    }
    boot.phases[boot.phase_count] =
        (struct boot_phase){.name = name, .start_ns = clock_ns_of(ticks), .start_ticks = ticks};
    return boot.phase_count++;
}

void boot_phase_end(unsigned phase) {
    boot.phases[phase].end_ticks = clock_ticks();
    boot.phases[phase].end_ns = clock_ns_of(boot.phases[phase].end_ticks);
}

void boot_phases_convert(void) {
    for (uint32_t i = 0; i < boot.phase_count; i++) {
        struct boot_phase *phase = &boot.phases[i];
        phase->start_ns = clock_ns_of(phase->start_ticks);
        phase->end_ns = phase->end_ticks != 0 ? clock_ns_of(phase->end_ticks) : 0;
    }
}

/* ---- later ---- */

void boot_need(enum boot_need need) {
    struct boot_initializer *initializer = &boot.initializers[need];
    if (initializer->completed) {
        return;
    }
    uint64_t begin = clock_ns();
    initializer->function();
    initializer->duration_ns = clock_ns() - begin;
    initializer->completed = true;
}

void boot_preallocate(void) {
    void *pages = page_allocate(BOOT_PREALLOCATED_PAGES);
    if (pages != NULL) {
        boot.preallocated.start = (uintptr_t)pages;
        boot.preallocated.end = (uintptr_t)pages + BOOT_PREALLOCATED_PAGES * PAGE_BYTES;
        boot.preallocated_free = BOOT_PREALLOCATED_PAGES;
    }
}

void *boot_take_page(void) {
    if (boot.preallocated_free == 0) {
        return NULL;
    }
    boot.preallocated_free--;
    return (void *)(boot.preallocated.start + boot.preallocated_free * PAGE_BYTES);
}

/* ---- options ---- */

static const char *skip_spaces(const char *text) {
    while (*text == ' ') {
        text++;
    }
    return text;
}

static const char *skip_word(const char *text) {
    while (*text != '\0' && *text != ' ') {
        text++;
    }
    return text;
}

static void copy_word(char *to, size_t size, const char *from) {
    size_t length = (size_t)(skip_word(from) - from);
    string_copy(to, length + 1 < size ? length + 1 : size, from);
}

bool boot_option(const char *name, char *value, size_t size) {
    size_t length = strlen(name);
    if (value != NULL) {
        value[0] = '\0';
    }
    for (const char *word = skip_spaces(boot.command_line); *word != '\0';
         word = skip_spaces(skip_word(word))) {
        if (!string_starts_with(word, name)) {
            continue;
        }
        const char *rest = word + length;
        if (*rest != '=' && *rest != ' ' && *rest != '\0') {
            continue;
        }
        if (value != NULL) {
            copy_word(value, size, *rest == '=' ? rest + 1 : rest);
        }
        return true;
    }
    return false;
}

uint64_t boot_option_number(const char *name, uint64_t otherwise) {
    char value[24];
    if (!boot_option(name, value, sizeof(value)) || value[0] == '\0') {
        return otherwise;
    }
    uint64_t number = 0;
    for (const char *digit = value; *digit != '\0'; digit++) {
        if (*digit < '0' || *digit > '9') {
            return otherwise;
        }
        number = number * 10 + (uint64_t)(*digit - '0');
    }
    return number;
}
