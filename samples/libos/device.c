/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/device.h"

#include <unidbg/probe.h>

#include "libos/apic.h"
#include "libos/panic.h"
#include "libos/security.h"
#include "libos/trap.h"

static struct device_table table;
static struct device_access *by_vector[TRAP_VECTORS];
static uint8_t next_vector = TRAP_FIRST_INTERRUPT;

UNIDBG_PROBE(devices, machine, &table);

const struct device_table *device_table(void) {
    return &table;
}

struct device_access *device_add(struct device_access device) {
    if (table.device_count == DEVICE_MAX) {
        panic("no room for device %s", device.name);
    }
    struct device_access *entry = &table.devices[table.device_count];
    *entry = device;
    table.device_count++;
    return entry;
}

uint8_t device_connect(struct device_access *device) {
    if (next_vector == TRAP_SPURIOUS) {
        panic("no interrupt vector for device %s", device->name);
    }
    uint8_t vector = next_vector++;
    by_vector[vector] = device;
    if (device->irq != DEVICE_NO_IRQ) {
        ioapic_route((uint32_t)device->irq, vector);
    }
    return vector;
}

void device_interrupt(uint8_t vector, struct unidbg_frame *frame) {
    struct device_access *device = by_vector[vector];
    if (device == NULL) {
        return; /* spurious: the local APIC wants no end-of-interrupt for it either */
    }
    device->interrupts++;
    CHECKED(device->handler)(device, frame);
    lapic_end_of_interrupt();
}
