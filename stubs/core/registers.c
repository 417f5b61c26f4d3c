/* SPDX-License-Identifier: BSD-3-Clause */
/* g p: the registers of the selected thread. */
#include "arch.h"
#include "packet.h"
#include "threads.h"
#include "trace.h"

static void append_register(struct unidbg_stub *stub, const struct thread_view *view, unsigned number) {
    uint8_t value[ARCH_REGISTER_SIZE_MAX];
    unsigned size = arch_register_get(view->frame, number, value);
    bool known = view->known & arch_register_group(number);

    if (trace_looks(stub))
        known = trace_register(stub, number, value);
    for (unsigned i = 0; i < size; i++)
        reply_format(stub, known ? "%b" : "xx", value[i]);
}

/* Registers from `number` to `end` of the thread that the packet means. */
static enum verdict answer_registers(struct unidbg_stub *stub, struct scan *scan, uint64_t number,
                                     unsigned end) {
    struct thread_view view;

    if (scan->failed || number >= end)
        return reply_error(stub, ERROR_INVALID, "no such register");
    if (!thread_look(stub, thread_of_packet(stub, scan), &view))
        return reply_error(stub, ERROR_INVALID, "no such thread");
    for (unsigned at = (unsigned)number; at < end; at++)
        append_register(stub, &view, at);
    return REPLY;
}

enum verdict packet_g(struct unidbg_stub *stub, struct scan *scan) {
    return answer_registers(stub, scan, 0, arch_register_count());
}

enum verdict packet_p(struct unidbg_stub *stub, struct scan *scan) {
    uint64_t number = scan_hex(scan);
    return answer_registers(stub, scan, number, number < arch_register_count() ? (unsigned)number + 1 : 0);
}
