/* SPDX-License-Identifier: BSD-3-Clause */
/* c C s S vCont D k R: how the guest goes on. Signals that come along are dropped: nobody in a unikernel
 * takes them. */
#include "resume.h"

#include "allow.h"
#include "arch.h"
#include "breakpoints.h"
#include "hardware.h"
#include "nonstop.h"
#include "packet.h"
#include "reply.h"
#include "session.h"
#include "stop.h"
#include "threads.h"

static enum verdict not_allowed(struct unidbg_stub *stub) {
    reply_error(stub, ERROR_GENERAL, "not allowed here");
    return REPLY;
}

bool resume_plan(struct unidbg_stub *stub, const struct resume_action *action) {
    if (action->step && !(allow_now(stub) & ALLOW_STEPS))
        return false;
    stub->stepping = action->step;
    stub->range_start = action->start;
    stub->range_end = action->end;
    return true;
}

static enum verdict go(struct unidbg_stub *stub, struct resume_action action) {
    if (!resume_plan(stub, &action))
        return not_allowed(stub);
    if (stub->nonstop) {
        nonstop_let_go(stub);
        reply_ok(stub);
        return REPLY | LEAVE;
    }
    stub->awaited = true;
    return LEAVE;
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
    while (in_range(stub) && !wanted(stub)) {
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
            reply_error(stub, ERROR_INVALID, "malformed address");
            return REPLY;
        }
        if (!(allow_now(stub) & ALLOW_REGISTERS))
            return not_allowed(stub);
        arch_set_pc(stub->frame, pc);
    }
    return go(stub, (struct resume_action){.step = step});
}

enum verdict packet_c(struct unidbg_stub *stub, struct scan *scan) {
    return go_from(stub, scan, false);
}

enum verdict packet_s(struct unidbg_stub *stub, struct scan *scan) {
    return go_from(stub, scan, true);
}

static void drop_signal(struct scan *scan) {
    scan_hex(scan);
    scan_take(scan, ';');
}

enum verdict packet_C(struct unidbg_stub *stub, struct scan *scan) {
    drop_signal(scan);
    return go_from(stub, scan, false);
}

enum verdict packet_S(struct unidbg_stub *stub, struct scan *scan) {
    drop_signal(scan);
    return go_from(stub, scan, true);
}

enum verdict packet_vCont_question(struct unidbg_stub *stub, struct scan *scan) {
    (void)scan;
    reply_text(stub, stub->allowed & ALLOW_STEPS ? "vCont;c;C;s;S;t;r" : "vCont;c;C;t");
    return REPLY;
}

/* For a client that resumes before it has seen why the guest stands: one that stopped by itself stays. */
enum verdict resume_attached(struct unidbg_stub *stub) {
    return stub->stop_kind == STOP_ATTACH && !stub->live ? go(stub, (struct resume_action){0}) : STAY;
}

bool resume_scan_action(struct scan *scan, struct resume_action *action) {
    *action = (struct resume_action){0};
    if (scan_take(scan, 'C') || (scan_take(scan, 'S') && (action->step = true))) {
        scan_hex(scan);
    } else if (scan_take(scan, 'r')) {
        action->step = true;
        action->start = scan_hex(scan);
        scan_expect(scan, ',');
        action->end = scan_hex(scan);
    } else if (scan_take(scan, 's')) {
        action->step = true;
    } else if (scan_take(scan, 't')) {
        action->stop = true;
    } else if (!scan_take(scan, 'c')) {
        scan->failed = true;
    }
    return !scan->failed;
}

/* The leftmost action that means a thread is the thread's. One CPU stands, so what it runs decides: other
 * threads go on when the guest's scheduler says so. Thread 0 is any. */
enum verdict packet_vCont(struct unidbg_stub *stub, struct scan *scan) {
    uint64_t current = thread_current(stub);
    struct resume_action action;

    if (stub->nonstop)
        return nonstop_resume(stub, scan);
    while (scan_take(scan, ';') && resume_scan_action(scan, &action)) {
        uint64_t thread = scan_take(scan, ':') ? thread_scan(scan) : THREAD_ALL;
        if (scan->failed)
            break;
        if (!action.stop && (thread == THREAD_ALL || thread == THREAD_ANY || thread == current))
            return go(stub, action);
    }
    reply_error(stub, ERROR_INVALID, "no action for the stopped thread: others cannot run without it");
    return REPLY;
}

enum verdict packet_D(struct unidbg_stub *stub, struct scan *scan) {
    (void)scan;
    session_end(stub);
    reply_ok(stub);
    return REPLY | LEAVE;
}

/* Clients kill what they leave, so this detaches. LLDB waits for an answer, GDB reads none. */
enum verdict packet_k(struct unidbg_stub *stub, struct scan *scan) {
    bool answer = stub->lldb;

    (void)scan;
    session_end(stub);
    reply_text(stub, "X09");
    return answer ? REPLY | LEAVE : LEAVE;
}

enum verdict packet_vKill(struct unidbg_stub *stub, struct scan *scan) {
    return packet_D(stub, scan);
}

/* Has no answer where it can be done. */
enum verdict packet_R(struct unidbg_stub *stub, struct scan *scan) {
    (void)scan;
    if (!stub->port->reboot)
        return REPLY;
    stub->port->reboot(stub->port->context);
    return STAY;
}
