/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Block storage: the virtio block device (Virtual I/O Device 1.1, section 5.2). Requests are asynchronous; the device
 * reads and writes the caller's memory, nothing is copied.
 */
#ifndef LIBOS_BLOCK_H
#define LIBOS_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "libos/virtio.h"

#define BLOCK_VOLUMES 4
#define BLOCK_SECTOR_BYTES 512u

/* As the device knows them. */
enum block_operation { BLOCK_READ = 0, BLOCK_WRITE = 1, BLOCK_FLUSH = 4 };

/* Belongs to the driver, and so does its data, from block_submit() until done() is called. */
struct block_request {
    void (*done)(struct block_request *request, bool is_good);
    void *data;
    uint32_t bytes; /* whole sectors; 0 for a flush */
    /* For the device. */
    struct {
        uint32_t type;
        uint32_t reserved;
        uint64_t sector;
    } header;
    uint8_t status;
};

struct block_volume {
    const char *name;
    bool attached;
    bool is_read_only;
    uint64_t capacity_bytes;
    uint64_t block_bytes;
    uint64_t read_bytes;
    uint64_t written_bytes;
    uint64_t errors;
    struct virtio_device device;
    struct virtqueue queue;
    struct block_request *request_by_head[VIRTQUEUE_MAX]; /* NULL: not in flight */
};

/* Find all devices and attach them, as vda, vdb ... Returns how many there are. */
uint32_t block_init(void);
const struct block_volume *block_volumes(uint32_t *count);
struct block_volume *block_volume(const char *name); /* NULL: there is none */

/* Requests in flight fail, then the device does nothing more. */
void block_detach(struct block_volume *volume);
/* False: the device does not work. */
bool block_attach(struct block_volume *volume);

/*
 * Start to read or write whole sectors, or to flush what was written. False: nothing has begun, because the volume is
 * detached, the sectors are not all on it, it may not be written, or too many requests are in flight.
 */
bool block_submit(struct block_volume *volume, struct block_request *request, enum block_operation operation,
                  uint64_t sector);
/* The same, and wait; for boot. A volume that does not answer within seconds is detached. */
bool block_transfer(struct block_volume *volume, enum block_operation operation, uint64_t sector, void *data,
                    uint32_t bytes);

#endif
