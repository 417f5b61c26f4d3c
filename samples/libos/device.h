/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The devices: where each is reached, and which function its interrupts go to.
 */
#ifndef LIBOS_DEVICE_H
#define LIBOS_DEVICE_H

#include <stdint.h>

#include <unidbg/x86_64.h>

#define DEVICE_MAX 16
#define DEVICE_NO_IRQ (-1)

struct device_access {
    const char *name;
    uintptr_t mmio_base; /* 0: none */
    uint16_t port_base;  /* 0: none */
    int32_t irq; /* line of the I/O APIC, DEVICE_NO_IRQ: none (local or message-signalled interrupts) */
    void (*handler)(struct device_access *device, struct unidbg_frame *frame); /* interrupts off */
    uint64_t interrupts; /* taken so far, counted before the handler runs */
    void *driver;        /* the driver's own */
};

struct device_table {
    struct device_access devices[DEVICE_MAX];
    uint32_t device_count;
};

/* The table itself, for those who show it. */
const struct device_table *device_table(void);

/* Enter a device. It stays where it is. */
struct device_access *device_add(struct device_access device);

/* Give the device an interrupt vector; a device with an irq gets that line routed to it. Returns the vector. */
uint8_t device_connect(struct device_access *device);

/* Called by the trap handler for each vector that is not an exception. */
void device_interrupt(uint8_t vector, struct unidbg_frame *frame);

#endif
