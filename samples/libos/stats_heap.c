/* SPDX-License-Identifier: BSD-3-Clause */
/* What stats.c says of the heap. */
#include "libos/memory.h"
#include "libos/stats_output.h"

#define CALL_SITES 128 /* that are told apart */

struct call_site {
    const void *address;
    uint64_t count; /* live blocks */
    uint64_t bytes;
};

/* NULL after the last, and behind a header that was overwritten. */
static const struct heap_block *next_block(const struct memory_manager *heap,
                                           const struct heap_block *block) {
    uintptr_t next = (uintptr_t)block + block->span;
    bool is_sound = block->check == (heap->block_check ^ (uintptr_t)block ^ block->span ^ block->size);
    return is_sound && next < heap->current ? (const struct heap_block *)next : NULL;
}

static struct call_site *find_site(struct call_site sites[CALL_SITES], const void *address) {
    for (unsigned i = 0; i < CALL_SITES; i++) {
        if (sites[i].address == address || sites[i].address == NULL) {
            sites[i].address = address;
            return &sites[i];
        }
    }
    return NULL;
}

/* Numbered by their first live block in address order. */
static void say_call_sites(struct output *out, const struct memory_manager *heap) {
    static struct call_site sites[CALL_SITES];
    for (unsigned i = 0; i < CALL_SITES; i++) {
        sites[i] = (struct call_site){0};
    }
    const struct heap_block *first = heap->start < heap->current ? heap->blocks : NULL;
    for (const struct heap_block *block = first; block != NULL; block = next_block(heap, block)) {
        struct call_site *site =
            block->size != 0 && block->call_site != NULL ? find_site(sites, block->call_site) : NULL;
        if (site != NULL) {
            site->count++;
            site->bytes += block->size;
        }
    }
    for (unsigned i = 0; i < CALL_SITES && sites[i].address != NULL; i++) {
        stats_say(out, "heap.call_sites.%u.location=%p", i, sites[i].address);
        stats_say(out, "heap.call_sites.%u.count=%lu", i, sites[i].count);
        stats_say(out, "heap.call_sites.%u.bytes=%lu", i, sites[i].bytes);
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
    say_call_sites(out, heap);
}
