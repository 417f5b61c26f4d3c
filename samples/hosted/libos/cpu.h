/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libos/cpu.h for a Linux process: what a process may not do is done otherwise, or not at all. Stands before the real
 * one on the include path.
 */
#ifndef HOSTED_LIBOS_CPU_H
#define HOSTED_LIBOS_CPU_H

#define interrupts_enable pc_interrupts_enable
#define interrupts_disable pc_interrupts_disable
#define interrupts_save pc_interrupts_save
#define interrupts_restore pc_interrupts_restore
#define interrupts_wait pc_interrupts_wait
#define read_cr0 pc_read_cr0
#define write_cr0 pc_write_cr0
#define read_cr2 pc_read_cr2
#define read_cr4 pc_read_cr4
#define write_cr4 pc_write_cr4
#define read_msr pc_read_msr
#include "../../libos/cpu.h"
#undef interrupts_enable
#undef interrupts_disable
#undef interrupts_save
#undef interrupts_restore
#undef interrupts_wait
#undef read_cr0
#undef write_cr0
#undef read_cr2
#undef read_cr4
#undef write_cr4
#undef read_msr

/* Take the interrupts of devices that have something; with `wait`, sleep until one has. interrupts.c. */
void hosted_interrupts(bool wait);
/* The address of the last page fault. */
uint64_t hosted_fault_address(void);

/* Interrupts of devices come nowhere but here and in interrupts_wait(). */
static inline void interrupts_enable(void) {
    hosted_interrupts(false);
}

static inline void interrupts_disable(void) {
}

static inline uint64_t interrupts_save(void) {
    return 0;
}

static inline void interrupts_restore(uint64_t flags) {
    (void)flags;
}

static inline void interrupts_wait(void) {
    hosted_interrupts(true);
}

/* A process sees no control registers. */
static inline uint64_t read_cr0(void) {
    return 0;
}

static inline void write_cr0(uint64_t value) {
    (void)value;
}

static inline uint64_t read_cr2(void) {
    return hosted_fault_address();
}

static inline uint64_t read_cr4(void) {
    return 0;
}

static inline void write_cr4(uint64_t value) {
    (void)value;
}

static inline uint64_t read_msr(uint32_t number) {
    (void)number;
    return 0;
}

#endif
