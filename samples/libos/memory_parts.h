/* SPDX-License-Identifier: BSD-3-Clause */
/* How the parts of memory see each other: memory.c, pages.c, heap.c. */
#ifndef LIBOS_MEMORY_PARTS_H
#define LIBOS_MEMORY_PARTS_H

#include <unidbg/track.h>

#include "libos/memory.h"

extern struct memory_manager manager;
extern struct unidbg_tracker tracker; /* who allocated what; nothing without `callsites` */

/* The bitmap takes the first pages of the arena that it describes. Returns what is left. */
struct range pages_init(struct range arena);
/* Take the pages that lie in [start, end), counted from page boundaries at or above each. False: one is in use. */
bool pages_take(uintptr_t start, uintptr_t end);
/* Give them back. */
void pages_give(uintptr_t start, uintptr_t end);

void heap_init(struct range arena);

#endif
