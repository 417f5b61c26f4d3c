/* SPDX-License-Identifier: BSD-3-Clause */
/* Random numbers: from the processor where it has an instruction for them, else from a generator that the time stamp
 * counter seeds. Good enough to be hard to guess from outside, no more. */
#ifndef LIBOS_RANDOM_H
#define LIBOS_RANDOM_H

#include <stdint.h>

/* Needs nothing but the CPU; runs at any time. */
uint64_t random_seed(void);

/* The next of a sequence that is seeded when the first is asked for. */
uint64_t random_next(void);

/* Run by boot_need(). */
void random_start(void);

#endif
