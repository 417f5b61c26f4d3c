/* SPDX-License-Identifier: BSD-3-Clause */
/* Why the guest stands, and how a client is told. */
#ifndef STOP_H
#define STOP_H

#include <unidbg/stub.h>

#include "text.h"

enum stop_kind {
    STOP_NONE,
    STOP_ATTACH,     /* a client came */
    STOP_INTERRUPT,  /* 0x03, or an NMI */
    STOP_BREAKPOINT, /* of a client */
    STOP_STEP,
    STOP_WATCHPOINT,
    STOP_EXCEPTION, /* the guest's fault: fatal */
    STOP_PANIC,     /* unidbg_panic */
    STOP_HALT,      /* unidbg_stop, or a breakpoint instruction in the guest's own code */
};

struct arch_cause; /* arch.h */
extern const struct arch_cause stop_attached;
extern const struct arch_cause stop_interrupted;
/* Complete the frame, once per trap. */
void stop_capture(struct unidbg_stub *stub);
/* The guest stands for this. */
void stop_set(struct unidbg_stub *stub, const struct arch_cause *cause);

/* `attach`, `interrupt` ... */
const char *stop_name(enum stop_kind kind);
/* The guest cannot go on by itself. */
bool stop_fatal(const struct unidbg_stub *stub);
/* The reason for people. */
void stop_explain(const struct unidbg_stub *stub, struct unidbg_text *out);
/* Keep that of a fatal stop in `text`, for those who read memory past the stub. */
void stop_note(struct unidbg_stub *stub);
/* LLDB's word for the kind of stop. */
const char *stop_lldb_reason(const struct unidbg_stub *stub);
/* Append the stop reply (T...). */
void stop_reply(struct unidbg_stub *stub);

#endif
