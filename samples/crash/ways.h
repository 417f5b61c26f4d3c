/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ways to die. Each is a function of its own, called by crash_now(), so that a backtrace has the culprit and its
 * caller. None returns, apart from the fault in an interrupt handler and the wild
 * callback, which come a moment later.
 */
#ifndef CRASH_WAYS_H
#define CRASH_WAYS_H

#include <stdint.h>

uint64_t crash_null_write(void);
uint64_t crash_jump_to_null(void);
uint64_t crash_jump_to_data(void);
uint64_t crash_execute_heap(void);
uint64_t crash_bounds(void);
uint64_t crash_misaligned(void);
uint64_t crash_wild_callback(void);
uint64_t crash_stack_smash(void);
uint64_t crash_heap_overrun(void);
uint64_t crash_double_free(void);
uint64_t crash_stack_overflow(void);
uint64_t crash_divide(void);
uint64_t crash_assert(void);
uint64_t crash_out_of_memory(void);
uint64_t crash_interrupt_fault(void);

#endif
