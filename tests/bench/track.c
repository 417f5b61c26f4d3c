/* SPDX-License-Identifier: BSD-3-Clause */
/* Pairs of allocation and free per second of the samples' heap, with call sites tracked (`track on`) or not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libos/boot.h"
#include "libos/memory_parts.h"
#include "libos/panic.h"

enum { ARENA = 16 << 20, PAGE = 4096, LIVE = 1000, ROUNDS = 100000 };

struct memory_manager manager;
struct unidbg_tracker tracker;

static bool tracked;

bool boot_option(const char *name, char *value, size_t size) {
    (void)name, (void)value, (void)size;
    return tracked;
}

uint64_t boot_option_number(const char *name, uint64_t otherwise) {
    (void)name;
    return otherwise;
}

noreturn void panic(const char *format, ...) {
    puts(format);
    exit(1);
}

static double seconds(void) {
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

int main(int count, char **words) {
    static void *live[LIVE];
    uint8_t *arena = aligned_alloc(PAGE, ARENA);
    double start, spent = 0;
    unsigned long pairs = 0;
    unsigned random = 1;

    tracked = count > 1 && strcmp(words[1], "on") == 0;
    heap_init(pages_init((struct range){(uintptr_t)arena, (uintptr_t)arena + ARENA}));
    start = seconds();
    while (spent < 1.0) {
        for (unsigned i = 0; i < ROUNDS; i++) {
            random = random * 1103515245u + 12345u;
            unsigned slot = random >> 16 & 511;
            heap_free(live[slot]);
            live[slot] = heap_allocate(32 + (random >> 8 & 63));
        }
        pairs += ROUNDS;
        spent = seconds() - start;
    }
    if (tracked && (tracker.left_out || tracker.unknown || tracker.block_count == 0))
        return 1;
    printf("%.0f\n", (double)pairs / spent);
    return 0;
}
