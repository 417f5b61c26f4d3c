/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/pci.h"

#include "libos/cpu.h"
#include "libos/paging.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc
#define CONFIG_ENABLE 0x80000000u

/* Configuration header (PCI Local Bus 3.0, chapter 6). */
enum {
    HEADER_VENDOR = 0x00,
    HEADER_DEVICE = 0x02,
    HEADER_COMMAND = 0x04,
    HEADER_BAR_0 = 0x10,
    HEADER_CAPABILITIES = 0x34,
};
#define COMMAND_MEMORY 0x2
#define COMMAND_BUS_MASTER 0x4
#define COMMAND_NO_INTX 0x400
#define BAR_IS_64_BITS 0x4
#define BAR_ADDRESS 0xfffffff0u
#define FUNCTIONS_OF_BUS_0 256
#define CAPABILITY_NEXT 1
#define NO_VENDOR 0xffff

/* MSI-X capability and table (section 6.8.2). */
#define MSIX_CONTROL 2
#define MSIX_TABLE 4
#define MSIX_TABLE_BAR 0x7u
#define MSIX_ENABLE 0x8000
#define MSIX_SIZE 0x7ff
#define MSIX_ENTRY_BYTES 16
#define MSI_ADDRESS 0xfee00000u /* local APIC with id 0 */

static uint32_t select(uint16_t address, uint8_t offset) {
    outl(CONFIG_ADDRESS, CONFIG_ENABLE | (uint32_t)address << 8 | (offset & 0xfcu));
    return offset & 3u;
}

uint32_t pci_read32(uint16_t address, uint8_t offset) {
    select(address, offset);
    return inl(CONFIG_DATA);
}

uint16_t pci_read16(uint16_t address, uint8_t offset) {
    return (uint16_t)(pci_read32(address, offset & 0xfc) >> 8 * (offset & 2));
}

uint8_t pci_read8(uint16_t address, uint8_t offset) {
    return (uint8_t)(pci_read32(address, offset & 0xfc) >> 8 * (offset & 3));
}

void pci_write16(uint16_t address, uint8_t offset, uint16_t value) {
    uint32_t rest = select(address, offset);
    outw((uint16_t)(CONFIG_DATA + rest), value);
}

/* Function 0 of device 0 is the host bridge. */
bool pci_is_there(void) {
    return pci_read16(0, HEADER_VENDOR) != NO_VENDOR;
}

bool pci_find(uint16_t vendor, uint16_t id, uint16_t other_id, uint32_t n, uint16_t *address) {
    for (uint16_t at = 0; at < FUNCTIONS_OF_BUS_0; at++) {
        uint16_t device = pci_read16(at, HEADER_DEVICE);
        if (pci_read16(at, HEADER_VENDOR) == vendor && (device == id || device == other_id) && n-- == 0) {
            *address = at;
            return true;
        }
    }
    return false;
}

void pci_enable(uint16_t address) {
    uint16_t command = pci_read16(address, HEADER_COMMAND);
    pci_write16(address, HEADER_COMMAND, command | COMMAND_MEMORY | COMMAND_BUS_MASTER | COMMAND_NO_INTX);
}

uintptr_t pci_bar(uint16_t address, unsigned bar) {
    uint8_t offset = (uint8_t)(HEADER_BAR_0 + 4 * bar);
    uint32_t low = pci_read32(address, offset);
    uint64_t high = low & BAR_IS_64_BITS ? pci_read32(address, (uint8_t)(offset + 4)) : 0;
    return high << 32 | (low & BAR_ADDRESS);
}

uint8_t pci_capability(uint16_t address, uint8_t kind, uint8_t after) {
    uint8_t at = pci_read8(address, after != 0 ? (uint8_t)(after + CAPABILITY_NEXT) : HEADER_CAPABILITIES);
    while (at != 0 && pci_read8(address, at) != kind) {
        at = pci_read8(address, (uint8_t)(at + CAPABILITY_NEXT));
    }
    return at;
}

uintptr_t pci_msix_enable(uint16_t address) {
    uint8_t at = pci_capability(address, PCI_CAPABILITY_MSIX, 0);
    if (at == 0) {
        return 0;
    }
    uint32_t where = pci_read32(address, (uint8_t)(at + MSIX_TABLE));
    uint16_t control = pci_read16(address, (uint8_t)(at + MSIX_CONTROL));
    uintptr_t table = pci_bar(address, where & MSIX_TABLE_BAR) + (where & ~MSIX_TABLE_BAR);
    paging_map_device(table, (uint64_t)((control & MSIX_SIZE) + 1) * MSIX_ENTRY_BYTES);
    pci_write16(address, (uint8_t)(at + MSIX_CONTROL), control | MSIX_ENABLE);
    return table;
}

void pci_msix_route(uintptr_t table, unsigned entry, uint8_t vector) {
    uintptr_t at = table + (uintptr_t)entry * MSIX_ENTRY_BYTES;
    mmio_write32(at, MSI_ADDRESS);
    mmio_write32(at + 4, 0);
    mmio_write32(at + 8, vector);
    mmio_write32(at + 12, 0); /* not masked */
}
