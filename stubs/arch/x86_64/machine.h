/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef X86_MACHINE_H
#define X86_MACHINE_H

#include <stddef.h>
#include <stdint.h>

/* access.S */
size_t unidbg_x86_64_copy(void *to, const void *from, size_t count);
extern const char unidbg_x86_64_access[];
extern const char unidbg_x86_64_recover[];
extern const char unidbg_x86_64_slot_area[];

#endif
