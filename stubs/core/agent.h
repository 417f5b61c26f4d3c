/* SPDX-License-Identifier: BSD-3-Clause */
/* The agent: expressions that GDB compiles to bytecode and that run in the guest, at a breakpoint, with no
 * stop. Source: GDB manual, "The GDB Agent Expression Mechanism". */
#ifndef AGENT_H
#define AGENT_H

#include <unidbg/stub.h>

#include "features.h"
#include "scan.h"

/* Bounds of one evaluation. */
enum { AGENT_STACK = 32, AGENT_BUDGET = 4096 };

struct agent_code {
    const uint8_t *bytes;
    uint32_t length;
};

#if WITH_AGENT

/* Evaluate on the stopped frame. False: the code is malformed, reads memory that is not there, divides by
 * zero, or needs more stack or steps than it may have. */
bool agent_evaluate(struct unidbg_stub *stub, struct agent_code code, int64_t *value);

/* printf of the agent, to the console of the client. Arguments are 64 bits wide, however the format has
 * them. */
void agent_print(struct unidbg_stub *stub, const char *format, const int64_t *arguments, unsigned count);

/* What is kept with a breakpoint: conditions and commands as a Z0 packet has them behind its address and
 * kind. False: malformed, or no room. What was kept before is replaced. */
bool agent_keep(struct unidbg_stub *stub, struct unidbg_breakpoint *breakpoint, struct scan *scan);
void agent_forget(struct unidbg_stub *stub, struct unidbg_breakpoint *breakpoint);

/* The guest has come to a breakpoint: run its commands if a condition holds. True: it is to stop there. */
bool agent_stops(struct unidbg_stub *stub, const struct unidbg_breakpoint *breakpoint);

#else

/* Conditions and commands are refused. */
static inline bool agent_keep(struct unidbg_stub *stub, struct unidbg_breakpoint *breakpoint,
                              struct scan *scan) {
    (void)stub;
    (void)breakpoint;
    return scan_done(scan);
}

static inline void agent_forget(struct unidbg_stub *stub, struct unidbg_breakpoint *breakpoint) {
    (void)stub;
    (void)breakpoint;
}

static inline bool agent_stops(struct unidbg_stub *stub, const struct unidbg_breakpoint *breakpoint) {
    (void)stub;
    (void)breakpoint;
    return true;
}

#endif

#endif
