/* SPDX-License-Identifier: BSD-3-Clause */
#include "stop.h"

#include "arch.h"
#include "lldb.h"
#include "reply.h"
#include "threads.h"

const struct arch_cause stop_attached = {
    .kind = STOP_ATTACH, .signal = UNIDBG_SIGTRAP, .reason = "a client came"};
const struct arch_cause stop_interrupted = {
    .kind = STOP_INTERRUPT, .signal = UNIDBG_SIGINT, .reason = "interrupted by the client"};

void stop_capture(struct unidbg_stub *stub) {
    if (!stub->captured && stub->port->capture)
        stub->port->capture(stub->port->context, stub->frame);
    stub->captured = true;
}

void stop_set(struct unidbg_stub *stub, const struct arch_cause *cause) {
    stub->stop_kind = (uint8_t)cause->kind;
    stub->signal = cause->signal;
    stub->reason = cause->reason;
    stub->stop_hardware = cause->hardware;
    stub->stop_address = cause->address;
    stub->other_id = 0;
    stop_note(stub);
}

const char *stop_name(enum stop_kind kind) {
    static const char names[][12] = {"none",       "attach",    "interrupt", "breakpoint", "step",
                                     "watchpoint", "exception", "panic",     "halt"};
    return names[kind];
}

bool stop_fatal(const struct unidbg_stub *stub) {
    return stub->stop_kind == STOP_EXCEPTION || stub->stop_kind == STOP_PANIC;
}

void stop_explain(const struct unidbg_stub *stub, struct unidbg_text *out) {
    unidbg_write(out, stub->reason ? stub->reason : stop_name((enum stop_kind)stub->stop_kind));
    if (stub->stop_kind == STOP_EXCEPTION)
        arch_explain(stub->frame, out);
}

static void put_note(struct unidbg_text *out, char character) {
    if (out->room > 1) {
        out->stub->text[UNIDBG_TEXT_BYTES - out->room--] = character;
        out->stub->text[UNIDBG_TEXT_BYTES - out->room] = '\0';
    }
}

void stop_note(struct unidbg_stub *stub) {
    struct unidbg_text out = {.put = put_note, .stub = stub, .room = UNIDBG_TEXT_BYTES};

    stub->text[0] = '\0';
    if (stub->frame && stop_fatal(stub))
        stop_explain(stub, &out);
}

/* GDB skips keys that it does not know, so they are sent to everybody. */
const char *stop_lldb_reason(const struct unidbg_stub *stub) {
    switch ((enum stop_kind)stub->stop_kind) {
    case STOP_BREAKPOINT:
        return "breakpoint";
    case STOP_STEP:
        return "trace";
    case STOP_WATCHPOINT:
        return "watchpoint";
    case STOP_EXCEPTION:
    case STOP_PANIC:
        return "exception";
    default:
        return "signal";
    }
}

static void append_registers(struct unidbg_stub *stub) {
    uint8_t value[ARCH_REGISTER_SIZE_MAX];

    for (const int8_t *number = arch_expedited(); *number >= 0; number++) {
        uint8_t name = (uint8_t)*number;
        arch_register_get(stub->frame, name, value);
        reply_hex(stub, &name, 1);
        reply_char(stub, ':');
        reply_hex(stub, value, arch_register_size(name));
        reply_char(stub, ';');
    }
}

static const char *watch_word(uint8_t kind) {
    switch (kind) {
    case UNIDBG_HW_WRITE:
        return "watch:";
    case UNIDBG_HW_READ:
        return "rwatch:";
    case UNIDBG_HW_ACCESS:
        return "awatch:";
    default:
        return "hwbreak:";
    }
}

static void append_kind(struct unidbg_stub *stub) {
    if (stub->stop_kind == STOP_BREAKPOINT && !stub->stop_hardware) {
        reply_text(stub, "swbreak:;");
    } else if (stub->stop_hardware) {
        reply_text(stub, watch_word(stub->stop_hardware));
        if (stub->stop_hardware != UNIDBG_HW_EXECUTE)
            reply_number(stub, stub->stop_address);
        reply_char(stub, ';');
    }
    reply_text(stub, "reason:");
    reply_text(stub, stop_lldb_reason(stub));
    reply_char(stub, ';');
}

static void append_description(struct unidbg_stub *stub) {
    struct unidbg_text out = reply_hex_sink(stub);

    if (!stop_fatal(stub))
        return;
    reply_text(stub, "description:");
    stop_explain(stub, &out);
    reply_char(stub, ';');
}

static void append_threads(struct unidbg_stub *stub) {
    struct unidbg_thread thread;

    if (!stub->lldb_threads)
        return;
    reply_text(stub, "threads:");
    for (unsigned i = 0; reply_room(stub) > 64 && thread_at(stub, i, &thread); i++) {
        if (i > 0)
            reply_char(stub, ',');
        reply_number(stub, thread.id);
    }
    reply_char(stub, ';');
}

void stop_reply(struct unidbg_stub *stub) {
    reply_char(stub, 'T');
    reply_hex(stub, &stub->signal, 1);
    reply_text(stub, "thread:");
    reply_number(stub, thread_current(stub));
    reply_text(stub, ";core:");
    reply_number(stub, thread_cpu(stub));
    reply_char(stub, ';');
    append_registers(stub);
    append_kind(stub);
    append_description(stub);
    append_threads(stub);
    lldb_append_chain(stub);
}
