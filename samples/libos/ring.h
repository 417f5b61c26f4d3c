/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packet rings: between the driver of a network device and the stack. The frames stay in memory until their slot is
 * used again, so the last ones can be looked at.
 */
#ifndef LIBOS_RING_H
#define LIBOS_RING_H

#include <stdint.h>

#include "libos/virtqueue.h"

#define RINGS 4
#define PACKET_BYTES 2048 /* of memory for each packet */

enum ring_direction { RING_RX, RING_TX };

struct packet {
    uint8_t *data;    /* Ethernet frame */
    uint32_t length;  /* bytes; 0: the slot was never used */
    uint64_t time_ns; /* clock_ns() at which it was received, or given to the device */
};

/*
 * Slots from tail up to, not including, head are in flight. Both count on for ever; modulo the size they are slots.
 * rx: received, not yet processed. tx: given to the device, not yet sent.
 */
struct packet_ring {
    const char *name;
    enum ring_direction direction;
    uint32_t size; /* a power of two */
    uint32_t head; /* next slot to fill */
    uint32_t tail; /* next slot to finish */
    struct packet *slots;
    struct virtqueue queue;
};

struct ring_table {
    uint64_t now_ns; /* clock_ns() when the driver last looked */
    struct packet_ring rings[RINGS];
    uint32_t ring_count;
};

struct ring_table *ring_table(void);

/* A new ring of the table, with memory for its slots. */
struct packet_ring *ring_add(const char *name, enum ring_direction direction, uint32_t size);

static inline struct packet *ring_slot(const struct packet_ring *ring, uint32_t at) {
    return &ring->slots[at % ring->size];
}

static inline uint32_t ring_in_flight(const struct packet_ring *ring) {
    return ring->head - ring->tail;
}

#endif
