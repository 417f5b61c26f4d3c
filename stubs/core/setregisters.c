/* SPDX-License-Identifier: BSD-3-Clause */
/* G P: setting registers. An observe-only build leaves this file out. */
#include "arch.h"
#include "packet.h"
#include "reply.h"
#include "threads.h"

/* What the packet has of one register: false if the register cannot take it. */
static bool take(struct unidbg_frame *frame, unsigned number, struct scan *scan) {
    uint8_t value[ARCH_REGISTER_SIZE_MAX];

    scan_bytes(scan, value, arch_register_size(number));
    return !scan->failed && arch_register_set(frame, number, value);
}

/* Registers of a parked thread lie where the guest keeps them: only those of the stopped one can be set. */
static bool writable(struct unidbg_stub *stub, struct scan scan) {
    struct thread_view view;
    return thread_look(stub, thread_of_packet(stub, &scan), &view) && view.frame == stub->frame;
}

static enum verdict refuse_write(struct unidbg_stub *stub) {
    return reply_error(stub, ERROR_INVALID, "only the registers of the stopped thread can be written");
}

enum verdict packet_P(struct unidbg_stub *stub, struct scan *scan) {
    uint64_t number;

    if (!scan_fields(scan, "x=", &number) || number >= arch_register_count())
        return reply_error(stub, ERROR_INVALID, "no such register");
    if (!writable(stub, *scan))
        return refuse_write(stub);
    if (!take(stub->frame, (unsigned)number, scan))
        return reply_error(stub, ERROR_INVALID, "the register cannot take this value");
    return reply_ok(stub);
}

/* What cannot be written is left alone, and so is what the packet marks as unknown (x). A short packet sets
 * the registers that it has. */
enum verdict packet_G(struct unidbg_stub *stub, struct scan *scan) {
    if (!writable(stub, *scan))
        return refuse_write(stub);
    for (unsigned number = 0; number < arch_register_count(); number++) {
        struct scan field = *scan;
        size_t digits = 2 * (size_t)arch_register_size(number);
        if (scan_left(scan) < digits || *scan->at == ';')
            break;
        take(stub->frame, number, &field);
        scan->at += digits;
    }
    return reply_ok(stub);
}
