/* SPDX-License-Identifier: BSD-3-Clause */
#include "nonstop.h"

#include "arch.h"
#include "reply.h"
#include "resume.h"
#include "session.h"
#include "stop.h"
#include "threads.h"
#include "wire.h"

/* ---- who is held ---- */

static unsigned place_of(const struct unidbg_stub *stub, uint64_t id) {
    unsigned place = 0;

    while (place < stub->held_count && stub->held[place] != id)
        place++;
    return place;
}

static void hold(struct unidbg_stub *stub, uint64_t id) {
    if (place_of(stub, id) == stub->held_count && stub->held_count < UNIDBG_HELD)
        stub->held[stub->held_count++] = id;
}

static void release_thread(struct unidbg_stub *stub, uint64_t id) {
    unsigned place = place_of(stub, id);

    if (place == stub->held_count)
        return;
    if (place < stub->told)
        stub->told--;
    else if (place == stub->told)
        stub->told_gone = stub->notifying;
    for (stub->held_count--; place < stub->held_count; place++)
        stub->held[place] = stub->held[place + 1];
}

static void hold_all(struct unidbg_stub *stub) {
    struct unidbg_thread thread;

    hold(stub, thread_current(stub));
    for (unsigned i = 0; stub->held_count < UNIDBG_HELD && thread_at(stub, i, &thread); i++)
        hold(stub, thread.id);
}

void nonstop_let_go(struct unidbg_stub *stub) {
    stub->held_count = 0;
    stub->told = 0;
    stub->told_gone = stub->notifying;
}

/* ---- telling ---- */

/* The first that was not told yet. One that merely was held has no reason but that. */
static void tell_held(struct unidbg_stub *stub) {
    uint64_t id = stub->held[stub->told];

    if (id == thread_current(stub)) {
        stop_reply(stub);
        return;
    }
    reply_format(stub, "T00thread:%x;", id);
}

static void notify(struct unidbg_stub *stub) {
    if (stub->notifying || stub->told == stub->held_count)
        return;
    stub->notifying = true;
    wire_begin(stub);
    stub->out.data[0] = '%';
    reply_text(stub, "Stop:");
    tell_held(stub);
    wire_finish(stub);
}

void nonstop_report(struct unidbg_stub *stub) {
    if (stub->stop_asked == THREAD_ALL)
        hold_all(stub);
    else
        hold(stub, stub->stop_asked ? stub->stop_asked : thread_current(stub));
    stub->stop_asked = 0;
    notify(stub);
}

/* The next to be told, or OK: that was all. */
static void tell_or_end(struct unidbg_stub *stub) {
    stub->notifying = stub->told < stub->held_count;
    if (stub->notifying)
        tell_held(stub);
    else
        reply_ok(stub);
}

enum verdict nonstop_question(struct unidbg_stub *stub) {
    stub->told = 0;
    stub->told_gone = false;
    tell_or_end(stub);
    return REPLY;
}

enum verdict packet_vStopped(struct unidbg_stub *stub, struct scan *scan) {
    (void)scan;
    if (!stub->nonstop)
        return REPLY;
    if (stub->told < stub->held_count && !stub->told_gone)
        stub->told++;
    stub->told_gone = false;
    tell_or_end(stub);
    return REPLY;
}

/* ---- stopping and going on ---- */

/* Thread 0 is any: the one that runs. */
static void ask_stop(struct unidbg_stub *stub, uint64_t thread, uint8_t signal) {
    if (thread == THREAD_ANY)
        thread = thread_current(stub);
    stub->stop_asked = thread;
    stub->asked_signal = signal;
}

static bool means(uint64_t thread, uint64_t current) {
    return thread == THREAD_ALL || thread == THREAD_ANY || thread == current;
}

static void let_go(struct unidbg_stub *stub, uint64_t thread) {
    if (thread == THREAD_ALL || thread == THREAD_ANY)
        nonstop_let_go(stub);
    else
        release_thread(stub, thread);
}

/* A thread that is not held is told nothing new by `c`; the running one alone can step. */
enum verdict nonstop_resume(struct unidbg_stub *stub, struct scan *scan) {
    uint64_t current = thread_current(stub);
    bool steps = false;
    struct resume_action action;

    stub->stepping = false;
    while (scan_take(scan, ';') && resume_scan_action(scan, &action)) {
        uint64_t thread = scan_take(scan, ':') ? thread_scan(scan) : THREAD_ALL;
        if (scan->failed)
            break;
        if (action.stop) {
            ask_stop(stub, thread, 0);
            continue;
        }
        let_go(stub, thread);
        if (means(thread, current) && !steps && resume_plan(stub, &action))
            steps = action.step;
    }
    if (scan->failed || !scan_done(scan)) {
        return reply_error(stub, ERROR_INVALID, "malformed action");
    }
    reply_ok(stub);
    if (stub->live || stub->stop_asked)
        return REPLY;
    return stub->held_count == 0 || steps ? LEAVE : REPLY;
}

enum verdict packet_vCtrlC(struct unidbg_stub *stub, struct scan *scan) {
    (void)scan;
    if (stub->nonstop)
        ask_stop(stub, THREAD_ANY, UNIDBG_SIGINT);
    return reply_ok(stub);
}

/* A guest that stands only because this client came goes on: it is to be looked at as it runs. */
enum verdict packet_QNonStop(struct unidbg_stub *stub, struct scan *scan) {
    bool on;

    scan_expect(scan, ':');
    on = scan_take(scan, '1');
    if (scan->failed || (!on && !scan_take(scan, '0'))) {
        return reply_error(stub, ERROR_INVALID, "non-stop is 0 or 1");
    }
    reply_ok(stub);
    if (on == stub->nonstop)
        return REPLY;
    stub->nonstop = on;
    stub->notifying = false;
    nonstop_let_go(stub);
    if (!on || stub->live)
        return REPLY;
    if (stub->stop_kind == STOP_ATTACH) {
        stub->stepping = false;
        return LEAVE;
    }
    hold(stub, thread_current(stub));
    return REPLY;
}
