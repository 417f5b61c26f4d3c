/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The time stamp counter, measured against CLOCK_MONOTONIC; and the time of day.
 */
#include "libos/clock.h"

#include <time.h>

#include "libos/cpu.h"
#include "libos/wall_clock.h"

#define WINDOW_NS 5000000ul
#define NS_PER_SECOND 1000000000ul

struct reading {
    uint64_t ticks;
    uint64_t ns;
};

uint64_t boot_first_tick;
static struct reading begun;
static uint64_t ticks_per_second;
static uint64_t ns_per_tick_32; /* nanoseconds per tick, times 2^32 */

static struct reading read_both(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (struct reading){clock_ticks(), (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec};
}

void clock_calibrate_begin(void) {
    begun = read_both();
}

void clock_calibrate_end(void) {
    struct reading end = read_both();
    while (end.ns - begun.ns < WINDOW_NS) {
        cpu_relax();
        end = read_both();
    }
    ticks_per_second =
        (uint64_t)((unsigned __int128)(end.ticks - begun.ticks) * NS_PER_SECOND / (end.ns - begun.ns));
    ns_per_tick_32 = (uint64_t)(((unsigned __int128)NS_PER_SECOND << 32) / ticks_per_second);
}

uint64_t clock_agreed(uint64_t first, uint64_t (*measure)(void)) {
    (void)measure;
    return first;
}

uint64_t clock_ticks_per_second(void) {
    return ticks_per_second;
}

uint64_t clock_ns_of(uint64_t ticks) {
    unsigned __int128 ns = (unsigned __int128)(ticks - boot_first_tick) * ns_per_tick_32;
    return (uint64_t)(ns >> 32);
}

void wall_clock_start(void) {
}

uint64_t wall_clock_seconds(void) {
    return (uint64_t)time(NULL);
}
