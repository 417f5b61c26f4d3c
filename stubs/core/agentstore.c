/* SPDX-License-Identifier: BSD-3-Clause */
/* Where conditions and commands of breakpoints are kept: one pool, in the order in which they came, without
 * gaps. Each piece of code has a head of three bytes: kind, and length, low byte first. */
#include "agent.h"

#include "memory.h"

enum { CONDITION = 1, COMMAND = 2, HEAD = 3 };

void agent_forget(struct unidbg_stub *stub, struct unidbg_breakpoint *breakpoint) {
    uint32_t end = breakpoint->agent_at + breakpoint->agent_length;

    for (uint32_t i = end; i < stub->agent_used; i++)
        stub->agent[i - breakpoint->agent_length] = stub->agent[i];
    for (unsigned i = 0; i < UNIDBG_BREAKPOINTS; i++) {
        if (stub->breakpoints[i].agent_at >= end)
            stub->breakpoints[i].agent_at =
                (uint16_t)(stub->breakpoints[i].agent_at - breakpoint->agent_length);
    }
    stub->agent_used -= breakpoint->agent_length;
    breakpoint->agent_length = 0;
}

static void keep_byte(struct unidbg_stub *stub, struct scan *scan, unsigned byte) {
    if (stub->agent_used < sizeof stub->agent)
        stub->agent[stub->agent_used++] = (uint8_t)byte;
    else
        scan->failed = true;
}

/* `Xlength,code` */
static void keep_piece(struct unidbg_stub *stub, struct scan *scan, unsigned kind) {
    uint64_t length = scan_hex(scan);
    uint8_t byte;

    scan_expect(scan, ',');
    if (length > sizeof stub->agent || scan_left(scan) < 2 * length)
        scan->failed = true;
    if (scan->failed)
        return;
    keep_byte(stub, scan, kind);
    keep_byte(stub, scan, (unsigned)length & 0xff);
    keep_byte(stub, scan, (unsigned)length >> 8);
    while (length-- > 0 && !scan->failed) {
        scan_bytes(scan, &byte, 1);
        keep_byte(stub, scan, byte);
    }
}

/* `;X..X..;cmds:persist,X..X..` */
static void keep_lists(struct unidbg_stub *stub, struct scan *scan) {
    unsigned kind = CONDITION;

    while (!scan->failed && !scan_done(scan)) {
        if (scan_take(scan, 'X')) {
            keep_piece(stub, scan, kind);
        } else if (scan_word(scan, ";cmds:") || scan_word(scan, "cmds:")) {
            kind = COMMAND;
            scan_hex(scan); /* whether they outlive the client: they do not */
            scan_expect(scan, ',');
        } else {
            scan_expect(scan, ';');
        }
    }
}

bool agent_keep(struct unidbg_stub *stub, struct unidbg_breakpoint *breakpoint, struct scan *scan) {
    agent_forget(stub, breakpoint);
    breakpoint->agent_at = (uint16_t)stub->agent_used;
    keep_lists(stub, scan);
    breakpoint->agent_length = (uint16_t)(stub->agent_used - breakpoint->agent_at);
    if (scan->failed)
        agent_forget(stub, breakpoint);
    return !scan->failed;
}

/* The piece at `*at`, and go behind it. */
static struct agent_code next_code(const struct unidbg_stub *stub, uint32_t *at, unsigned *kind) {
    const uint8_t *head = stub->agent + *at;
    struct agent_code code = {head + HEAD, head[1] | (uint32_t)head[2] << 8};

    *kind = head[0];
    *at += HEAD + code.length;
    return code;
}

/* Any of the conditions; one that cannot be evaluated holds, so that the client sees it. */
static bool condition_holds(struct unidbg_stub *stub, const struct unidbg_breakpoint *breakpoint) {
    bool none = true;
    unsigned kind;

    for (uint32_t at = breakpoint->agent_at;
         at < breakpoint->agent_at + (uint32_t)breakpoint->agent_length;) {
        struct agent_code code = next_code(stub, &at, &kind);
        int64_t value = 0;
        if (kind != CONDITION)
            continue;
        if (!agent_evaluate(stub, code, &value) || value != 0)
            return true;
        none = false;
    }
    return none;
}

static bool run_commands(struct unidbg_stub *stub, const struct unidbg_breakpoint *breakpoint) {
    bool some = false;
    unsigned kind;

    for (uint32_t at = breakpoint->agent_at;
         at < breakpoint->agent_at + (uint32_t)breakpoint->agent_length;) {
        struct agent_code code = next_code(stub, &at, &kind);
        int64_t value;
        if (kind == COMMAND) {
            agent_evaluate(stub, code, &value);
            some = true;
        }
    }
    return some;
}

bool agent_stops(struct unidbg_stub *stub, const struct unidbg_breakpoint *breakpoint) {
    return condition_holds(stub, breakpoint) && !run_commands(stub, breakpoint);
}
