/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef HOSTED_H
#define HOSTED_H

#include <unidbg/hosted.h>

/* CLOCK_MONOTONIC, ns. */
uint64_t hosted_now(void);
/* Tick from now on, or no more. */
void hosted_tick(bool on);

/* The names of the image and its libraries: not in a signal handler. */
void hosted_files(struct unidbg_port *port);

/* SIGIO for the listener from now on. */
void hosted_announce(struct unidbg_hosted *hosted);

/* arch/x86_64/access.S */
extern const char x86_slot_area[];

/* object.ld */
extern const char unidbg_text_start[];
extern const char unidbg_text_end[];
bool arch_own_text(uint64_t address); /* core/arch.h */

#endif
