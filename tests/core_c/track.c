/* SPDX-License-Identifier: BSD-3-Clause */
/* The allocation tracker against a list that is searched from front to back: `track mix SEED`, `track full`,
 * `track sites`, `track odd`. Prints `ok`, or the line of what is wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unidbg/track.h>

enum { SLOTS = 256, SITES = 16, LIVE = 300, STEPS = 20000 };

static struct unidbg_tracked blocks[SLOTS];
static struct unidbg_site sites[SITES];
static struct unidbg_tracker tracker;

static struct {
    uintptr_t data;
    size_t size;
    uintptr_t site;
} live[LIVE];

static void require_at(int condition, int line) {
    if (!condition) {
        printf("line %d is wrong\n", line);
        exit(0);
    }
}
#define require(condition) require_at(condition, __LINE__)

static const void *at(uintptr_t address) {
    return (const void *)address; // NOLINT(performance-no-int-to-ptr)
}

static void check(void) {
    uint64_t count[SITES + 2] = {0}, bytes[SITES + 2] = {0}, all = 0;

    for (unsigned i = 0; i < LIVE; i++) {
        if (!live[i].data)
            continue;
        all++;
        count[live[i].site]++;
        bytes[live[i].site] += live[i].size;
        require(unidbg_call_site(&tracker, at(live[i].data)) == at(live[i].site));
    }
    require(tracker.block_count == all);
    for (unsigned i = 0; i < SITES; i++) {
        uintptr_t site = (uintptr_t)sites[i].address;
        require(sites[i].count == count[site] && sites[i].bytes == bytes[site]);
    }
}

/* Few addresses, so that many slots are one behind the other. */
static uintptr_t unused(void) {
    uintptr_t data = 0;

    for (unsigned i = 0; data == 0; i = 0) {
        data = 0x1000 + 16 * (uintptr_t)(rand() % 1000);
        for (; i < LIVE; i++)
            data = live[i].data == data ? 0 : data;
    }
    return data;
}

static void mix(void) {
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned i = (unsigned)rand() % 220; /* seven eighths of the slots are 224 */
        if (live[i].data) {
            unidbg_freed(&tracker, at(live[i].data));
            live[i].data = 0;
        } else {
            live[i].data = unused();
            live[i].size = (size_t)rand() % 1000;
            live[i].site = 1 + (uintptr_t)rand() % SITES;
            unidbg_allocated(&tracker, at(live[i].data), live[i].size, at(live[i].site));
        }
        if (step % 16 == 0)
            check();
    }
    require(tracker.left_out == 0 && tracker.left_out_sites == 0 && tracker.unknown == 0);
}

static void full(void) {
    for (uintptr_t i = 1; i <= LIVE; i++)
        unidbg_allocated(&tracker, at(16 * i), 8, at(1));
    require(tracker.block_count == SLOTS - SLOTS / 8);
    require(tracker.left_out == LIVE - tracker.block_count);

    for (uintptr_t i = 1; i <= LIVE; i++)
        unidbg_freed(&tracker, at(16 * i));
    require(tracker.block_count == 0 && tracker.unknown == tracker.left_out);
    unidbg_allocated(&tracker, at(64), 8, at(1));
    require(unidbg_call_site(&tracker, at(64)) == at(1));
}

static void many_sites(void) {
    for (uintptr_t i = 1; i <= SITES + 3; i++)
        unidbg_allocated(&tracker, at(16 * i), 8, at(i));
    require(tracker.site_count == SITES && tracker.left_out_sites == 3 && tracker.left_out == 0);
    require(unidbg_call_site(&tracker, at(16 * (SITES + 1))) == NULL);
    unidbg_freed(&tracker, at(16 * (SITES + 1)));
    require(tracker.block_count == SITES + 2);
}

static void odd(void) {
    struct unidbg_tracker none = {0};

    unidbg_allocated(&none, at(16), 8, at(1));
    unidbg_freed(&none, at(16));
    require(unidbg_call_site(&none, at(16)) == NULL && none.block_count == 0 && none.unknown == 0);
    unidbg_allocated(&tracker, NULL, 8, at(1));
    unidbg_freed(&tracker, NULL);
    require(tracker.block_count == 0 && tracker.unknown == 0);
    unidbg_allocated(&tracker, at(16), 8, NULL);
    require(tracker.block_count == 1 && unidbg_call_site(&tracker, at(16)) == NULL);
    unidbg_allocated(&tracker, at(16), SIZE_MAX, at(2)); /* its freeing was not told */
    require(tracker.block_count == 1 && unidbg_call_site(&tracker, at(16)) == at(2));
    unidbg_freed(&tracker, at(32));
    require(tracker.unknown == 1);
    unidbg_freed(&tracker, at(16));
    for (unsigned i = 0; i < SITES; i++)
        require(sites[i].count == 0 && sites[i].bytes == 0);
}

int main(int count, char **words) {
    unidbg_tracker_init(&tracker, blocks, SLOTS, sites, SITES);
    srand(count > 2 ? (unsigned)atoi(words[2]) : 1);
    if (strcmp(words[1], "mix") == 0)
        mix();
    else if (strcmp(words[1], "full") == 0)
        full();
    else if (strcmp(words[1], "sites") == 0)
        many_sites();
    else
        odd();
    puts("ok");
    return 0;
}
