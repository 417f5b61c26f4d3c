/* SPDX-License-Identifier: BSD-3-Clause */
/* How the guest goes on. */
#ifndef RESUME_H
#define RESUME_H

#include <unidbg/stub.h>

#include "packet.h"

/* Make the step or the continuation that a client asked for. True: the guest goes on (a trap may come back).
 * False: the steps were done by emulation, there is a stop to be reported. */
bool resume_go(struct unidbg_stub *stub);
/* A step's trap came back and the range is not left: step on. The same answer. */
bool resume_again(struct unidbg_stub *stub);

/* What an action of vCont says. */
struct resume_action {
    bool stop;
    bool step;
    uint64_t start; /* of the range to step out of; start == end: one instruction */
    uint64_t end;
};
/* One action behind its `;`, without its thread. False: there is none. */
bool resume_scan_action(struct scan *scan, struct resume_action *action);
/* Go on in this way; the guest leaves. */
enum verdict resume_as(struct unidbg_stub *stub, struct resume_action action);
/* Note that it shall. False: the client may not. */
bool resume_plan(struct unidbg_stub *stub, const struct resume_action *action);

/* Go on, unless the guest stopped by itself. */
enum verdict resume_attached(struct unidbg_stub *stub);

#endif
