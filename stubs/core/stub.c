/* SPDX-License-Identifier: BSD-3-Clause */
/* The entry points, and the loop that serves a client while the guest stands. */
#include <unidbg/stub.h>

#include "agent.h"
#include "allow.h"
#include "arch.h"
#include "breakpoints.h"
#include "hardware.h"
#include "nonstop.h"
#include "packet.h"
#include "reply.h"
#include "resume.h"
#include "session.h"
#include "stop.h"
#include "trace.h"
#include "wire.h"

enum { INTERRUPT_BYTE = 0x03, PROBATION = 3 };

bool unidbg_init(struct unidbg_stub *stub, const struct unidbg_port *port, void *buffer, size_t size) {
    if (!port->get || !port->put || !port->peek || size < UNIDBG_BUFFER_MIN)
        return false;
    *stub = (struct unidbg_stub){.port = port, .pending = -1, .allowed = (uint8_t)allow_possible()};
    if (port->trace && port->trace_size < UNIDBG_TRACE_MIN)
        return false;
    wire_init(stub, buffer, size);
    trace_init(stub);
    return true;
}

/* Of the port's `crash`, besides bytes. */
enum { QUIET = -1, STANDS = -2 };

static bool crash_has(struct unidbg_stub *stub, int event) {
    return stub->port->crash && stub->port->crash(stub, event);
}

static int next_byte(struct unidbg_stub *stub) {
    int byte = stub->pending >= 0 ? stub->pending : stub->port->get(stub->port->line);

    stub->pending = -1;
    while (byte >= 0 && crash_has(stub, byte))
        byte = stub->port->get(stub->port->line);
    if (byte >= 0)
        session_heard(stub);
    return byte;
}

/* Tell a client that is to be told. */
static void report(struct unidbg_stub *stub) {
    if (stub->nonstop)
        nonstop_report(stub);
    if (!stub->awaited)
        return;
    stub->awaited = false;
    wire_begin(stub);
    stop_reply(stub);
    wire_finish(stub);
}

/* Events that need no packet, the same whether the guest runs or stands. */
static void answer_line(struct unidbg_stub *stub, enum wire_event event) {
    if (event == WIRE_ACK)
        session_ack(stub);
    else if (event == WIRE_NACK && stub->out.length > 0)
        wire_again(stub);
    else if (event == WIRE_DAMAGED && !stub->no_ack)
        wire_byte(stub, '-');
}

/* Steps have ended inside the stub: because they are done, or because the client sent something. */
static struct arch_cause step_cause(struct unidbg_stub *stub) {
    if (stub->pending == INTERRUPT_BYTE) {
        stub->pending = -1;
        return stop_interrupted;
    }
    if (stub->pending == '$')
        stub->awaited = false; /* as for a running guest */
    return (struct arch_cause){.kind = STOP_STEP, .signal = UNIDBG_SIGTRAP};
}

/* One packet. True: the guest goes on. */
static bool serve_packet(struct unidbg_stub *stub) {
    struct arch_cause cause;

    session_packet(stub);
    if (!(packet_handle(stub) & LEAVE)) {
        if (stub->stop_asked)
            nonstop_report(stub);
        return false;
    }
    if (resume_go(stub))
        return true;
    cause = step_cause(stub);
    stop_set(stub, &cause);
    stub->stops++;
    report(stub);
    return false;
}

static void refuse_long_packet(struct unidbg_stub *stub) {
    session_packet(stub);
    wire_begin(stub);
    reply_error(stub, ERROR_LONG, "the packet is longer than PacketSize");
    wire_finish(stub);
}

/* The client fell silent. A guest that cannot go on stays for the next one. */
static bool serve_silence(struct unidbg_stub *stub) {
    session_end(stub);
    wire_drop(stub);
    return !stop_fatal(stub);
}

static void serve(struct unidbg_stub *stub) {
    bool going;

    stub->quiet = false;
    going = stub->waits && serve_packet(stub);
    stub->waits = false;
    while (!going) {
        int byte = next_byte(stub);
        enum wire_event event = byte < 0 ? WIRE_NOTHING : wire_receive(&stub->in, (uint8_t)byte);
        if (event == WIRE_PACKET)
            going = serve_packet(stub);
        else if (event == WIRE_TOO_LONG)
            refuse_long_packet(stub);
        else
            answer_line(stub, event);
        stub->quiet = byte < 0 && stub->queue.count == 0;
        if (byte >= 0)
            continue;
        wire_flow(stub);
        if (session_silent(stub))
            going = serve_silence(stub);
        else if (!crash_has(stub, QUIET) && stub->port->idle)
            stub->port->idle(stub->port->context);
    }
}

bool unidbg_guarded(struct unidbg_stub *stub, void (*call)(void *argument), void *argument) {
    return arch_guarded(&stub->guard, call, argument);
}

/* The guest stands from here to the end of the call. */
static void stand(struct unidbg_stub *stub, struct unidbg_frame *frame, const struct arch_cause *cause) {
    const struct unidbg_port *port = stub->port;
    uint64_t since = session_now(stub);

    if (!stub->frame)
        stub->captured = false;
    stub->frame = frame;
    if (port->hold)
        port->hold(port->context);
    stop_capture(stub);
    stop_set(stub, cause);
    stub->stops++;
    crash_has(stub, STANDS);
    report(stub);
    serve(stub);
    if (port->restore)
        port->restore(port->context, frame);
    if (port->release)
        port->release(port->context);
    stub->frame = NULL;
    stop_note(stub);
    stub->stood_ns = session_now(stub) - since;
    wire_trickle(stub);
}

void unidbg_stop(struct unidbg_stub *stub, struct unidbg_frame *frame, enum unidbg_signal signal,
                 const char *reason) {
    const struct arch_cause cause = {.kind = STOP_HALT, .signal = (uint8_t)signal, .reason = reason};

    if (!stub->frame)
        stand(stub, frame, &cause);
}

void unidbg_panic(struct unidbg_stub *stub, enum unidbg_signal signal, const char *reason) {
    stub->panic_signal = (uint8_t)signal;
    stub->panic_text = reason;
    arch_trap_here();
}

bool unidbg_fixup(struct unidbg_stub *stub, struct unidbg_frame *frame) {
    (void)stub;
    return arch_fixup(frame);
}

bool unidbg_attached(const struct unidbg_stub *stub) {
    return stub->frame || stub->awaited || stub->nonstop;
}

/* A breakpoint with conditions or commands, or a tracepoint, that does not stop the guest. Their reads may have
 * faulted, so what a fault changes is put back. */
static bool passes(struct unidbg_stub *stub, const struct unidbg_breakpoint *breakpoint) {
    const struct unidbg_port *port = stub->port;
    bool client = breakpoint->client;

    if (client && !breakpoint->traced && breakpoint->agent_length == 0)
        return false;
    stop_capture(stub);
    if (breakpoint->traced)
        trace_hit(stub, breakpoint->address);
    if (client && agent_stops(stub, breakpoint))
        return false;
    if (port->restore)
        port->restore(port->context, stub->frame);
    arch_step(stub, true);
    return true;
}

/* A breakpoint of a client, one that unidbg_panic made, or one of the guest's own. */
static void refine_breakpoint(struct unidbg_stub *stub, struct arch_cause *cause) {
    uint64_t pc = arch_breakpoint_pc(stub->frame);
    const struct unidbg_breakpoint *breakpoint = breakpoint_at(stub, pc);

    if (breakpoint) {
        arch_set_pc(stub->frame, pc);
        if (passes(stub, breakpoint))
            cause->kind = STOP_NONE;
        return;
    }
    *cause = (struct arch_cause){
        .kind = STOP_HALT, .signal = UNIDBG_SIGTRAP, .reason = "breakpoint instruction in the guest's code"};
    if (stub->panic_text) {
        *cause =
            (struct arch_cause){.kind = STOP_PANIC, .signal = stub->panic_signal, .reason = stub->panic_text};
        stub->panic_text = NULL;
    }
}

static void refine_watchpoint(struct unidbg_stub *stub, struct arch_cause *cause) {
    const struct unidbg_watchpoint *hit = watchpoint_hit(stub);

    if (!hit)
        return;
    cause->kind = hit->kind == UNIDBG_HW_EXECUTE ? STOP_BREAKPOINT : STOP_WATCHPOINT;
    cause->hardware = hit->kind;
    cause->address = hit->address;
}

/* The trap of a step that is nobody's stop: off a breakpoint, or inside the range of vCont;r. An instruction
 * that repeats itself traps before it is through, still on its breakpoint. */
static bool step_goes_on(struct unidbg_stub *stub, struct unidbg_step step, struct arch_cause *cause) {
    if (step.resume) {
        if (arch_pc(stub->frame) == step.address)
            arch_step(stub, true);
        return true;
    }
    if (resume_again(stub))
        return true;
    *cause = step_cause(stub);
    return false;
}

bool unidbg_trap(struct unidbg_stub *stub, struct unidbg_frame *frame) {
    struct arch_cause cause;
    struct unidbg_step step = stub->step;

    if (arch_fixup(frame))
        return true;
    cause = arch_cause(frame);
    if (stub->frame)
        return cause.kind == STOP_INTERRUPT || breakpoint_nested(stub, frame, cause.kind) ||
               arch_guard_fails(&stub->guard, frame);
    if (cause.kind == STOP_NONE)
        return false;
    stub->frame = frame;
    stub->captured = false;
    if (step.active)
        arch_step_end(stub, frame);
    if (cause.kind == STOP_BREAKPOINT && arch_step_ends(&step, frame))
        cause.kind = STOP_STEP;
    if (cause.kind == STOP_BREAKPOINT)
        refine_breakpoint(stub, &cause);
    if (cause.kind == STOP_STEP)
        refine_watchpoint(stub, &cause);
    if (cause.kind == STOP_NONE ||
        (cause.kind == STOP_STEP && step.active && step_goes_on(stub, step, &cause)))
        stub->frame = NULL;
    else
        stand(stub, frame, &cause);
    return true;
}

/* The packet that came is answered while the guest runs; then it may have to stand: true, with the cause.
 * Registers that the entry did not save are put back afterwards: reads that fault change one (cr2). */
static bool answer_live(struct unidbg_stub *stub, struct unidbg_frame *frame, struct arch_cause *cause) {
    const struct unidbg_port *port = stub->port;

    stub->frame = frame;
    stub->live = true;
    stub->captured = false;
    stub->other_id = 0;
    stub->stop_asked = 0;
    stop_capture(stub);
    session_packet(stub);
    packet_handle(stub);
    if (port->restore)
        port->restore(port->context, frame);
    stub->live = false;
    stub->frame = NULL;
    *cause = stop_interrupted;
    cause->signal = stub->asked_signal;
    return stub->stop_asked != 0;
}

/* A packet came while the guest ran: it stands from now on, unless it can be answered as it runs. */
static void take_packet(struct unidbg_stub *stub, struct unidbg_frame *frame) {
    struct arch_cause cause;

    if (stub->nonstop || session_asks_no_stop(stub)) {
        if (answer_live(stub, frame, &cause))
            stand(stub, frame, &cause);
        return;
    }
    stub->waits = true;
    stub->probation = PROBATION;
    stub->awaited = false;
    stand(stub, frame, &stop_attached);
}

/* The line gave bytes while the guest ran. */
void unidbg_irq(struct unidbg_stub *stub, struct unidbg_frame *frame) {
    int byte = 0;

    while (!stub->frame && (byte = next_byte(stub)) >= 0) {
        enum wire_event event = wire_receive(&stub->in, (uint8_t)byte);
        if (event == WIRE_INTERRUPT) {
            stub->probation = stub->awaited || stub->nonstop ? 0 : PROBATION;
            stand(stub, frame, &stop_interrupted);
        } else if (event == WIRE_PACKET) {
            take_packet(stub, frame);
        } else if (event == WIRE_TOO_LONG) {
            refuse_long_packet(stub);
        } else {
            answer_line(stub, event);
        }
    }
    if (!stub->frame)
        wire_trickle(stub);
}

void unidbg_tick(struct unidbg_stub *stub, struct unidbg_frame *frame) {
    (void)frame;
    if (stub->frame)
        return;
    if (stub->lease_ns && session_silent(stub)) {
        session_end(stub);
        wire_drop(stub);
    }
    wire_trickle(stub);
}
