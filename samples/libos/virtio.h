/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Virtio devices, version 1 ("modern"), over PCI or MMIO. A transport is a table of functions; what is above it does
 * not know which one it is.
 */
#ifndef LIBOS_VIRTIO_H
#define LIBOS_VIRTIO_H

#include <stdbool.h>
#include <stdint.h>

#include "libos/device.h"
#include "libos/virtqueue.h"

enum { VIRTIO_ID_NET = 1, VIRTIO_ID_BLOCK = 2 };

#define VIRTIO_F_EVENT_IDX (1ul << 29)
#define VIRTIO_F_VERSION_1 (1ul << 32)

struct virtio_device;

struct virtio_transport {
    const char *name;
    uint8_t (*get_status)(struct virtio_device *device);
    void (*set_status)(struct virtio_device *device, uint8_t status);
    uint32_t (*get_features)(struct virtio_device *device, uint32_t word); /* of 32 bits: 0 or 1 */
    void (*set_features)(struct virtio_device *device, uint32_t word, uint32_t value);
    uint16_t (*queue_size)(struct virtio_device *device, uint16_t index); /* largest; 0: no such queue */
    void (*queue_start)(struct virtio_device *device, struct virtqueue *queue); /* also sets its notify */
    uint8_t (*config_read)(struct virtio_device *device, uint32_t offset);
    /* Route the device's interrupts to access->handler; afterwards acknowledge each with interrupt_done. */
    void (*interrupt_connect)(struct virtio_device *device, struct device_access *access);
    void (*interrupt_done)(struct virtio_device *device);
};

struct virtio_device {
    const struct virtio_transport *transport;
    uint64_t features;   /* negotiated */
    uintptr_t registers; /* MMIO: all; PCI: the common configuration */
    int32_t irq;         /* MMIO: the line; PCI: none, messages */
    /* PCI alone: */
    uintptr_t notify_base;
    uint32_t notify_multiplier;
    uintptr_t config;
    uintptr_t msix_table;
    uint16_t pci_address; /* bus, device, function */
};

/* Find device number n (from 0) of this kind. False: there are not so many. */
bool virtio_find(uint32_t id, uint32_t n, struct virtio_device *device);
bool virtio_pci_find(uint32_t id, uint32_t n, struct virtio_device *device);
bool virtio_mmio_find(uint32_t id, uint32_t n, struct virtio_device *device);

/* It does nothing any more, and touches no memory of ours. */
void virtio_reset(struct virtio_device *device);
/* Reset, then agree on those of `wanted` that it offers; VERSION_1 is a must. False: it does not agree. */
bool virtio_negotiate(struct virtio_device *device, uint64_t wanted);
/* Set up a queue of at most `size` descriptors; again after a reset, in the same memory. False: the device has none of
 * this index. */
bool virtio_queue(struct virtio_device *device, struct virtqueue *queue, uint16_t index, uint16_t size);
/* A number of the device's configuration, little-endian. */
uint64_t virtio_config(struct virtio_device *device, uint32_t offset, uint32_t bytes);
/* From here on the device works. */
void virtio_start(struct virtio_device *device);

#endif
