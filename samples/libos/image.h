/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses that kernel.ld defines. */
#ifndef LIBOS_IMAGE_H
#define LIBOS_IMAGE_H

#include "libos/cpu.h"
#include "libos/paging.h"

extern char image_start[], image_end[];
extern char code_start[], code_end[];
extern char rodata_start[], rodata_end[];
extern char data_start[], data_end[];
extern char app_data_start[], app_data_end[];
extern char stack_start[], stack_end[];

extern char interrupt_stacks_start[];
extern char trap_stack_start[], trap_stack_end[]; /* of the stub's entries */

/* One for each kind of exception that can come when the stack is not to be trusted; a guard page lies below each. */
#define INTERRUPT_STACKS 4
#define INTERRUPT_STACK_BYTES 8192ul

static inline struct range interrupt_stack(unsigned index) {
    uintptr_t guard = (uintptr_t)interrupt_stacks_start + index * (PAGE_BYTES + INTERRUPT_STACK_BYTES);
    return (struct range){guard + PAGE_BYTES, guard + PAGE_BYTES + INTERRUPT_STACK_BYTES};
}

#endif
