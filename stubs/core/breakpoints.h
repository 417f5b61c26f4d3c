/* SPDX-License-Identifier: BSD-3-Clause */
/* Breakpoints in the code of the guest, and those of the hardware. */
#ifndef BREAKPOINTS_H
#define BREAKPOINTS_H

#include <unidbg/stub.h>

#include "stop.h"

/* The breakpoint at an address; NULL: none. */
struct unidbg_breakpoint *breakpoint_at(struct unidbg_stub *stub, uint64_t address);
/* Put the original bytes back into bytes that were read. */
void breakpoints_hide(const struct unidbg_stub *stub, uint8_t *bytes, uint64_t address, size_t count);
/* Memory was written over: note the new originals, and put the breakpoints back. */
void breakpoints_rewrite(struct unidbg_stub *stub, uint64_t address, const uint8_t *bytes, size_t count);
/* Take one out of the code for a step in place, and put it back. */
void breakpoint_lift(struct unidbg_stub *stub, uint64_t address);
void breakpoint_drop(struct unidbg_stub *stub, uint64_t address);
/* A trap inside of the stub: true, and the frame goes on, if a breakpoint or watchpoint made it. */
bool breakpoint_nested(struct unidbg_stub *stub, struct unidbg_frame *frame, enum stop_kind kind);
/* Remove all that a client has set, those of the hardware too. */
void breakpoints_clear(struct unidbg_stub *stub);
/* A tracepoint needs one there, or no more. False: there can be none. */
bool breakpoint_trace(struct unidbg_stub *stub, uint64_t address, bool set);

#endif
