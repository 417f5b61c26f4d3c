/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef X86_COPIES_H
#define X86_COPIES_H

#include <unidbg/stub.h>

#include "../../core/features.h"
#include "decode.h"

#if WITH_COPIES

/* Let the frame go on in a copy of the instruction at its pc. False: it cannot be copied. */
bool x86_use_slot(struct unidbg_stub *stub, const struct x86_instruction *it, uint8_t *bytes);
/* Back from the slot. */
void x86_leave_slot(struct unidbg_stub *stub, struct unidbg_frame *frame);

#else

static inline bool x86_use_slot(struct unidbg_stub *stub, const struct x86_instruction *it, uint8_t *bytes) {
    (void)stub;
    (void)it;
    (void)bytes;
    return false;
}

static inline void x86_leave_slot(struct unidbg_stub *stub, struct unidbg_frame *frame) {
    (void)stub;
    (void)frame;
}

#endif

#endif
