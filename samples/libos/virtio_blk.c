/* SPDX-License-Identifier: BSD-3-Clause */
#include <stddef.h>

#include "libos/block.h"
#include "libos/clock.h"
#include "libos/console.h"
#include "libos/cpu.h"
#include "libos/loop.h"
#include "libos/runtime.h"
#include "libos/security.h"
#include "libos/string.h"

#define FEATURE_READ_ONLY (1ul << 5)
#define FEATURE_BLOCK_SIZE (1ul << 6)
#define FEATURE_FLUSH (1ul << 9)
#define CONFIG_CAPACITY 0 /* in sectors, 8 bytes */
#define CONFIG_BLOCK_SIZE 20
#define REQUEST_QUEUE 0
#define QUEUE_SLOTS 128 /* a request takes three: header, data, status */
#define HEADER_BYTES 16
#define STATUS_OK 0
#define PATIENCE_NS 5000000000ul

static struct block_volume volumes[BLOCK_VOLUMES];
static uint32_t volume_count;
static struct runtime_driver *driver;

const struct block_volume *block_volumes(uint32_t *count) {
    *count = volume_count;
    return volumes;
}

struct block_volume *block_volume(const char *name) {
    for (uint32_t i = 0; i < volume_count; i++) {
        if (string_equal(volumes[i].name, name)) {
            return &volumes[i];
        }
    }
    return NULL;
}

/* ---- requests ---- */

static bool is_allowed(const struct block_volume *volume, const struct block_request *request,
                       enum block_operation operation, uint64_t sector) {
    uint64_t sectors = volume->capacity_bytes / BLOCK_SECTOR_BYTES;
    uint64_t count = request->bytes / BLOCK_SECTOR_BYTES;
    if (operation == BLOCK_FLUSH) {
        return volume->device.features & FEATURE_FLUSH;
    }
    return request->bytes % BLOCK_SECTOR_BYTES == 0 && count > 0 && sector <= sectors &&
           count <= sectors - sector && !(operation == BLOCK_WRITE && volume->is_read_only);
}

bool block_submit(struct block_volume *volume, struct block_request *request, enum block_operation operation,
                  uint64_t sector) {
    if (!volume->attached || !is_allowed(volume, request, operation, sector)) {
        return false;
    }
    request->header.type = operation;
    request->header.reserved = 0;
    request->header.sector = operation == BLOCK_FLUSH ? 0 : sector;
    request->status = UINT8_MAX;
    struct virtq_buffer header = {&request->header, HEADER_BYTES, false};
    struct virtq_buffer data = {request->data, request->bytes, operation == BLOCK_READ};
    struct virtq_buffer status = {&request->status, 1, true};
    struct virtq_buffer parts[] = {header, data, status};
    if (operation == BLOCK_FLUSH) {
        parts[1] = status;
    }
    int head = virtqueue_add(&volume->queue, parts, operation == BLOCK_FLUSH ? 2 : 3);
    if (head < 0) {
        return false;
    }
    volume->request_by_head[head] = request;
    virtqueue_kick(&volume->queue);
    return true;
}

static void finish(struct block_volume *volume, struct block_request *request) {
    bool is_good = request->status == STATUS_OK;
    volume->errors += !is_good;
    if (is_good && request->header.type == BLOCK_READ) {
        volume->read_bytes += request->bytes;
    } else if (is_good && request->header.type == BLOCK_WRITE) {
        volume->written_bytes += request->bytes;
    }
    CHECKED(request->done)(request, is_good);
}

/* What has come back. False: nothing. */
static bool take(struct block_volume *volume) {
    uint32_t length;
    bool found = false;
    for (int head = virtqueue_take(&volume->queue, &length); head >= 0;
         head = virtqueue_take(&volume->queue, &length)) {
        struct block_request *request = volume->request_by_head[head];
        volume->request_by_head[head] = NULL;
        found = true;
        if (request != NULL) {
            finish(volume, request);
        }
    }
    return found;
}

static bool poll(void) {
    bool found = false;
    for (uint32_t i = 0; i < volume_count; i++) {
        found |= volumes[i].attached && take(&volumes[i]);
    }
    return found;
}

/* ---- interrupts ---- */

static void interrupt(struct device_access *access, struct unidbg_frame *frame) {
    struct block_volume *volume = access->driver;
    (void)frame;
    driver->interrupts++;
    volume->device.transport->interrupt_done(&volume->device);
    loop_notify(LOOP_STORAGE);
}

static void on_ready(int32_t descriptor, void *data) {
    (void)descriptor;
    (void)data;
    for (uint32_t i = 0; i < volume_count; i++) {
        struct block_volume *volume = &volumes[i];
        do {
            poll();
        } while (volume->attached && !driver->poll && !virtqueue_interrupt_after(&volume->queue, 1));
    }
}

/* ---- waiting ---- */

/* A request of block_transfer(). It is static: should the device never answer, nothing of the stack is in its hands. */
static struct {
    struct block_request request; /* first: on_transferred() gets its address */
    bool is_done;
    bool is_good;
} transfer;

static void on_transferred(struct block_request *request, bool is_good) {
    (void)request;
    transfer.is_done = true;
    transfer.is_good = is_good;
}

bool block_transfer(struct block_volume *volume, enum block_operation operation, uint64_t sector, void *data,
                    uint32_t bytes) {
    uint64_t deadline = clock_ns() + PATIENCE_NS;
    transfer.request = (struct block_request){.done = on_transferred, .data = data, .bytes = bytes};
    transfer.is_done = false;
    if (!block_submit(volume, &transfer.request, operation, sector)) {
        return false;
    }
    while (!transfer.is_done && clock_ns() < deadline) {
        take(volume);
        cpu_relax();
    }
    if (!transfer.is_done) {
        block_detach(volume);
    } else if (!driver->poll && !virtqueue_interrupt_after(&volume->queue, 1)) {
        loop_notify(LOOP_STORAGE);
    }
    return transfer.is_good;
}

/* ---- attaching ---- */

bool block_attach(struct block_volume *volume) {
    uint64_t wanted =
        FEATURE_READ_ONLY | FEATURE_BLOCK_SIZE | FEATURE_FLUSH | (driver->poll ? 0 : VIRTIO_F_EVENT_IDX);
    struct virtio_device *device = &volume->device;
    if (volume->attached) {
        return true;
    }
    if (!virtio_negotiate(device, wanted) ||
        !virtio_queue(device, &volume->queue, REQUEST_QUEUE, QUEUE_SLOTS)) {
        return false;
    }
    bool knows_block = device->features & FEATURE_BLOCK_SIZE;
    volume->capacity_bytes = virtio_config(device, CONFIG_CAPACITY, 8) * BLOCK_SECTOR_BYTES;
    volume->block_bytes = knows_block ? virtio_config(device, CONFIG_BLOCK_SIZE, 4) : BLOCK_SECTOR_BYTES;
    volume->is_read_only = device->features & FEATURE_READ_ONLY;
    if (driver->poll) {
        virtqueue_interrupt_off(&volume->queue);
    }
    volume->attached = true;
    virtio_start(device);
    log_line("%s: %lu bytes%s", volume->name, volume->capacity_bytes,
             volume->is_read_only ? ", read-only" : "");
    return true;
}

void block_detach(struct block_volume *volume) {
    if (!volume->attached) {
        return;
    }
    volume->attached = false;
    virtio_reset(&volume->device);
    for (uint32_t head = 0; head < VIRTQUEUE_MAX; head++) {
        struct block_request *request = volume->request_by_head[head];
        volume->request_by_head[head] = NULL;
        if (request != NULL) {
            finish(volume, request);
        }
    }
    log_line("%s: detached", volume->name);
}

static bool add_volume(uint32_t n) {
    static const char *const names[BLOCK_VOLUMES] = {"vda", "vdb", "vdc", "vdd"};
    struct block_volume *volume = &volumes[n];
    volume->name = names[n];
    if (!virtio_find(VIRTIO_ID_BLOCK, n, &volume->device)) {
        return false;
    }
    struct device_access *access = device_add((struct device_access){.name = "virtio-blk",
                                                                     .mmio_base = volume->device.registers,
                                                                     .irq = DEVICE_NO_IRQ,
                                                                     .handler = interrupt,
                                                                     .driver = volume});
    volume->device.transport->interrupt_connect(&volume->device, access);
    volume_count++;
    block_attach(volume);
    return true;
}

uint32_t block_init(void) {
    struct virtio_device any;
    if (!virtio_find(VIRTIO_ID_BLOCK, 0, &any)) {
        return 0;
    }
    driver = driver_add("virtio-blk", poll);
    loop_handler_add(LOOP_STORAGE, on_ready, volumes);
    while (volume_count < BLOCK_VOLUMES && add_volume(volume_count)) {
    }
    return volume_count;
}
