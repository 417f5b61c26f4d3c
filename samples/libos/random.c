/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/random.h"

#include <stdbool.h>

#include "libos/boot.h"
#include "libos/clock.h"
#include "libos/cpu.h"

#define CPUID_FEATURES 1
#define CPUID_RDRAND (1u << 30) /* in ecx */
#define RETRIES 10              /* as the processor's manual says */
#define GOLDEN 0x9e3779b97f4a7c15ul

static uint64_t state;

static bool rdrand(uint64_t *value) {
    bool ok = false;
    for (unsigned i = 0; i < RETRIES && !ok; i++) {
        __asm__ volatile("rdrand %0" : "=r"(*value), "=@ccc"(ok));
    }
    return ok;
}

/* The mixing step of splitmix64. */
static uint64_t mix(uint64_t value) {
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ul;
    value = (value ^ value >> 27) * 0x94d049bb133111ebul;
    return value ^ value >> 31;
}

uint64_t random_seed(void) {
    uint64_t value = 0;
    if (!(cpuid(CPUID_FEATURES, 0).ecx & CPUID_RDRAND) || !rdrand(&value)) {
        value = 0;
    }
    return mix(value ^ clock_ticks());
}

void random_start(void) {
    state = random_seed();
}

uint64_t random_next(void) {
    boot_need(BOOT_NEED_RANDOM);
    state += GOLDEN;
    return mix(state);
}
