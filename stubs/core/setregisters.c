/* SPDX-License-Identifier: BSD-3-Clause */
/* G P: setting registers. An observe-only build leaves this file out. */
#include "arch.h"
#include "packet.h"
#include "reply.h"
#include "threads.h"

/* Registers of a parked thread lie where the guest keeps them: only those of the stopped one can be set. */
static struct unidbg_frame *writable(struct unidbg_stub *stub, struct scan *scan) {
    struct thread_view view;

    if (!thread_look(stub, thread_of_packet(stub, scan), &view) || view.frame != stub->frame) {
        reply_error(stub, ERROR_INVALID, "only the registers of the stopped thread can be written");
        return NULL;
    }
    return stub->frame;
}

enum verdict packet_P(struct unidbg_stub *stub, struct scan *scan) {
    uint8_t value[ARCH_REGISTER_SIZE_MAX];
    uint64_t number = scan_hex(scan);
    struct unidbg_frame *frame;

    scan_expect(scan, '=');
    if (scan->failed || number >= arch_register_count()) {
        reply_error(stub, ERROR_INVALID, "no such register");
        return REPLY;
    }
    scan_bytes(scan, value, arch_register_size((unsigned)number));
    frame = writable(stub, scan);
    if (!frame)
        return REPLY;
    if (scan->failed || !arch_register_set(frame, (unsigned)number, value))
        reply_error(stub, ERROR_INVALID, "the register cannot take this value");
    else
        reply_ok(stub);
    return REPLY;
}

/* What cannot be written is left alone, and so is what the packet marks as unknown (x). A short packet sets
 * the registers that it has. */
static void set_all(struct unidbg_frame *frame, struct scan *scan) {
    uint8_t value[ARCH_REGISTER_SIZE_MAX];

    for (unsigned number = 0; number < arch_register_count(); number++) {
        unsigned size = arch_register_size(number);
        struct scan field = {scan->at, scan->end, false};
        if (scan_left(scan) < 2 * (size_t)size || *scan->at == ';')
            return;
        scan_bytes(&field, value, size);
        scan->at += 2 * (size_t)size;
        if (!field.failed)
            arch_register_set(frame, number, value);
    }
}

enum verdict packet_G(struct unidbg_stub *stub, struct scan *scan) {
    struct scan ahead = *scan;
    struct unidbg_frame *frame = writable(stub, &ahead);

    if (!frame)
        return REPLY;
    set_all(frame, scan);
    reply_ok(stub);
    return REPLY;
}
