/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The image is linked to run at 1 MiB and loaded there. With `aslr` on the command line it runs at another virtual
 * address, chosen at boot; it stays where it is in physical memory.
 */
#ifndef LIBOS_RELOCATE_H
#define LIBOS_RELOCATE_H

#include <stdint.h>

/* Bytes from link addresses to virtual ones: a multiple of 2 MiB, 0 without `aslr`. */
extern uint64_t relocate_slide;

/* By boot.S, still at link addresses: choose the slide, map the image there too, put it into all pointers. Returns it. */
uint64_t relocate(uintptr_t start_info);

/* The physical address of something in memory: for page tables and for devices. */
uintptr_t relocate_physical(const void *address);

#endif
