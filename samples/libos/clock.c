/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calibration: let channel 0 of the PIT (1.193182 MHz, on q35 and on microvm alike) count down and read it beside
 * the time stamp counter at the begin and at the end of a window. Each reading is bracketed by two reads of the
 * counter, and the tightest of a few brackets is taken: a vCPU that its host takes off the processor in between
 * would spoil the ratio.
 */
#include "libos/clock.h"

#include "libos/cpu.h"

#define PIT_HZ 1193182u
#define PIT_CHANNEL_0 0x40
#define PIT_COMMAND 0x43
#define PIT_LATCH_CHANNEL_0 0x00
#define PIT_RATE_GENERATOR 0x34 /* channel 0, low byte then high byte, mode 2: wraps at 65536 = 55 ms */

#define WINDOW_PIT_TICKS (PIT_HZ / 200)
#define MEASUREMENTS 16
#define BRACKETS 8
#define NS_PER_SECOND 1000000000ul

struct reading {
    uint64_t ticks; /* of the time stamp counter, the middle of the bracket */
    uint16_t pit;   /* counts down */
};

static struct reading begun; /* the first window of the calibration */
static uint64_t ticks_per_second;
static uint64_t ns_per_tick_32; /* nanoseconds per tick, times 2^32 */

static uint16_t pit_read(void) {
    outb(PIT_COMMAND, PIT_LATCH_CHANNEL_0);
    uint8_t low = inb(PIT_CHANNEL_0);
    return (uint16_t)(inb(PIT_CHANNEL_0) << 8 | low);
}

static void pit_start(void) {
    outb(PIT_COMMAND, PIT_RATE_GENERATOR);
    outb(PIT_CHANNEL_0, 0);
    outb(PIT_CHANNEL_0, 0);
}

static struct reading read_both(void) {
    struct reading best = {0};
    uint64_t best_width = UINT64_MAX;
    for (int i = 0; i < BRACKETS; i++) {
        uint64_t before = clock_ticks();
        uint16_t pit = pit_read();
        uint64_t width = clock_ticks() - before;
        if (width < best_width) {
            best_width = width;
            best = (struct reading){before + width / 2, pit};
        }
    }
    return best;
}

/* A host that takes the vCPU off its processor for longer than the PIT wraps makes this too high. */
static uint64_t measure_from(struct reading begin) {
    while ((uint16_t)(begin.pit - pit_read()) < WINDOW_PIT_TICKS) {
        cpu_relax();
    }
    struct reading end = read_both();
    uint16_t pit_ticks = (uint16_t)(begin.pit - end.pit);
    return (end.ticks - begin.ticks) * PIT_HZ / pit_ticks;
}

static uint64_t measure_ticks_per_second(void) {
    return measure_from(read_both());
}

uint64_t clock_agreed(uint64_t first, uint64_t (*measure)(void)) {
    uint64_t lowest = first;
    for (int i = 1; i < MEASUREMENTS; i++) {
        uint64_t next = measure();
        uint64_t lower = next < lowest ? next : lowest;
        if (next + lowest - 2 * lower <= lower / 64) {
            return lower;
        }
        lowest = lower;
    }
    return lowest;
}

void clock_calibrate_begin(void) {
    pit_start();
    begun = read_both();
}

void clock_calibrate_end(void) {
    ticks_per_second = clock_agreed(measure_from(begun), measure_ticks_per_second);
    ns_per_tick_32 = (NS_PER_SECOND << 32) / ticks_per_second;
}

uint64_t clock_ticks_per_second(void) {
    return ticks_per_second;
}

uint64_t clock_ns_of(uint64_t ticks) {
    unsigned __int128 ns = (unsigned __int128)(ticks - boot_first_tick) * ns_per_tick_32;
    return (uint64_t)(ns >> 32);
}
