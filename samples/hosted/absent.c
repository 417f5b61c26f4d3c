/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a process has not: page tables of its own, a firmware; and a switch that turns it off. For libos/paging.h,
 * libos/fw_cfg.h, libos/pci.h, libos/power.h, libos/relocate.h and libos/virtio.h.
 */
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "hosted.h"
#include "libos/fw_cfg.h"
#include "libos/paging.h"
#include "libos/pci.h"
#include "libos/power.h"
#include "libos/relocate.h"
#include "libos/virtio.h"

void paging_init(void) {
}

bool paging_is_ready(void) {
    return false;
}

void paging_map_device(uintptr_t physical, uint64_t length) {
    (void)physical;
    (void)length;
}

uintptr_t paging_root(void) {
    return 0;
}

uint64_t paging_generation(void) {
    return 0;
}

bool paging_table(unsigned index, uintptr_t *table) {
    (void)index;
    (void)table;
    return false;
}

struct page_counts paging_count(void) {
    return (struct page_counts){0};
}

bool paging_next_region(uintptr_t *cursor, struct page_region *region) {
    (void)cursor;
    (void)region;
    return false;
}

uint64_t relocate_slide;

uintptr_t relocate_physical(const void *address) {
    return (uintptr_t)address;
}

uint32_t fw_cfg_list(const char *prefix, struct fw_cfg_file *files, uint32_t max) {
    (void)prefix;
    (void)files;
    (void)max;
    return 0;
}

bool fw_cfg_read(uint16_t selector, void *into, uint32_t length) {
    (void)selector;
    (void)into;
    (void)length;
    return false;
}

bool pci_is_there(void) {
    return true;
}

bool virtio_mmio_find(uint32_t id, uint32_t n, struct virtio_device *device) {
    (void)id;
    (void)n;
    (void)device;
    return false;
}

void power_start(void) {
}

void power_off(uint8_t status) {
    _exit(status);
}

/* The same program from the start. */
void power_reset(void) {
    execv("/proc/self/exe", hosted_options.arguments);
    _exit(1);
}
