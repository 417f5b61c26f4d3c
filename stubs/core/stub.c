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
    return WITH_CRASH && stub->port->crash && stub->port->crash(stub, event);
}

static int next_byte(struct unidbg_stub *stub) {
    int byte = WITH_PENDING && stub->pending >= 0 ? stub->pending : stub->port->get(stub->port->line);

    stub->pending = -1;
    while (byte >= 0 && crash_has(stub, byte))
        byte = stub->port->get(stub->port->line);
    if (byte >= 0)
        session_heard(stub);
    return byte;
}

/* Tell a client that is to be told. */
static void report(struct unidbg_stub *stub) {
    if (WITH_NONSTOP && stub->nonstop)
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

static void interrupted(struct unidbg_stub *stub, uint8_t signal) {
    stop_set(stub, STOP_INTERRUPT, signal, WORDS("interrupted by the client"));
}

/* Steps have ended inside the stub: because they are done, or because the client sent something. */
static void step_ended(struct unidbg_stub *stub) {
    stop_set(stub, STOP_STEP, UNIDBG_SIGTRAP, NULL);
    if (!WITH_PENDING)
        return;
    if (stub->pending == INTERRUPT_BYTE) {
        stub->pending = -1;
        interrupted(stub, UNIDBG_SIGINT);
    } else if (stub->pending == '$') {
        stub->awaited = false; /* as for a running guest */
    }
}

static void stopped(struct unidbg_stub *stub) {
    stop_note(stub);
    stub->stops++;
}

/* One packet. True: the guest goes on. */
static bool serve_packet(struct unidbg_stub *stub) {
    session_packet(stub);
    if (!(packet_handle(stub) & LEAVE)) {
        if (WITH_NONSTOP && stub->stop_asked)
            nonstop_report(stub);
        return false;
    }
    if (resume_go(stub) || !WITH_INNER_STEPS)
        return true;
    step_ended(stub);
    stopped(stub);
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
    if (WITH_GUARD)
        return arch_guarded(&stub->guard, call, argument);
    call(argument);
    return true;
}

/* The guest stands from here to the end of the call. */
static void stand(struct unidbg_stub *stub, struct unidbg_frame *frame) {
    const struct unidbg_port *port = stub->port;
    uint64_t since = session_now(stub);

    if (!stub->frame)
        stub->captured = false;
    stub->frame = frame;
    if (port->hold)
        port->hold(port->context);
    stop_capture(stub);
    stopped(stub);
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
    if (stub->frame)
        return;
    stop_set(stub, STOP_HALT, (uint8_t)signal, reason);
    stand(stub, frame);
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
    return stub->frame || stub->awaited || (WITH_NONSTOP && stub->nonstop);
}

/* A breakpoint with conditions or commands, or a tracepoint, that does not stop the guest. Their reads may have
 * faulted, so what a fault changes is put back. */
static bool passes(struct unidbg_stub *stub, const struct unidbg_breakpoint *breakpoint) {
    const struct unidbg_port *port = stub->port;
    bool client = breakpoint->client;

    if (!WITH_AGENT)
        return false;
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
static void refine_breakpoint(struct unidbg_stub *stub) {
    uint64_t pc = arch_breakpoint_pc(stub->frame);
    const struct unidbg_breakpoint *breakpoint = breakpoint_at(stub, pc);

    if (breakpoint) {
        arch_set_pc(stub->frame, pc);
        if (passes(stub, breakpoint))
            stub->stop_kind = STOP_NONE;
    } else if (stub->panic_text) {
        stop_set(stub, STOP_PANIC, stub->panic_signal, stub->panic_text);
        stub->panic_text = NULL;
    } else {
        stop_set(stub, STOP_HALT, UNIDBG_SIGTRAP, WORDS("breakpoint instruction in the guest's code"));
    }
}

#if WITH_HARDWARE
static void refine_watchpoint(struct unidbg_stub *stub) {
    const struct unidbg_watchpoint *hit = watchpoint_hit(stub);

    if (!hit)
        return;
    stub->stop_kind = hit->kind == UNIDBG_HW_EXECUTE ? STOP_BREAKPOINT : STOP_WATCHPOINT;
    stub->stop_hardware = hit->kind;
    stub->stop_address = hit->address;
}
#endif

/* The trap of a step that is nobody's stop: off a breakpoint, or inside the range of vCont;r. An instruction
 * that repeats itself traps before it is through, still on its breakpoint. */
static bool step_goes_on(struct unidbg_stub *stub, const struct unidbg_step *step) {
    if (!step->resume)
        return resume_again(stub);
    if (arch_pc(stub->frame) == step->address)
        arch_step(stub, true);
    return true;
}

/* A trap came while the guest ran. STOP_NONE: it goes on. */
static void judge(struct unidbg_stub *stub) {
    struct unidbg_step step = stub->step;

    if (step.active)
        arch_step_end(stub, stub->frame);
    if (stub->stop_kind == STOP_BREAKPOINT && arch_step_ends(&step, stub->frame))
        stub->stop_kind = STOP_STEP;
    if (stub->stop_kind == STOP_BREAKPOINT)
        refine_breakpoint(stub);
    IF_HARDWARE(if (stub->stop_kind == STOP_STEP) refine_watchpoint(stub));
    if (stub->stop_kind != STOP_STEP || !step.active)
        return;
    if (step_goes_on(stub, &step))
        stub->stop_kind = STOP_NONE;
    else
        step_ended(stub);
}

bool unidbg_trap(struct unidbg_stub *stub, struct unidbg_frame *frame) {
    enum stop_kind kind = arch_trap_kind(frame);

    if (arch_fixup(frame))
        return true;
    if (stub->frame)
        return kind == STOP_INTERRUPT || breakpoint_nested(stub, frame, kind) ||
               (WITH_GUARD && arch_guard_fails(&stub->guard, frame));
    if (kind == STOP_NONE)
        return false;
    stub->frame = frame;
    stub->captured = false;
    stop_set(stub, kind, arch_trap_signal(frame), WORDS(arch_trap_reason(frame)));
    judge(stub);
    if (stub->stop_kind == STOP_NONE)
        stub->frame = NULL;
    else
        stand(stub, frame);
    return true;
}

#if WITH_LIVE
/* The packet that came is answered while the guest runs; then it may have to stand: true.
 * Registers that the entry did not save are put back afterwards: reads that fault change one (cr2). */
static bool answer_live(struct unidbg_stub *stub, struct unidbg_frame *frame) {
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
    return stub->stop_asked != 0;
}
#endif

/* A packet came while the guest ran: it stands from now on, unless it can be answered as it runs. */
static void take_packet(struct unidbg_stub *stub, struct unidbg_frame *frame) {
#if WITH_LIVE
    if (stub->nonstop || session_asks_no_stop(stub)) {
        if (answer_live(stub, frame)) {
            interrupted(stub, stub->asked_signal);
            stand(stub, frame);
        }
        return;
    }
#endif
    stub->waits = true;
    stub->probation = PROBATION;
    stub->awaited = false;
    stop_attach(stub);
    stand(stub, frame);
}

/* The line gave bytes while the guest ran. */
void unidbg_irq(struct unidbg_stub *stub, struct unidbg_frame *frame) {
    int byte = 0;

    while (!stub->frame && (byte = next_byte(stub)) >= 0) {
        enum wire_event event = wire_receive(&stub->in, (uint8_t)byte);
        if (event == WIRE_INTERRUPT) {
            stub->probation = stub->awaited || (WITH_NONSTOP && stub->nonstop) ? 0 : PROBATION;
            interrupted(stub, UNIDBG_SIGINT);
            stand(stub, frame);
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
