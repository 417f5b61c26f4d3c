/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A split virtqueue (Virtual I/O Device 1.1, section 2.6): descriptors in a table, chains of them handed to the device
 * by the avail ring and back by the used ring. All three lie in memory that driver and device share.
 */
#ifndef LIBOS_VIRTQUEUE_H
#define LIBOS_VIRTQUEUE_H

#include <stdbool.h>
#include <stdint.h>

#define VIRTQUEUE_MAX 256

enum { VIRTQ_DESC_NEXT = 1, VIRTQ_DESC_WRITE = 2 }; /* flags of a descriptor; WRITE: the device writes */

struct virtq_desc {
    uint64_t address; /* physical */
    uint32_t length;
    uint16_t flags;
    uint16_t next; /* index, with VIRTQ_DESC_NEXT */
};

/* Written by the driver. */
struct virtq_avail {
    uint16_t flags;
    uint16_t index; /* where the next entry goes, modulo the size; never wraps at the size */
    uint16_t ring[VIRTQUEUE_MAX + 1]; /* heads of chains; behind the last one: used_event */
};

struct virtq_used_element {
    uint32_t id;     /* head of the chain */
    uint32_t length; /* bytes that the device wrote into it */
};

/* Written by the device. */
struct virtq_used {
    uint16_t flags;
    uint16_t index;
    struct virtq_used_element ring[VIRTQUEUE_MAX]; /* behind the last one: avail_event */
    uint16_t avail_event;
};

/* One piece of a chain. */
struct virtq_buffer {
    void *data;
    uint32_t length;
    bool device_writes;
};

struct virtqueue {
    uint16_t index; /* of the queue in its device */
    uint16_t size;  /* descriptors; a power of two, at most VIRTQUEUE_MAX */
    struct virtq_desc *desc;
    struct virtq_avail *avail;
    struct virtq_used *used;
    uint16_t free_head;     /* the chain of free descriptors */
    uint16_t free_count;    /* descriptors in it */
    uint16_t last_used;     /* used entries taken so far, like used->index */
    uint16_t kicked;        /* avail->index at the last kick */
    bool event_idx;         /* VIRTIO_F_EVENT_IDX: used_event and avail_event are honoured */
    uint64_t notifications; /* sent to the device */
    uint64_t completions;   /* chains that came back */
    uint64_t progress_ns; /* clock_ns() at which a chain last came back, or one was added to an empty queue */
    void (*notify)(struct virtqueue *queue); /* the transport's: tell the device that there is work */
    uintptr_t notify_address;
};

/* Allocate the shared memory of a queue of `size` descriptors, or take the memory that it has already; nothing is in
 * flight. event_idx is of the negotiated features. */
void virtqueue_init(struct virtqueue *queue, uint16_t index, uint16_t size, bool event_idx);

/* Hand a chain to the device. Returns its head, or -1 when there are too few free descriptors. */
int virtqueue_add(struct virtqueue *queue, const struct virtq_buffer *buffers, unsigned count);

/* Tell the device about what was added since, unless it said that it looks by itself. */
void virtqueue_kick(struct virtqueue *queue);

/* Take back a chain that the device is done with: returns its head, and the bytes written in *length; -1: none. */
int virtqueue_take(struct virtqueue *queue, uint32_t *length);

/* Chains that the device has and has not given back. */
uint16_t virtqueue_in_flight(const struct virtqueue *queue);

/* The event indexes, with event_idx. */
uint16_t virtqueue_used_event(const struct virtqueue *queue);
uint16_t virtqueue_avail_event(const struct virtqueue *queue);

/* No interrupts until virtqueue_interrupt_after(): a wish that the device may overlook. */
void virtqueue_interrupt_off(struct virtqueue *queue);

/* Interrupt when `after` more chains have come back (1: at the next). False: so many have already, look again. */
bool virtqueue_interrupt_after(struct virtqueue *queue, uint16_t after);

#endif
