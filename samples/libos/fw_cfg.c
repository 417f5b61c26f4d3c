/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/fw_cfg.h"

#include "libos/clock.h"
#include "libos/cpu.h"
#include "libos/relocate.h"
#include "libos/string.h"
#include "libos/wire.h"

/* Ports of PCs. */
#define PORT_SELECTOR 0x510
#define PORT_DATA 0x511
#define PORT_DMA_HIGH 0x514
#define PORT_DMA_LOW 0x518

enum { SELECT_SIGNATURE = 0x00, SELECT_FEATURES = 0x01, SELECT_DIRECTORY = 0x19 };
#define SIGNATURE "QEMU"
#define FEATURE_DMA 2u

/* Control of a transfer. */
#define DMA_ERROR 1u
#define DMA_READ 2u
#define DMA_SELECT 8u
#define DMA_SELECTOR_SHIFT 16
#define PATIENCE_NS 1000000000ul

#define FILES_MAX 1024 /* more are no directory */

/* All big-endian. */
struct dma {
    uint32_t control;
    uint32_t length;
    uint64_t address;
};

struct directory_entry {
    uint32_t size;
    uint16_t selector;
    uint16_t reserved;
    char name[FW_CFG_NAME_BYTES];
};

static bool has_dma;

/* ---- transfers: from the beginning of what was selected, or from where the last one ended ---- */

static void port_select(uint16_t selector) {
    outw(PORT_SELECTOR, selector);
}

static void port_read(uint8_t *into, uint32_t length) {
    for (uint32_t i = 0; i < length; i++) {
        into[i] = inb(PORT_DATA);
    }
}

static bool dma_run(uint32_t control, void *into, uint32_t length) {
    static volatile struct dma dma __attribute__((aligned(16)));
    uint64_t deadline = clock_ns() + PATIENCE_NS;
    uintptr_t at = relocate_physical((const void *)&dma);
    dma.length = swap32(length);
    dma.address = __builtin_bswap64(relocate_physical(into));
    dma.control = swap32(control);
    outl(PORT_DMA_HIGH, swap32((uint32_t)(at >> 32)));
    outl(PORT_DMA_LOW, swap32((uint32_t)at));
    while ((dma.control & ~swap32(DMA_ERROR)) != 0 && clock_ns() < deadline) {
        cpu_relax();
    }
    return dma.control == 0;
}

static bool read_more(void *into, uint32_t length) {
    if (has_dma) {
        return dma_run(DMA_READ, into, length);
    }
    port_read(into, length);
    return true;
}

bool fw_cfg_read(uint16_t selector, void *into, uint32_t length) {
    if (has_dma) {
        return dma_run((uint32_t)selector << DMA_SELECTOR_SHIFT | DMA_SELECT | DMA_READ, into, length);
    }
    port_select(selector);
    port_read(into, length);
    return true;
}

/* ---- the directory ---- */

static bool is_there(void) {
    char signature[sizeof(SIGNATURE) - 1];
    uint32_t features;
    port_select(SELECT_SIGNATURE);
    port_read((uint8_t *)signature, sizeof(signature));
    if (memcmp(signature, SIGNATURE, sizeof(signature)) != 0) {
        return false;
    }
    port_select(SELECT_FEATURES);
    port_read((uint8_t *)&features, sizeof(features));
    has_dma = features & FEATURE_DMA;
    return true;
}

uint32_t fw_cfg_list(const char *prefix, struct fw_cfg_file *files, uint32_t max) {
    uint32_t total = 0;
    uint32_t found = 0;
    if (!is_there() || !fw_cfg_read(SELECT_DIRECTORY, &total, sizeof(total)) || swap32(total) > FILES_MAX) {
        return 0;
    }
    for (uint32_t i = 0; i < swap32(total) && found < max; i++) {
        struct directory_entry entry = {0};
        if (!read_more(&entry, sizeof(entry))) {
            break;
        }
        entry.name[sizeof(entry.name) - 1] = '\0';
        if (string_starts_with(entry.name, prefix)) {
            files[found] =
                (struct fw_cfg_file){.size = swap32(entry.size), .selector = swap16(entry.selector)};
            string_copy(files[found].name, sizeof(files[found].name), entry.name);
            found++;
        }
    }
    return found;
}
