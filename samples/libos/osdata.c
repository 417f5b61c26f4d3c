/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables that stock gdb shows: `info os heap`, `info os rings`, `info os timers`. */
#include "libos/osdata.h"

#include "libos/loop.h"
#include "libos/memory.h"
#include "libos/ring.h"

static void number(struct unidbg_text *out, const char *column, uint64_t value) {
    unidbg_column(out, column);
    unidbg_write_decimal(out, value);
}

static void address(struct unidbg_text *out, const char *column, uintptr_t value) {
    unidbg_column(out, column);
    unidbg_write_hex(out, value);
}

static bool heap_row(unsigned index, struct unidbg_text *out) {
    const struct memory_manager *heap = memory_manager();
    if (index > 0) {
        return false;
    }
    address(out, "start", heap->start);
    address(out, "current", heap->current);
    address(out, "end", heap->end);
    number(out, "allocated", heap->allocated);
    number(out, "peak", heap->peak);
    number(out, "blocks", heap->count);
    number(out, "failed", heap->failed);
    return true;
}

static bool ring_row(unsigned index, struct unidbg_text *out) {
    const struct ring_table *table = ring_table();
    if (index >= table->ring_count || index >= RINGS) {
        return false;
    }
    const struct packet_ring *ring = &table->rings[index];
    unidbg_column(out, "name");
    unidbg_write(out, ring->name);
    unidbg_column(out, "direction");
    unidbg_write(out, ring->direction == RING_RX ? "rx" : "tx");
    number(out, "size", ring->size);
    number(out, "head", ring->head);
    number(out, "tail", ring->tail);
    number(out, "in flight", ring_in_flight(ring));
    return true;
}

/* Free slots are rows too: rows are numbered by slot. */
static bool timer_row(unsigned index, struct unidbg_text *out) {
    const struct event_loop *loop = event_loop();
    if (index >= loop->timer_count || index >= LOOP_TIMERS) {
        return false;
    }
    const struct loop_timer *timer = &loop->timers[index];
    number(out, "slot", index);
    unidbg_column(out, "state");
    unidbg_write(out, timer->active ? "active" : "free");
    address(out, "callback", (uintptr_t)timer->callback);
    number(out, "deadline ns", timer->deadline_ns);
    number(out, "period ns", timer->period_ns);
    number(out, "fired", timer->fired);
    return true;
}

const struct unidbg_table osdata_tables[OSDATA_TABLES] = {
    {"heap", "The heap, in bytes", heap_row},
    {"rings", "Packet rings, in slots", ring_row},
    {"timers", "Timers of the event loop", timer_row},
};
