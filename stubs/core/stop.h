/* SPDX-License-Identifier: BSD-3-Clause */
/* Why the guest stands, and how a client is told. */
#ifndef STOP_H
#define STOP_H

#include <unidbg/stub.h>

#include "reply.h"

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

/* Complete the frame, once per trap. */
void stop_capture(struct unidbg_stub *stub);
/* The guest stands for this. */
void stop_set(struct unidbg_stub *stub, enum stop_kind kind, uint8_t signal, const char *reason);
/* ... because a client came. */
void stop_attach(struct unidbg_stub *stub);

/* `attach`, `interrupt` ... */
const char *stop_name(enum stop_kind kind);
/* The guest cannot go on by itself. */
bool stop_fatal(const struct unidbg_stub *stub);
#if WITH_TEXTS
/* The reason for people. */
void stop_explain(const struct unidbg_stub *stub, struct unidbg_text *out);
/* Keep that of a fatal stop in `text`, for those who read memory past the stub. */
void stop_note(struct unidbg_stub *stub);
#else
static inline void stop_explain(const struct unidbg_stub *stub, struct unidbg_text *out) {
    (void)stub;
    (void)out;
}
static inline void stop_note(struct unidbg_stub *stub) {
    (void)stub;
}
#endif
/* LLDB's word for the kind of stop. */
const char *stop_lldb_reason(const struct unidbg_stub *stub);
/* Append the stop reply (T...). */
enum verdict stop_reply(struct unidbg_stub *stub);

#endif
