/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Virtio over PCI (Virtual I/O Device 1.1, section 4.1): how q35 does it. Vendor capabilities say in which BAR and where
 * the common configuration, the notification area and the device's configuration lie. Interrupts are one MSI-X message.
 */
#include <stddef.h>

#include "libos/cpu.h"
#include "libos/paging.h"
#include "libos/pci.h"
#include "libos/virtio.h"

#define VENDOR 0x1af4
#define MODERN_ID_BASE 0x1040
#define TRANSITIONAL_ID_BASE 0xfff /* net 0x1000, block 0x1001 */

/* struct virtio_pci_cap */
enum { CAP_CONFIG_TYPE = 3, CAP_BAR = 4, CAP_OFFSET = 8, CAP_LENGTH = 12, CAP_NOTIFY_MULTIPLIER = 16 };
enum { CONFIG_COMMON = 1, CONFIG_NOTIFY = 2, CONFIG_DEVICE = 4 };

/* struct virtio_pci_common_cfg */
enum {
    COMMON_DEVICE_FEATURES_SELECT = 0x00,
    COMMON_DEVICE_FEATURES = 0x04,
    COMMON_DRIVER_FEATURES_SELECT = 0x08,
    COMMON_DRIVER_FEATURES = 0x0c,
    COMMON_CONFIG_VECTOR = 0x10,
    COMMON_STATUS = 0x14,
    COMMON_QUEUE_SELECT = 0x16,
    COMMON_QUEUE_SIZE = 0x18,
    COMMON_QUEUE_VECTOR = 0x1a,
    COMMON_QUEUE_ENABLE = 0x1c,
    COMMON_QUEUE_NOTIFY = 0x1e,
    COMMON_QUEUE_DESC = 0x20,
    COMMON_QUEUE_DRIVER = 0x28,
    COMMON_QUEUE_DEVICE = 0x30,
};
#define MSIX_ENTRY 0 /* the only one that is used */

static uint8_t get_status(struct virtio_device *device) {
    return mmio_read8(device->registers + COMMON_STATUS);
}

static void set_status(struct virtio_device *device, uint8_t status) {
    mmio_write8(device->registers + COMMON_STATUS, status);
}

static uint32_t get_features(struct virtio_device *device, uint32_t word) {
    mmio_write32(device->registers + COMMON_DEVICE_FEATURES_SELECT, word);
    return mmio_read32(device->registers + COMMON_DEVICE_FEATURES);
}

static void set_features(struct virtio_device *device, uint32_t word, uint32_t value) {
    mmio_write32(device->registers + COMMON_DRIVER_FEATURES_SELECT, word);
    mmio_write32(device->registers + COMMON_DRIVER_FEATURES, value);
}

static uint16_t queue_size(struct virtio_device *device, uint16_t index) {
    mmio_write16(device->registers + COMMON_QUEUE_SELECT, index);
    return mmio_read16(device->registers + COMMON_QUEUE_SIZE);
}

static void write_address(struct virtio_device *device, uint32_t reg, const void *address) {
    mmio_write32(device->registers + reg, (uint32_t)(uintptr_t)address);
    mmio_write32(device->registers + reg + 4, (uint32_t)((uintptr_t)address >> 32));
}

static void notify(struct virtqueue *queue) {
    mmio_write16(queue->notify_address, queue->index);
}

static void queue_start(struct virtio_device *device, struct virtqueue *queue) {
    mmio_write16(device->registers + COMMON_QUEUE_SELECT, queue->index);
    uint64_t doorbell = mmio_read16(device->registers + COMMON_QUEUE_NOTIFY);
    queue->notify = notify;
    queue->notify_address = device->notify_base + doorbell * device->notify_multiplier;
    mmio_write16(device->registers + COMMON_QUEUE_SIZE, queue->size);
    mmio_write16(device->registers + COMMON_QUEUE_VECTOR, MSIX_ENTRY);
    write_address(device, COMMON_QUEUE_DESC, queue->desc);
    write_address(device, COMMON_QUEUE_DRIVER, queue->avail);
    write_address(device, COMMON_QUEUE_DEVICE, queue->used);
    mmio_write16(device->registers + COMMON_QUEUE_ENABLE, 1);
}

static uint8_t config_read(struct virtio_device *device, uint32_t offset) {
    return mmio_read8(device->config + offset);
}

static void interrupt_connect(struct virtio_device *device, struct device_access *access) {
    pci_msix_route(device->msix_table, MSIX_ENTRY, device_connect(access));
}

static void interrupt_done(struct virtio_device *device) {
    (void)device; /* a message needs no answer */
}

static const struct virtio_transport pci = {
    .name = "pci",
    .get_status = get_status,
    .set_status = set_status,
    .get_features = get_features,
    .set_features = set_features,
    .queue_size = queue_size,
    .queue_start = queue_start,
    .config_read = config_read,
    .interrupt_connect = interrupt_connect,
    .interrupt_done = interrupt_done,
};

/* Map what a capability points to. */
static uintptr_t map_area(uint16_t address, uint8_t capability) {
    uint32_t offset = pci_read32(address, (uint8_t)(capability + CAP_OFFSET));
    uint32_t length = pci_read32(address, (uint8_t)(capability + CAP_LENGTH));
    uintptr_t area = pci_bar(address, pci_read8(address, (uint8_t)(capability + CAP_BAR))) + offset;
    paging_map_device(area, length);
    return area;
}

static void read_capability(struct virtio_device *device, uint8_t capability) {
    uint16_t address = device->pci_address;
    switch (pci_read8(address, (uint8_t)(capability + CAP_CONFIG_TYPE))) {
    case CONFIG_COMMON:
        device->registers = map_area(address, capability);
        break;
    case CONFIG_NOTIFY:
        device->notify_base = map_area(address, capability);
        device->notify_multiplier = pci_read32(address, (uint8_t)(capability + CAP_NOTIFY_MULTIPLIER));
        break;
    case CONFIG_DEVICE:
        device->config = map_area(address, capability);
        break;
    default: /* the interrupt status is for INTx, the rest for others */
        break;
    }
}

bool virtio_pci_find(uint32_t id, uint32_t n, struct virtio_device *device) {
    *device = (struct virtio_device){.transport = &pci, .irq = DEVICE_NO_IRQ};
    if (!pci_find(VENDOR, (uint16_t)(MODERN_ID_BASE + id), (uint16_t)(TRANSITIONAL_ID_BASE + id), n,
                  &device->pci_address)) {
        return false;
    }
    pci_enable(device->pci_address);
    device->msix_table = pci_msix_enable(device->pci_address);
    uint8_t at = 0;
    while ((at = pci_capability(device->pci_address, PCI_CAPABILITY_VENDOR, at)) != 0) {
        read_capability(device, at);
    }
    return device->registers != 0 && device->notify_base != 0 && device->config != 0 &&
           device->msix_table != 0;
}
