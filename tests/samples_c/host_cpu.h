/* SPDX-License-Identifier: BSD-3-Clause */
/* Instead of libos/cpu.h, for a program: it has no interrupts to switch off. */
#ifndef LIBOS_CPU_H
#define LIBOS_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
    uintptr_t start;
    uintptr_t end;
};

static inline uintptr_t align_up(uintptr_t value, uintptr_t alignment) {
    return (value + alignment - 1) & ~(alignment - 1);
}

static inline uint64_t interrupts_save(void) {
    return 0;
}

static inline void interrupts_restore(uint64_t flags) {
    (void)flags;
}

#endif
