/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef X86_EMULATE_H
#define X86_EMULATE_H

#include <unidbg/stub.h>

#include "decode.h"

/* Do the instruction to the stopped frame. False: not one of those that are known, or its memory cannot be
 * accessed; then nothing was changed. `always`: only those that cannot be executed with the trap flag set. */
bool x86_emulate(struct unidbg_stub *stub, const struct x86_instruction *it, const uint8_t *bytes,
                 bool always);

#endif
