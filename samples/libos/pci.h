/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PCI by configuration ports 0xcf8 and 0xcfc: bus 0 of q35. The firmware has assigned the base addresses.
 */
#ifndef LIBOS_PCI_H
#define LIBOS_PCI_H

#include <stdbool.h>
#include <stdint.h>

enum { PCI_CAPABILITY_VENDOR = 0x09, PCI_CAPABILITY_MSIX = 0x11 };

/* A function is named by bus << 8 | device << 3 | function. */
uint8_t pci_read8(uint16_t address, uint8_t offset);
uint16_t pci_read16(uint16_t address, uint8_t offset);
uint32_t pci_read32(uint16_t address, uint8_t offset);
void pci_write16(uint16_t address, uint8_t offset, uint16_t value);

bool pci_is_there(void);
/* Function number n (from 0) of those with one of two device ids. False: there are not so many. */
bool pci_find(uint16_t vendor, uint16_t id, uint16_t other_id, uint32_t n, uint16_t *address);
/* Let it answer at its memory addresses and do DMA. */
void pci_enable(uint16_t address);
/* Physical address of a memory BAR, of 32 or 64 bits. */
uintptr_t pci_bar(uint16_t address, unsigned bar);
/* Offset of the next capability of a kind behind `after` (0: the first); 0: no more. */
uint8_t pci_capability(uint16_t address, uint8_t kind, uint8_t after);

/* Map the MSI-X table and switch its messages on; returns the table's address, 0: it has none. */
uintptr_t pci_msix_enable(uint16_t address);
/* Entry n of the table raises this vector on the boot CPU. */
void pci_msix_route(uintptr_t table, unsigned entry, uint8_t vector);

#endif
