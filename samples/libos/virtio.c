/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/virtio.h"

#include "libos/pci.h"

/* The status register (Virtual I/O Device 1.1, section 2.1), and the order of its bits in section 3.1. */
enum { STATUS_ACKNOWLEDGE = 1, STATUS_DRIVER = 2, STATUS_DRIVER_OK = 4, STATUS_FEATURES_OK = 8 };

/* Where there is PCI, its devices may lie where the MMIO transports are elsewhere. */
bool virtio_find(uint32_t id, uint32_t n, struct virtio_device *device) {
    return pci_is_there() ? virtio_pci_find(id, n, device) : virtio_mmio_find(id, n, device);
}

static void add_status(struct virtio_device *device, uint8_t bit) {
    device->transport->set_status(device, device->transport->get_status(device) | bit);
}

void virtio_reset(struct virtio_device *device) {
    device->transport->set_status(device, 0);
    while (device->transport->get_status(device) != 0) {
    }
}

static uint64_t offered_features(struct virtio_device *device) {
    uint64_t low = device->transport->get_features(device, 0);
    uint64_t high = device->transport->get_features(device, 1);
    return high << 32 | low;
}

bool virtio_negotiate(struct virtio_device *device, uint64_t wanted) {
    virtio_reset(device);
    add_status(device, STATUS_ACKNOWLEDGE);
    add_status(device, STATUS_DRIVER);
    device->features = offered_features(device) & (wanted | VIRTIO_F_VERSION_1);
    if (!(device->features & VIRTIO_F_VERSION_1)) {
        return false;
    }
    device->transport->set_features(device, 0, (uint32_t)device->features);
    device->transport->set_features(device, 1, (uint32_t)(device->features >> 32));
    add_status(device, STATUS_FEATURES_OK);
    return device->transport->get_status(device) & STATUS_FEATURES_OK;
}

bool virtio_queue(struct virtio_device *device, struct virtqueue *queue, uint16_t index, uint16_t size) {
    uint16_t largest = device->transport->queue_size(device, index);
    if (largest == 0) {
        return false;
    }
    virtqueue_init(queue, index, largest < size ? largest : size, device->features & VIRTIO_F_EVENT_IDX);
    device->transport->queue_start(device, queue);
    return true;
}

uint64_t virtio_config(struct virtio_device *device, uint32_t offset, uint32_t bytes) {
    uint64_t value = 0;
    for (uint32_t i = 0; i < bytes; i++) {
        value |= (uint64_t)device->transport->config_read(device, offset + i) << 8 * i;
    }
    return value;
}

void virtio_start(struct virtio_device *device) {
    add_status(device, STATUS_DRIVER_OK);
}
