/* SPDX-License-Identifier: BSD-3-Clause */
/* g p: the registers of the selected thread. */
#include "arch.h"
#include "packet.h"
#include "reply.h"
#include "threads.h"
#include "trace.h"

static void append(struct unidbg_stub *stub, const struct thread_view *view, unsigned number) {
    uint8_t value[ARCH_REGISTER_SIZE_MAX];
    unsigned size = arch_register_size(number);

    bool known = view->known & arch_register_group(number);

    if (trace_looks(stub))
        known = trace_register(stub, number, value);
    else if (known)
        arch_register_get(view->frame, number, value);
    if (!known) {
        for (unsigned i = 0; i < 2 * size; i++)
            reply_char(stub, 'x');
        return;
    }
    reply_hex(stub, value, size);
}

static enum verdict no_thread(struct unidbg_stub *stub) {
    reply_error(stub, ERROR_INVALID, "no such thread");
    return REPLY;
}

enum verdict packet_g(struct unidbg_stub *stub, struct scan *scan) {
    struct thread_view view;

    if (!thread_look(stub, thread_of_packet(stub, scan), &view))
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
    else if (!thread_look(stub, thread_of_packet(stub, scan), &view))
        return no_thread(stub);
    else
        append(stub, &view, (unsigned)number);
    return REPLY;
}
