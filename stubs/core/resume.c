/* SPDX-License-Identifier: BSD-3-Clause */
/* c C s S D k: how the guest goes on. Signals that come along are dropped: nobody in a unikernel
 * takes them. */
#include "resume.h"

#include "allow.h"
#include "arch.h"
#include "breakpoints.h"
#include "hardware.h"
#include "nonstop.h"
#include "packet.h"
#include "session.h"
#include "stop.h"

static enum verdict not_allowed(struct unidbg_stub *stub) {
    return reply_error(stub, ERROR_GENERAL, "not allowed here");
}

bool resume_plan(struct unidbg_stub *stub, const struct resume_action *action) {
    if (action->step && !(allow_now(stub) & ALLOW_STEPS))
        return false;
    stub->stepping = action->step;
    stub->range_start = action->start;
    stub->range_end = action->end;
    return true;
}

enum verdict resume_as(struct unidbg_stub *stub, struct resume_action action) {
    if (!resume_plan(stub, &action))
        return not_allowed(stub);
    if (WITH_NONSTOP && stub->nonstop) {
        nonstop_let_go(stub);
        reply_ok(stub);
        return LEAVE;
    }
    stub->awaited = true;
    return SILENT | LEAVE;
}

/* A step in a range ends at a breakpoint too: it has to be seen. */
static bool in_range(struct unidbg_stub *stub) {
    uint64_t pc = arch_pc(stub->frame);
    const struct unidbg_breakpoint *it = breakpoint_at(stub, pc);
    return pc >= stub->range_start && pc < stub->range_end && !(it && it->client);
}

/* Bytes that come while a range is stepped wait in the line: a client that waits for its stop reply sends
 * 0x03. */
static bool wanted(struct unidbg_stub *stub) {
    return stub->pending >= 0 || (stub->pending = (int16_t)stub->port->get(stub->port->line)) >= 0;
}

bool resume_again(struct unidbg_stub *stub) {
    while (WITH_VCONT && in_range(stub) && !wanted(stub)) {
        if (!arch_step(stub, false))
            return true;
    }
    return false;
}

bool resume_go(struct unidbg_stub *stub) {
    if (hardware_breakpoint_at(stub, arch_pc(stub->frame)))
        arch_pass_hardware(stub->frame);
    if (!stub->stepping) {
        if (breakpoint_at(stub, arch_pc(stub->frame)))
            arch_step(stub, true);
        return true;
    }
    return !arch_step(stub, false) || resume_again(stub);
}

/* An address may follow, where to go on. */
static enum verdict go_from(struct unidbg_stub *stub, struct scan *scan, bool step) {
    if (!scan_done(scan)) {
        uint64_t pc = scan_hex(scan);
        if (scan->failed) {
            return reply_error(stub, ERROR_INVALID, "malformed address");
        }
        if (!(allow_now(stub) & ALLOW_REGISTERS))
            return not_allowed(stub);
        arch_set_pc(stub->frame, pc);
    }
    return resume_as(stub, (struct resume_action){.step = step});
}

/* The letter is the name of the packet; behind a capital one comes a signal. */
enum verdict packet_resume(struct unidbg_stub *stub, struct scan *scan) {
    uint8_t letter = scan->at[-1];

    if (letter <= 'Z') {
        scan_hex(scan);
        scan_take(scan, ';');
    }
    return go_from(stub, scan, letter == 's' || letter == 'S');
}

/* For a client that resumes before it has seen why the guest stands: one that stopped by itself stays. */
enum verdict resume_attached(struct unidbg_stub *stub) {
    return stub->stop_kind == STOP_ATTACH && !stub->live ? resume_as(stub, (struct resume_action){0})
                                                         : SILENT;
}

enum verdict packet_D(struct unidbg_stub *stub, struct scan *scan) {
    (void)scan;
    session_end(stub);
    reply_ok(stub);
    return LEAVE;
}

/* Clients kill what they leave, so this detaches. LLDB waits for an answer, GDB reads none. */
enum verdict packet_k(struct unidbg_stub *stub, struct scan *scan) {
    bool answer = WITH_LLDB && stub->lldb;

    (void)scan;
    session_end(stub);
    if (!answer)
        return SILENT | LEAVE;
    reply_text(stub, "X09");
    return LEAVE;
}
