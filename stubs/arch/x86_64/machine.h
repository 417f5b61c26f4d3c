/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef X86_MACHINE_H
#define X86_MACHINE_H

#include <unidbg/x86_64.h>

/* The part of unidbg_x86_64_port that can change the guest: change.c, or none. */
void x86_add_writers(struct unidbg_port *port);

/* access.S */
size_t x86_copy(void *to, const void *from, size_t count);
bool x86_guarded(struct unidbg_guard *guard, void (*call)(void *), void *argument);
extern const char x86_failed[];
extern const char x86_access[];
extern const char x86_access_word[];
extern const char x86_recover[];
extern const char x86_slot_area[];

/* Of the whole object's code: object.ld. */
extern const char unidbg_text_start[];
extern const char unidbg_text_end[];

#endif
