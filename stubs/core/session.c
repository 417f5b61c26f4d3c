/* SPDX-License-Identifier: BSD-3-Clause */
#include "session.h"

#include "allow.h"
#include "arch.h"
#include "breakpoints.h"
#include "features.h"
#include "hardware.h"
#include "nonstop.h"
#include "packet.h"
#include "reply.h"
#include "stop.h"
#include "threads.h"
#include "trace.h"
#include "wire.h"

/* Who stops the guest and takes note of no answer is noise: bytes on the line, or packets of a client that
 * gave up while the guest could not listen, cut short wherever the line was closed. Whoever listens has silence
 * before its `+`. What lay on the line has pauses, too, but few `+`: hence three. */
static const uint64_t probation_ns = 2000000000;

uint64_t session_now(const struct unidbg_stub *stub) {
    return stub->port->now_ns ? stub->port->now_ns(stub->port->context) : 0;
}

/* Features that one client negotiated mean nothing to the next. */
static void forget_features(struct unidbg_stub *stub) {
    stub->allowed = (uint8_t)allow_possible();
    stub->text_errors = stub->error_strings = false;
    stub->bare_binary = false;
    stub->lldb = false;
    stub->lldb_threads = false;
    stub->nonstop = false;
    stub->notifying = false;
    nonstop_let_go(stub);
    trace_look_away(stub);
    stub->lease_ns = 0;
    stub->thread_general = THREAD_ANY;
}

void session_end(struct unidbg_stub *stub) {
    breakpoints_clear(stub);
    trace_leave(stub);
    forget_features(stub);
    wire_reset(&stub->in);
    stub->no_ack = false;
    stub->spare_ack = false;
    stub->awaited = false;
    stub->probation = 0;
    stub->stepping = false;
}

/* A new client. If there is a lease, it is that of one that vanished, and what it left behind ends here as
 * it would have ended a little later: the guest ran, but for the new client. */
static void take_over(struct unidbg_stub *stub) {
    if (stub->lease_ns == 0)
        return;
    breakpoints_clear(stub);
    if (!stop_fatal(stub))
        stop_attach(stub);
}

/* Without acknowledgements a `+` has one place: behind the OK that switched them off. Any other is the
 * greeting of a new client. */
void session_ack(struct unidbg_stub *stub) {
    stub->greeted = !stub->spare_ack;
    stub->spare_ack = false;
    stub->out.length = 0; /* arrived: a `-` in what is damaged later does not mean it */
    if (stub->probation && stub->quiet)
        stub->probation--;
}

static bool starts(const struct unidbg_stub *stub, const char *word) {
    const uint8_t *at = stub->in.data; /* a NUL is behind it */

    while (*word && *word == (char)*at) {
        word++;
        at++;
    }
    return !*word;
}

void session_packet(struct unidbg_stub *stub) {
    if (stub->no_ack && (starts(stub, "QStartNoAckMode") || (stub->greeted && starts(stub, "qSupported")))) {
        take_over(stub);
        forget_features(stub);
        stub->no_ack = false;
    }
    stub->greeted = false;
    if (stub->no_ack)
        stub->probation = 0;
    else
        wire_byte(stub, '+');
}

bool session_asks_no_stop(const struct unidbg_stub *stub) {
    return starts(stub, "qUnidbgStood");
}

int session_wait(struct unidbg_stub *stub, uint64_t patience_ns) {
    const struct unidbg_port *port = stub->port;
    uint64_t from = session_now(stub);
    int byte = stub->pending >= 0 ? stub->pending : port->get(port->line);

    while (byte < 0 && session_now(stub) - from < patience_ns) {
        wire_flow(stub);
        if (port->idle)
            port->idle(port->context);
        byte = port->get(port->line);
    }
    return byte;
}

void session_heard(struct unidbg_stub *stub) {
    stub->heard = true;
}

/* The clock is read when the line is quiet, not for each byte. */
bool session_silent(struct unidbg_stub *stub) {
    uint64_t limit = stub->lease_ns ? stub->lease_ns : stub->probation ? probation_ns : 0;

    if (limit == 0 || !stub->port->now_ns)
        return false;
    if (stub->heard) {
        stub->heard = false;
        stub->heard_ns = session_now(stub);
    }
    return session_now(stub) - stub->heard_ns > limit;
}

enum verdict packet_QStartNoAckMode(struct unidbg_stub *stub, struct scan *scan) {
    (void)scan;
    stub->no_ack = true;
    stub->spare_ack = true;
    return reply_ok(stub);
}

/* We were there before the client: leaving must not kill the guest. */
enum verdict packet_qAttached(struct unidbg_stub *stub, struct scan *scan) {
    (void)scan;
    return reply_char(stub, '1');
}

static void append_feature(struct unidbg_stub *stub, bool there, const char *feature) {
    if (there)
        reply_text(stub, feature);
}

/* clang-format off */
static const char features[] =
    "PacketSize=%x"
    IF_DOCUMENTS(";unidbg-registers=%s")
    ";unidbg-abi=1;QStartNoAckMode+"
    IF_VCONT(";vContSupported+")
    IF_BULK(";binary-upload+")
    ";qUnidbgStop+"
    IF_LOOK(";qUnidbgStood+")
    IF_TEXTS(";error-message+")
    IF_BULK(";MultiMemRead+")
    IF_NONSTOP(";QNonStop+")
    IF_DOCUMENTS(";qXfer:features:read+;qXfer:threads:read+;qXfer:osdata:read+");
/* clang-format on */

static bool lease(struct unidbg_stub *stub, struct scan *scan) {
    uint64_t milliseconds = scan_hex(scan);

    if (scan->failed || milliseconds > UINT32_MAX)
        return false;
    stub->lease_ns = milliseconds * 1000000;
    return true;
}

/* Clients ask this once, at the beginning. */
enum verdict packet_qSupported(struct unidbg_stub *stub, struct scan *scan) {
    const struct unidbg_port *port = stub->port;

    take_over(stub);
    forget_features(stub);
    while (scan_take(scan, ':') || scan_past(scan, ';')) {
        if (WITH_TEXTS && scan_word(scan, "error-message+"))
            stub->text_errors = true;
        else if (scan_word(scan, "unidbg-lease="))
            lease(stub, scan);
    }
    reply_format(stub, features, (uint64_t)stub->in.size IF_DOCUMENTS(, arch_registers()));
    append_feature(stub, WITH_DOCUMENTS && port->region, ";qXfer:memory-map:read+");
    append_feature(stub, WITH_DOCUMENTS && port->exec_file, ";qXfer:exec-file:read+");
    append_feature(stub, WITH_DOCUMENTS && port->module, ";qXfer:libraries:read+");
    append_feature(stub, port->now_ns, ";QUnidbgLease+");
    append_feature(stub, hardware_slots(stub) > 0, ";hwbreak+");
    if (stub->allowed && port->poke_text) {
        reply_text(stub, ";swbreak+" IF_AGENT(";ConditionalBreakpoints+;BreakpointCommands+"));
        append_feature(stub, WITH_TRACE && port->trace,
                       ";ConditionalTracepoints+;EnableDisableTracepoints+;TracepointSource+"
                       ";DisconnectedTracing+;tracenz+;qXfer:traceframe-info:read+");
    }
    return REPLY;
}

enum verdict packet_QUnidbgLease(struct unidbg_stub *stub, struct scan *scan) {
    if (!stub->port->now_ns)
        return REPLY;
    scan_expect(scan, ':');
    if (!lease(stub, scan))
        return reply_error(stub, ERROR_INVALID, "a lease is a number of milliseconds");
    return reply_ok(stub);
}

enum verdict packet_qUnidbgStop(struct unidbg_stub *stub, struct scan *scan) {
    struct unidbg_text out = reply_hex_sink(stub);

    (void)scan;
    reply_format(stub, "kind:%s;signal:%b;fatal:%x;stops:%x;text:",
                 stop_name(WITH_LIVE && stub->live ? STOP_NONE : (enum stop_kind)stub->stop_kind),
                 stub->signal, (uint64_t)stop_fatal(stub), stub->stops);
    stop_explain(stub, &out);
    return reply_char(stub, ';');
}

#if WITH_LOOK
enum verdict packet_qUnidbgStood(struct unidbg_stub *stub, struct scan *scan) {
    (void)scan;
    return reply_format(stub, "ns:%x;stops:%x;", stub->stood_ns, stub->stops);
}
#endif

enum verdict packet_question(struct unidbg_stub *stub, struct scan *scan) {
    (void)scan;
    return WITH_NONSTOP && stub->nonstop ? nonstop_question(stub) : stop_reply(stub);
}
