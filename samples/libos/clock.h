/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The clock: the time stamp counter, calibrated against the PIT. Nanoseconds since the kernel's first instruction.
 */
#ifndef LIBOS_CLOCK_H
#define LIBOS_CLOCK_H

#include <stdint.h>

/* The time stamp counter at the first instruction; written by boot.S. */
extern uint64_t boot_first_tick;

/* Measure the frequency of the time stamp counter: takes some 10 ms, interrupts off. Half of that passes between the two
 * calls, for others to use. */
void clock_calibrate_begin(void);
void clock_calibrate_end(void);

/* For measurements that a busy host can only make too high: from the first on, repeat until the lowest is seen a second
 * time. */
uint64_t clock_agreed(uint64_t first, uint64_t (*measure)(void));

/* Ticks of the time stamp counter in a second; 0 before calibration. */
uint64_t clock_ticks_per_second(void);

/* Nanoseconds since the first instruction at which the counter read ticks; 0 before calibration. */
uint64_t clock_ns_of(uint64_t ticks);

static inline uint64_t clock_ticks(void) {
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static inline uint64_t clock_ns(void) {
    return clock_ns_of(clock_ticks());
}

#endif
