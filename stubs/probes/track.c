/* SPDX-License-Identifier: BSD-3-Clause */
/* Hash tables with open addressing. Of blocks, a slot that becomes free is filled by one from behind, so that a
 * search always ends at the first free slot. Sites stay. */
#include <unidbg/track.h>

#include <stdbool.h>

static uint64_t mix(uint64_t address) {
    return address * 0x9e3779b97f4a7c15u >> 32;
}

static uint32_t home_of(const struct unidbg_tracker *tracker, uint64_t masked) {
    return (uint32_t)mix(~masked >> 4) & (tracker->block_slots - 1);
}

static uint32_t next(const struct unidbg_tracker *tracker, uint32_t slot) {
    return (slot + 1) & (tracker->block_slots - 1);
}

void unidbg_tracker_init(struct unidbg_tracker *tracker, struct unidbg_tracked *blocks, uint32_t block_slots,
                         struct unidbg_site *sites, uint32_t site_slots) {
    *tracker = (struct unidbg_tracker){
        .blocks = blocks, .sites = sites, .block_slots = block_slots, .site_slots = site_slots};
}

/* The slot of a block, or the free one where it belongs. */
static uint32_t find(const struct unidbg_tracker *tracker, uint64_t masked) {
    uint32_t slot = home_of(tracker, masked);

    while (tracker->blocks[slot].masked != 0 && tracker->blocks[slot].masked != masked)
        slot = next(tracker, slot);
    return slot;
}

/* From 1 on; 0: the table is full. */
static uint16_t site_of(struct unidbg_tracker *tracker, const void *address) {
    uint32_t slots = tracker->site_slots;
    uint32_t slot = slots ? (uint32_t)(mix((uintptr_t)address) % slots) : 0;

    for (uint32_t tried = 0; tried < slots; tried++, slot = (slot + 1) % slots) {
        struct unidbg_site *site = &tracker->sites[slot];
        if (site->address == NULL) {
            site->address = address;
            tracker->site_count++;
        }
        if (site->address == address)
            return (uint16_t)(slot + 1);
    }
    return 0;
}

/* One in eight stays free: searches are short, and end. */
static bool has_room(const struct unidbg_tracker *tracker) {
    return tracker->block_count < tracker->block_slots - tracker->block_slots / 8 &&
           tracker->block_count + 1 < tracker->block_slots;
}

/* Does a block whose home is `home` belong between a gap and where it stands? */
static bool may_move(uint32_t home, uint32_t gap, uint32_t slot) {
    return gap <= slot ? home <= gap || home > slot : home <= gap && home > slot;
}

static void fill_gap(struct unidbg_tracker *tracker, uint32_t gap) {
    for (uint32_t slot = next(tracker, gap); tracker->blocks[slot].masked != 0; slot = next(tracker, slot)) {
        if (may_move(home_of(tracker, tracker->blocks[slot].masked), gap, slot)) {
            tracker->blocks[gap] = tracker->blocks[slot];
            gap = slot;
        }
    }
    tracker->blocks[gap] = (struct unidbg_tracked){0};
}

static bool forget(struct unidbg_tracker *tracker, const void *data) {
    uint32_t slot = find(tracker, ~(uint64_t)(uintptr_t)data);
    const struct unidbg_tracked *block = &tracker->blocks[slot];

    if (block->masked == 0)
        return false;
    if (block->site) {
        tracker->sites[block->site - 1].count--;
        tracker->sites[block->site - 1].bytes -= block->size;
    }
    fill_gap(tracker, slot);
    tracker->block_count--;
    return true;
}

void unidbg_allocated(struct unidbg_tracker *tracker, const void *data, size_t size, const void *call_site) {
    struct unidbg_tracked *block;
    uint16_t number;

    if (tracker->block_slots == 0 || data == NULL)
        return;
    forget(tracker, data); /* its freeing was not told */
    number = call_site ? site_of(tracker, call_site) : 0;
    tracker->left_out_sites += call_site && number == 0;
    if (number)
        tracker->sites[number - 1].made++;
    if (!has_room(tracker)) {
        tracker->left_out++;
        return;
    }
    block = &tracker->blocks[find(tracker, ~(uint64_t)(uintptr_t)data)];
    *block = (struct unidbg_tracked){.masked = ~(uint64_t)(uintptr_t)data,
                                     .size = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX,
                                     .site = number};
    tracker->block_count++;
    if (number) {
        tracker->sites[number - 1].count++;
        tracker->sites[number - 1].bytes += block->size;
    }
}

void unidbg_freed(struct unidbg_tracker *tracker, const void *data) {
    if (tracker->block_slots > 0 && data != NULL && !forget(tracker, data))
        tracker->unknown++;
}

const void *unidbg_call_site(const struct unidbg_tracker *tracker, const void *data) {
    const struct unidbg_tracked *block;

    if (tracker->block_slots == 0 || data == NULL)
        return NULL;
    block = &tracker->blocks[find(tracker, ~(uint64_t)(uintptr_t)data)];
    return block->masked && block->site ? tracker->sites[block->site - 1].address : NULL;
}
