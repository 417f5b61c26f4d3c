/* SPDX-License-Identifier: BSD-3-Clause */
/* Who allocated what is live: two calls in any allocator, and tables of a fixed size. Optional: link track.o.
 *
 *     static struct unidbg_tracked blocks[4096];
 *     static struct unidbg_site sites[128];
 *     static struct unidbg_tracker tracker;
 *     UNIDBG_PROBE(tracker, heap, &tracker);
 *
 *     unidbg_tracker_init(&tracker, blocks, 4096, sites, 128);
 *     ...
 *     unidbg_allocated(&tracker, data, size, __builtin_return_address(0));
 *     unidbg_freed(&tracker, data);
 *
 * `unidbg heap --blocks` and `unidbg leaks` then show call sites. The calls do not lock: make them where the
 * allocator has its own lock. A block costs 16 bytes of a table that must not be full: give an eighth more than
 * blocks live at one time. What finds no room is counted, and is told.
 */
#ifndef UNIDBG_TRACK_H
#define UNIDBG_TRACK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A live block. Its address is masked (all bits inverted), so that a search for leaks does not find it here. */
struct unidbg_tracked {
    uint64_t masked; /* 0: the slot is free */
    uint32_t size;   /* bytes asked for; those of 4 GiB and more as the most that fits */
    uint16_t site;   /* in `sites`, from 1 on; 0: not recorded */
    uint16_t reserved;
};

/* Where allocations return to. */
struct unidbg_site {
    const void *address; /* NULL: the slot is free */
    uint64_t count;      /* live blocks that are recorded */
    uint64_t bytes;      /* asked for, in those */
    uint64_t made;       /* allocations since boot */
};

struct unidbg_tracker {
    struct unidbg_tracked *blocks;
    struct unidbg_site *sites;
    uint32_t block_slots; /* a power of two; 0: nothing is recorded */
    uint32_t block_count;
    uint32_t site_slots;
    uint32_t site_count;
    uint64_t left_out;       /* allocations since boot whose block found no room */
    uint64_t left_out_sites; /* allocations since boot whose call site found no room: recorded without one */
    uint64_t unknown;        /* freed blocks that had not been recorded */
};

/* Start with tables that are all 0. `block_slots` is a power of two, `site_slots` at most 65535. */
void unidbg_tracker_init(struct unidbg_tracker *tracker, struct unidbg_tracked *blocks, uint32_t block_slots,
                         struct unidbg_site *sites, uint32_t site_slots);
/* A block was handed out, to code at `call_site` (NULL: not known). */
void unidbg_allocated(struct unidbg_tracker *tracker, const void *data, size_t size, const void *call_site);
/* It came back. */
void unidbg_freed(struct unidbg_tracker *tracker, const void *data);
/* Who has a live block; NULL: not recorded. */
const void *unidbg_call_site(const struct unidbg_tracker *tracker, const void *data);

#ifdef __cplusplus
}
#endif

#endif
