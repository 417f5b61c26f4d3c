/* SPDX-License-Identifier: BSD-3-Clause */
/* What stats.c says of the heap. */
#include "libos/memory_parts.h"
#include "libos/stats_output.h"

/* In the order of the tracker's table. */
static void say_call_sites(struct output *out) {
    unsigned number = 0;
    for (uint32_t i = 0; i < tracker.site_slots; i++) {
        const struct unidbg_site *site = &tracker.sites[i];
        if (site->address != NULL && site->count > 0) {
            stats_say(out, "heap.call_sites.%u.location=%p", number, site->address);
            stats_say(out, "heap.call_sites.%u.count=%lu", number, site->count);
            stats_say(out, "heap.call_sites.%u.bytes=%lu", number, site->bytes);
            number++;
        }
    }
}

static void say_tracker(struct output *out) {
    if (tracker.block_slots > 0) {
        stats_say(out, "heap.tracker.block_count=%u", tracker.block_count);
        stats_say(out, "heap.tracker.block_slots=%u", tracker.block_slots);
        stats_say(out, "heap.tracker.site_count=%u", tracker.site_count);
        stats_say(out, "heap.tracker.site_slots=%u", tracker.site_slots);
        stats_say(out, "heap.tracker.left_out=%lu", tracker.left_out);
        stats_say(out, "heap.tracker.left_out_sites=%lu", tracker.left_out_sites);
        stats_say(out, "heap.tracker.unknown=%lu", tracker.unknown);
    }
}

static void say_classes(struct output *out, const struct memory_manager *heap) {
    for (unsigned i = 0; i < heap->class_count; i++) {
        stats_say(out, "heap.classes.%u.size_bytes=%lu", i, heap->classes[i].size);
        stats_say(out, "heap.classes.%u.used=%lu", i, heap->classes[i].used);
        stats_say(out, "heap.classes.%u.free=%lu", i, heap->classes[i].free);
    }
}

static void say_pages(struct output *out, const struct memory_manager *heap) {
    stats_say(out, "heap.pages.base=0x%lx", heap->page_base);
    stats_say(out, "heap.pages.page_size_bytes=%lu", heap->page_size);
    stats_say(out, "heap.pages.total=%lu", heap->page_total);
    stats_say(out, "heap.pages.free=%lu", heap->page_free);
    stats_say(out, "heap.pages.free_counted=%lu", memory_count_free_pages());
}

void stats_heap(struct output *out) {
    const struct memory_manager *heap = memory_manager();
    stats_say(out, "heap.start=0x%lx", heap->start);
    stats_say(out, "heap.current=0x%lx", heap->current);
    stats_say(out, "heap.end=0x%lx", heap->end);
    stats_say(out, "heap.allocated_bytes=%lu", heap->allocated);
    stats_say(out, "heap.peak_bytes=%lu", heap->peak);
    stats_say(out, "heap.count=%lu", heap->count);
    stats_say(out, "heap.free_bytes=%lu", heap->free_bytes);
    stats_say(out, "heap.largest_free_bytes=%lu", heap->largest_free);
    stats_say(out, "heap.failed=%lu", heap->failed);
    say_pages(out, heap);
    say_classes(out, heap);
    say_call_sites(out);
    say_tracker(out);
}
