/* SPDX-License-Identifier: BSD-3-Clause */
/* qRcmd: `monitor COMMAND`. The stub's own commands, then the guest's. */
#include "arch.h"
#include "breakpoints.h"
#include "packet.h"
#include "reply.h"
#include "session.h"
#include "stop.h"
#include "wire.h"

#include <unidbg/command.h>

/* Output is made behind an `O`. If all of it fits one packet, the `O` is taken away again: one packet can be
 * asked for again where the line damages it. */
enum { OUTPUT_START = 2 }; /* `$` and `O` */

/* A packet of 16 KiB takes 1.4 s at 115200 baud; its acknowledgement comes right after that. */
static const uint64_t ack_patience_ns = 2000000000;

struct output {
    struct unidbg_text text; /* begins like any */
    bool flushed;            /* a part of it has been sent */
};

static void begin_output(struct unidbg_stub *stub) {
    wire_begin(stub);
    reply_char(stub, 'O');
}

/* Only the last packet is kept for a retransmission, so the next may not be made before this one has
 * arrived. It is sent again when the client says so, and once when it says nothing. Whatever else comes (an
 * interrupt, the next packet) ends the wait, and is looked at later. */
static void await_ack(struct unidbg_stub *stub) {
    int byte = session_wait(stub, ack_patience_ns);

    for (unsigned repeats = byte == '-' ? 4 : 1; repeats > 0 && (byte == '-' || byte == SESSION_SILENT);
         repeats--) {
        wire_again(stub);
        byte = session_wait(stub, ack_patience_ns);
    }
    if (byte >= 0 && byte != '+' && byte != '-')
        stub->pending = (int16_t)byte;
}

static void flush(struct output *out) {
    struct unidbg_stub *stub = out->text.stub;

    if (stub->out.length > OUTPUT_START) {
        wire_finish(stub);
        if (!stub->no_ack && stub->port->now_ns)
            await_ack(stub);
    }
    begin_output(stub);
    out->flushed = true;
}

static void put_output(struct unidbg_text *out, char character) {
    if (reply_room(out->stub) < 2)
        flush((struct output *)(void *)out);
    reply_hex(out->stub, &character, 1);
}

static void drop_mark(struct unidbg_sender *packet) {
    packet->length--;
    for (uint32_t i = OUTPUT_START - 1; i < packet->length; i++)
        packet->data[i] = packet->data[i + 1];
}

static void finish(struct output *out) {
    struct unidbg_stub *stub = out->text.stub;

    if (out->flushed)
        flush(out);
    drop_mark(&stub->out);
    if (stub->out.length < OUTPUT_START)
        reply_ok(stub);
}

static void show_reason(struct unidbg_stub *stub, struct unidbg_text *out) {
    stop_explain(stub, out);
    unidbg_write(out, "\n");
}

static void show_breakpoints(struct unidbg_stub *stub, struct unidbg_text *out) {
    for (unsigned i = 0; i < UNIDBG_BREAKPOINTS; i++) {
        if (stub->breakpoints[i].used) {
            unidbg_write_hex(out, stub->breakpoints[i].address);
            unidbg_write(out,
                         arch_own_text(stub->breakpoints[i].address) ? " in the stub: never hit\n" : "\n");
        }
    }
    for (unsigned i = 0; i < UNIDBG_HARDWARE; i++) {
        if (stub->watchpoints[i].length) {
            unidbg_write_hex(out, stub->watchpoints[i].address);
            unidbg_write(out, " in hardware\n");
        }
    }
}

static void clear_breakpoints(struct unidbg_stub *stub, struct unidbg_text *out) {
    (void)out;
    breakpoints_clear(stub);
}

static void mask_interrupts(struct unidbg_stub *stub, struct unidbg_text *out) {
    stub->step_interrupts = false;
    unidbg_write(out, "steps hold interrupts off\n");
}

static void let_interrupts(struct unidbg_stub *stub, struct unidbg_text *out) {
    stub->step_interrupts = true;
    unidbg_write(out, "steps let interrupts in\n");
}

static void reboot(struct unidbg_stub *stub, struct unidbg_text *out) {
    if (stub->port->reboot)
        stub->port->reboot(stub->port->context);
    unidbg_write(out, "this guest cannot reboot itself\n");
}

static void kill(struct unidbg_stub *stub, struct unidbg_text *out) {
    if (stub->port->kill)
        stub->port->kill(stub->port->context);
    unidbg_write(out, "this guest cannot power itself off\n");
}

static void help(struct unidbg_stub *stub, struct unidbg_text *out);

typedef void builtin(struct unidbg_stub *stub, struct unidbg_text *out);

/* Name and help, and what runs; in the same order. */
static const char builtin_texts[] = "help\0this list\0"
                                    "reason\0why the guest stands\0"
                                    "breakpoints\0what is set\0"
                                    "breakpoints clear\0remove all\0"
                                    "step-irqs off\0steps hold interrupts off (default)\0"
                                    "step-irqs on\0steps let interrupts in\0"
                                    "reboot\0restart the guest\0"
                                    "kill\0power the guest off\0";
static builtin *const builtins[] = {
    help, show_reason, show_breakpoints, clear_breakpoints, mask_interrupts, let_interrupts, reboot, kill};

/* The command's name comes first, then spaces and arguments. NULL: another name. */
static const char *arguments_of(const char *command, const char *name) {
    while (*name && *command == *name) {
        command++;
        name++;
    }
    if (*name || (*command && *command != ' '))
        return NULL;
    while (*command == ' ')
        command++;
    return command;
}

static bool run_command(struct unidbg_stub *stub, const char *command, struct unidbg_text *out) {
    const struct unidbg_port *port = stub->port;

    for (const struct unidbg_command *it = port->commands; it != port->commands_end; it++) {
        const char *arguments = arguments_of(command, it->name);
        if (arguments) {
            it->run(arguments, out);
            return true;
        }
    }
    return false;
}

static bool ask_guest(struct unidbg_stub *stub, const char *command, struct unidbg_text *out) {
    const struct unidbg_port *port = stub->port;
    return port->monitor && port->monitor(port->context, command, out);
}

static void help(struct unidbg_stub *stub, struct unidbg_text *out) {
    for (const char *name = builtin_texts; *name; name = text_at(name, 2))
        text_format(out, "%s: %s\n", name, text_at(name, 1));
    unidbg_write(out, "device 0xADDRESS: read four bytes of a device\n");
    for (const struct unidbg_command *it = stub->port->commands; it != stub->port->commands_end; it++) {
        unidbg_write(out, it->help);
        unidbg_write(out, "\n");
    }
    ask_guest(stub, "help", out);
}

static bool equal(const char *one, const char *other) {
    while (*one && *one == *other) {
        one++;
        other++;
    }
    return *one == *other;
}

/* Four bytes of a device, which no other read touches: in one access, as devices want it. */
static bool read_device(struct unidbg_stub *stub, const char *command, struct unidbg_text *out) {
    const char *at = arguments_of(command, "device");
    struct scan scan = {(const uint8_t *)at, stub->in.data + stub->in.size, false};
    uint64_t address;
    uint32_t value;

    if (at && scan_word(&scan, "0x"))
        address = scan_hex(&scan) & ~(uint64_t)3;
    else
        return false;
    if (stub->port->peek(stub->port->context, &value, address, sizeof value) == sizeof value)
        unidbg_write_hex(out, value);
    else
        unidbg_write(out, "nothing is mapped there");
    unidbg_write(out, "\n");
    return true;
}

static bool run(struct unidbg_stub *stub, const char *command, struct unidbg_text *out) {
    const char *name = builtin_texts;

    for (size_t i = 0; *name; i++, name = text_at(name, 2)) {
        if (equal(command, name)) {
            builtins[i](stub, out);
            return true;
        }
    }
    return read_device(stub, command, out) || run_command(stub, command, out) ||
           ask_guest(stub, command, out);
}

/* Has no answer where it can be done. */
enum verdict packet_R(struct unidbg_stub *stub, struct scan *scan) {
    (void)scan;
    if (!stub->port->reboot)
        return REPLY;
    stub->port->reboot(stub->port->context);
    return SILENT;
}

/* gdb's extended mode is for that packet. */
enum verdict packet_bang(struct unidbg_stub *stub, struct scan *scan) {
    (void)scan;
    return reply_ok(stub);
}

enum verdict packet_qRcmd(struct unidbg_stub *stub, struct scan *scan) {
    struct output out = {.text = {put_output, stub}};
    uint8_t *command = stub->in.data;
    size_t length;

    scan_expect(scan, ',');
    length = scan_left(scan) / 2;
    scan_bytes(scan, command, length); /* in place: what is written was read before */
    command[length] = 0;
    if (scan->failed || !scan_done(scan))
        return reply_error(stub, ERROR_INVALID, "malformed monitor command");
    begin_output(stub);
    if (!run(stub, (const char *)command, &out.text))
        return reply_error(stub, ERROR_GENERAL, "unknown command: try monitor help");
    finish(&out);
    return REPLY;
}
