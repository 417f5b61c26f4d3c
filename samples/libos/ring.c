/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/ring.h"

#include <stddef.h>

#include <unidbg/probe.h>

#include "libos/memory.h"
#include "libos/paging.h"
#include "libos/panic.h"

static struct ring_table table;

UNIDBG_PROBE(rings, network, &table);

struct ring_table *ring_table(void) {
    return &table;
}

struct packet_ring *ring_add(const char *name, enum ring_direction direction, uint32_t size) {
    uint64_t bytes = size * sizeof(struct packet);
    struct packet *slots = page_allocate((bytes + PAGE_BYTES - 1) / PAGE_BYTES);
    if (slots == NULL || table.ring_count == RINGS) {
        panic("no room for ring %s", name);
    }
    struct packet_ring *ring = &table.rings[table.ring_count];
    *ring = (struct packet_ring){.name = name, .direction = direction, .size = size, .slots = slots};
    table.ring_count++;
    return ring;
}
