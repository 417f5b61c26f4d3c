/* SPDX-License-Identifier: BSD-3-Clause */
#include "stop.h"

#include "arch.h"
#include "lldb.h"
#include "reply.h"
#include "threads.h"

void stop_capture(struct unidbg_stub *stub) {
    if (!stub->captured && stub->port->capture)
        stub->port->capture(stub->port->context, stub->frame);
    stub->captured = true;
}

void stop_set(struct unidbg_stub *stub, enum stop_kind kind, uint8_t signal, const char *reason) {
    stub->stop_kind = (uint8_t)kind;
    stub->signal = signal;
    stub->reason = reason;
    stub->stop_hardware = 0;
    stub->other_id = 0;
}

void stop_attach(struct unidbg_stub *stub) {
    stop_set(stub, STOP_ATTACH, UNIDBG_SIGTRAP, WORDS("a client came"));
}

const char *stop_name(enum stop_kind kind) {
    static const char names[] =
        "none\0attach\0interrupt\0breakpoint\0step\0watchpoint\0exception\0panic\0halt";
    return text_at(names, kind);
}

bool stop_fatal(const struct unidbg_stub *stub) {
    return stub->stop_kind == STOP_EXCEPTION || stub->stop_kind == STOP_PANIC;
}

#if WITH_TEXTS

void stop_explain(const struct unidbg_stub *stub, struct unidbg_text *out) {
    unidbg_write(out, stub->reason ? stub->reason : stop_name((enum stop_kind)stub->stop_kind));
    if (stub->stop_kind == STOP_EXCEPTION)
        arch_explain(stub->frame, out);
}

struct note {
    struct unidbg_text text; /* begins like any */
    unsigned length;
};

static void put_note(struct unidbg_text *out, char character) {
    struct note *note = (struct note *)(void *)out;

    if (note->length == UNIDBG_TEXT_BYTES - 1)
        return;
    out->stub->text[note->length++] = character;
    out->stub->text[note->length] = '\0';
}

void stop_note(struct unidbg_stub *stub) {
    struct note note = {{put_note, stub}, 0};

    stub->text[0] = '\0';
    if (stub->frame && stop_fatal(stub))
        stop_explain(stub, &note.text);
}

#endif

#if WITH_LLDB

/* By stop kind. GDB skips keys that it does not know, so they are sent to everybody. */
const char *stop_lldb_reason(const struct unidbg_stub *stub) {
    static const char words[] =
        "signal\0signal\0signal\0breakpoint\0trace\0watchpoint\0exception\0exception\0signal";
    return text_at(words, stub->stop_kind);
}

#endif

#if WITH_BULK
static void append_registers(struct unidbg_stub *stub) {
    uint8_t value[ARCH_REGISTER_SIZE_MAX];

    for (const int8_t *number = arch_expedited(); *number >= 0; number++) {
        unsigned size = arch_register_get(stub->frame, (unsigned)*number, value);
        reply_format(stub, "%b:", *number);
        reply_hex(stub, value, size);
        reply_char(stub, ';');
    }
}
#endif

static void append_kind(struct unidbg_stub *stub) {
#if WITH_HARDWARE
    static const char words[] = "swbreak\0hwbreak\0watch\0rwatch\0awatch";
    uint8_t hardware = stub->stop_hardware;

    if (hardware > UNIDBG_HW_EXECUTE)
        reply_format(stub, "%s:%x;", text_at(words, hardware), stub->stop_address);
    else if (stub->stop_kind == STOP_BREAKPOINT)
        reply_format(stub, "%s:;", text_at(words, hardware));
#else
    if (stub->stop_kind == STOP_BREAKPOINT)
        reply_text(stub, "swbreak:;");
#endif
    IF_LLDB(reply_format(stub, "reason:%s;", stop_lldb_reason(stub)));
}

#if WITH_TEXTS
static void append_description(struct unidbg_stub *stub) {
    struct unidbg_text out = reply_hex_sink(stub);

    if (!stop_fatal(stub))
        return;
    reply_text(stub, "description:");
    stop_explain(stub, &out);
    reply_char(stub, ';');
}
#endif

#if WITH_LLDB
static void append_threads(struct unidbg_stub *stub) {
    struct unidbg_thread thread;

    if (!stub->lldb_threads)
        return;
    reply_text(stub, "threads");
    for (unsigned i = 0; reply_room(stub) > 64 && thread_at(stub, i, &thread); i++)
        reply_format(stub, "%c%x", i > 0 ? ',' : ':', thread.id);
    reply_char(stub, ';');
}
#endif

enum verdict stop_reply(struct unidbg_stub *stub) {
    reply_format(stub, "T%b", stub->signal);
    if (WITH_THREADS)
        reply_format(stub, "thread:%x;core:%x;", thread_current(stub), (uint64_t)thread_cpu(stub));
    IF_BULK(append_registers(stub));
    append_kind(stub);
    IF_TEXTS(append_description(stub));
    IF_LLDB(append_threads(stub); lldb_append_chain(stub));
    return REPLY;
}
