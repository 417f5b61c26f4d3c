/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Virtio over MMIO (Virtual I/O Device 1.1, section 4.2): how microvm does it. Its transports stand side by side; those
 * without a device have device id 0. Their interrupt lines are those of the second I/O APIC, if there is one.
 */
#include "libos/apic.h"
#include "libos/console.h"
#include "libos/cpu.h"
#include "libos/paging.h"
#include "libos/virtio.h"

#define TRANSPORTS 0xfeb00000ul
#define TRANSPORT_BYTES 0x200ul
#define TRANSPORT_COUNT 24
#define FIRST_LINE_OF_SECOND_IOAPIC 24
#define FIRST_LINE_WITH_ONE_IOAPIC 16

enum {
    REG_MAGIC = 0x000,
    REG_VERSION = 0x004,
    REG_DEVICE_ID = 0x008,
    REG_DEVICE_FEATURES = 0x010,
    REG_DEVICE_FEATURES_SELECT = 0x014,
    REG_DRIVER_FEATURES = 0x020,
    REG_DRIVER_FEATURES_SELECT = 0x024,
    REG_QUEUE_SELECT = 0x030,
    REG_QUEUE_SIZE_MAX = 0x034,
    REG_QUEUE_SIZE = 0x038,
    REG_QUEUE_READY = 0x044,
    REG_QUEUE_NOTIFY = 0x050,
    REG_INTERRUPT_STATUS = 0x060,
    REG_INTERRUPT_ACK = 0x064,
    REG_STATUS = 0x070,
    REG_QUEUE_DESC = 0x080,
    REG_QUEUE_DRIVER = 0x090,
    REG_QUEUE_DEVICE = 0x0a0,
    REG_CONFIG = 0x100,
};
#define MAGIC 0x74726976u /* "virt" */
#define VERSION_MODERN 2
#define VERSION_LEGACY 1

static uint32_t read(struct virtio_device *device, uint32_t reg) {
    return mmio_read32(device->registers + reg);
}

static void write(struct virtio_device *device, uint32_t reg, uint32_t value) {
    mmio_write32(device->registers + reg, value);
}

static uint8_t get_status(struct virtio_device *device) {
    return (uint8_t)read(device, REG_STATUS);
}

static void set_status(struct virtio_device *device, uint8_t status) {
    write(device, REG_STATUS, status);
}

static uint32_t get_features(struct virtio_device *device, uint32_t word) {
    write(device, REG_DEVICE_FEATURES_SELECT, word);
    return read(device, REG_DEVICE_FEATURES);
}

static void set_features(struct virtio_device *device, uint32_t word, uint32_t value) {
    write(device, REG_DRIVER_FEATURES_SELECT, word);
    write(device, REG_DRIVER_FEATURES, value);
}

static uint16_t queue_size(struct virtio_device *device, uint16_t index) {
    write(device, REG_QUEUE_SELECT, index);
    return (uint16_t)read(device, REG_QUEUE_SIZE_MAX);
}

static void write_address(struct virtio_device *device, uint32_t reg, const void *address) {
    write(device, reg, (uint32_t)(uintptr_t)address);
    write(device, reg + 4, (uint32_t)((uintptr_t)address >> 32));
}

static void notify(struct virtqueue *queue) {
    mmio_write32(queue->notify_address, queue->index);
}

static void queue_start(struct virtio_device *device, struct virtqueue *queue) {
    queue->notify = notify;
    queue->notify_address = device->registers + REG_QUEUE_NOTIFY;
    write(device, REG_QUEUE_SELECT, queue->index);
    write(device, REG_QUEUE_SIZE, queue->size);
    write_address(device, REG_QUEUE_DESC, queue->desc);
    write_address(device, REG_QUEUE_DRIVER, queue->avail);
    write_address(device, REG_QUEUE_DEVICE, queue->used);
    write(device, REG_QUEUE_READY, 1);
}

static uint8_t config_read(struct virtio_device *device, uint32_t offset) {
    return mmio_read8(device->registers + REG_CONFIG + offset);
}

static void interrupt_connect(struct virtio_device *device, struct device_access *access) {
    access->irq = device->irq;
    device_connect(access);
}

/* The line falls, so that the next interrupt is an edge again. */
static void interrupt_done(struct virtio_device *device) {
    write(device, REG_INTERRUPT_ACK, read(device, REG_INTERRUPT_STATUS));
}

static const struct virtio_transport mmio = {
    .name = "mmio",
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

static int32_t line_of(uint32_t index) {
    uint32_t first = ioapic_count() > 1 ? FIRST_LINE_OF_SECOND_IOAPIC : FIRST_LINE_WITH_ONE_IOAPIC;
    return (int32_t)(first + index);
}

static bool probe(uintptr_t registers, int32_t irq, uint32_t id, struct virtio_device *device) {
    *device = (struct virtio_device){.transport = &mmio, .registers = registers, .irq = irq};
    if (read(device, REG_MAGIC) != MAGIC || read(device, REG_DEVICE_ID) != id) {
        return false;
    }
    if (read(device, REG_VERSION) == VERSION_LEGACY) {
        log_line("virtio: legacy device at %p: start QEMU with -global virtio-mmio.force-legacy=false",
                 (void *)registers);
    }
    return read(device, REG_VERSION) == VERSION_MODERN;
}

/* QEMU fills the transports from the last one down: so its first device is the one that is found first. */
bool virtio_mmio_find(uint32_t id, uint32_t n, struct virtio_device *device) {
    paging_map_device(TRANSPORTS, TRANSPORT_COUNT * TRANSPORT_BYTES);
    for (uint32_t i = TRANSPORT_COUNT; i-- > 0;) {
        if (probe(TRANSPORTS + i * TRANSPORT_BYTES, line_of(i), id, device) && n-- == 0) {
            return true;
        }
    }
    return false;
}
