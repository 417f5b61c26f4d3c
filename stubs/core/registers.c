/* SPDX-License-Identifier: BSD-3-Clause */
/* g G p P: the registers of the selected thread. */
#include "arch.h"
#include "packet.h"
#include "reply.h"
#include "threads.h"

/* LLDB names the thread in the packet itself (`;thread:1;`), behind the other arguments. */
static uint64_t thread_of(const struct unidbg_stub *stub, struct scan *scan) {
    if (scan_past(scan, ';') && scan_word(scan, "thread:"))
        return scan_hex(scan);
    return stub->thread_general;
}

static void append(struct unidbg_stub *stub, const struct thread_view *view, unsigned number) {
    uint8_t value[ARCH_REGISTER_SIZE_MAX];
    unsigned size = arch_register_size(number);

    if (!(view->known & arch_register_group(number))) {
        for (unsigned i = 0; i < 2 * size; i++)
            reply_char(stub, 'x');
        return;
    }
    arch_register_get(view->frame, number, value);
    reply_hex(stub, value, size);
}

static enum verdict no_thread(struct unidbg_stub *stub) {
    reply_error(stub, ERROR_INVALID, "no such thread");
    return REPLY;
}

enum verdict packet_g(struct unidbg_stub *stub, struct scan *scan) {
    struct thread_view view;

    if (!thread_look(stub, thread_of(stub, scan), &view))
        return no_thread(stub);
    for (unsigned number = 0; number < arch_register_count(); number++)
        append(stub, &view, number);
    return REPLY;
}

enum verdict packet_p(struct unidbg_stub *stub, struct scan *scan) {
    uint64_t number = scan_hex(scan);
    struct thread_view view;

    if (scan->failed || number >= arch_register_count())
        reply_error(stub, ERROR_INVALID, "no such register");
    else if (!thread_look(stub, thread_of(stub, scan), &view))
        return no_thread(stub);
    else
        append(stub, &view, (unsigned)number);
    return REPLY;
}

/* Registers of a parked thread lie where the guest keeps them: only those of the stopped one can be set. */
static struct unidbg_frame *writable(struct unidbg_stub *stub, struct scan *scan) {
    struct thread_view view;

    if (!thread_look(stub, thread_of(stub, scan), &view) || view.frame != stub->frame) {
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
