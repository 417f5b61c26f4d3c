/* SPDX-License-Identifier: BSD-3-Clause */
/* Non-stop: a running guest answers packets, and its stops are told by notifications.
 *
 * One CPU runs all threads, so the guest stands as long as one of them is held: the thread that stopped, and
 * those that the client asked to stop. Who is held and not yet told waits for vStopped. */
#ifndef NONSTOP_H
#define NONSTOP_H

#include <unidbg/stub.h>

#include "arch.h"
#include "features.h"
#include "packet.h"

#if WITH_NONSTOP

/* The guest stands: hold its thread, or the one that was asked for, and tell the client. */
void nonstop_report(struct unidbg_stub *stub);

/* No thread is held any more. */
void nonstop_let_go(struct unidbg_stub *stub);

/* `;action:thread...` behind vCont. */
enum verdict nonstop_resume(struct unidbg_stub *stub, struct scan *scan);
/* `?`: the first thread that is held, or OK. */
enum verdict nonstop_question(struct unidbg_stub *stub);

#else

static inline void nonstop_report(struct unidbg_stub *stub) {
    (void)stub;
}

static inline void nonstop_let_go(struct unidbg_stub *stub) {
    (void)stub;
}

static inline enum verdict nonstop_resume(struct unidbg_stub *stub, struct scan *scan) {
    (void)stub;
    (void)scan;
    return REPLY;
}

static inline enum verdict nonstop_question(struct unidbg_stub *stub) {
    (void)stub;
    return REPLY;
}

#endif

#endif
