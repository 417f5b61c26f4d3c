/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/crash.h"

#include <unidbg/crash.h>

#include "libos/boot.h"
#include "libos/console.h"
#include "libos/image.h"
#include "libos/memory_parts.h"
#include "libos/network.h"
#include "libos/paging.h"
#include "libos/power.h"
#include "libos/ring.h"

#define NOTES_BYTES 512ul
#define PANIC_STATUS 1

extern char boot_entry[] __attribute__((weak)); /* a process has none */

static struct unidbg_crash crash;

/* Counts parts down to the one that is asked for. */
struct search {
    unsigned left;
    struct unidbg_region *found;
};

/* True: it is this one. What there is nothing of is no part. */
static bool is_part(struct search *search, const void *start, uint64_t bytes) {
    if (start == NULL || bytes == 0 || search->left-- > 0) {
        return false;
    }
    *search->found = (struct unidbg_region){
        .start = (uintptr_t)start, .end = (uintptr_t)start + bytes, .flags = UNIDBG_READ};
    return true;
}

static bool in_ring(struct search *search, const struct packet_ring *ring) {
    const struct virtqueue *queue = &ring->queue;
    return is_part(search, ring->slots, ring->size * sizeof(*ring->slots)) ||
           is_part(search, queue->desc, queue->size * sizeof(*queue->desc)) ||
           is_part(search, queue->avail, sizeof(*queue->avail)) ||
           is_part(search, queue->used, sizeof(*queue->used));
}

static bool in_network(struct search *search) {
    const struct ring_table *table = ring_table();
    for (uint32_t i = 0; i < table->ring_count && i < RINGS; i++) {
        if (in_ring(search, &table->rings[i])) {
            return true;
        }
    }
    return is_part(search, network.connections, network.connection_count * sizeof(*network.connections));
}

static bool in_page_tables(struct search *search) {
    uintptr_t table = 0;
    for (unsigned i = 0; paging_table(i, &table); i++) {
        if (is_part(search, (const void *)table, PAGE_BYTES)) {
            return true;
        }
    }
    return false;
}

/* What a minimal dump must have besides what the stub finds by itself: the build-id, the log, who holds the heap,
 * what networking is made of, the page tables. */
static bool get_part(void *context, unsigned index, struct unidbg_region *part) {
    (void)context;
    const struct console_ring *log = console_ring();
    struct search search = {index, part};
    return is_part(&search, rodata_start, NOTES_BYTES) || is_part(&search, log->buffer, log->size) ||
           is_part(&search, tracker.sites, tracker.site_slots * sizeof(*tracker.sites)) ||
           in_page_tables(&search) || in_network(&search);
}

static void after(void *context, enum unidbg_crash_end end) {
    (void)context;
    (void)end;
    if (crash.patience_ms > 0) {
        power_off(PANIC_STATUS);
    }
}

void crash_init(struct unidbg_port *port) {
    crash.part = get_part;
    crash.entry = (uintptr_t)boot_entry;
    crash.patience_ms = (uint32_t)boot_option_number("crash-patience", 0);
    crash.after = after;
    UNIDBG_CRASH_PROBES(&crash);
    unidbg_crash_port(&crash, port);
}
