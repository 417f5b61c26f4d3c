/* SPDX-License-Identifier: BSD-3-Clause */
#include "hardware.h"

#include "arch.h"
#include "breakpoints.h"
#include "reply.h"

unsigned hardware_slots(const struct unidbg_stub *stub) {
    unsigned slots = stub->port->hardware ? stub->port->hardware_slots : 0;
    return slots < UNIDBG_HARDWARE ? slots : UNIDBG_HARDWARE;
}

static struct unidbg_watchpoint *hardware_find(struct unidbg_stub *stub, struct unidbg_watchpoint wanted) {
    for (unsigned i = 0; i < hardware_slots(stub); i++) {
        struct unidbg_watchpoint *it = &stub->watchpoints[i];
        if (it->length == wanted.length &&
            (it->length == 0 || (it->address == wanted.address && it->kind == wanted.kind)))
            return it;
    }
    return NULL;
}

static bool hardware_set(struct unidbg_stub *stub, struct unidbg_watchpoint *it,
                         struct unidbg_watchpoint to) {
    unsigned slot = (unsigned)(it - stub->watchpoints);
    const struct unidbg_port *port = stub->port;

    if (!port->hardware(port->context, slot, (enum unidbg_hardware)to.kind, to.address, to.length))
        return false;
    *it = to;
    return true;
}

static void hardware_insert(struct unidbg_stub *stub, struct unidbg_watchpoint wanted) {
    struct unidbg_watchpoint *it = hardware_find(stub, (struct unidbg_watchpoint){0});

    if (hardware_find(stub, wanted) || (wanted.kind == UNIDBG_HW_EXECUTE && arch_own_text(wanted.address)))
        reply_ok(stub);
    else if (!it)
        reply_error(stub, ERROR_SPACE, "all hardware breakpoints are in use");
    else if (!hardware_set(stub, it, wanted))
        reply_error(stub, ERROR_INVALID, "the hardware cannot watch this");
    else
        reply_ok(stub);
}

static void hardware_remove(struct unidbg_stub *stub, struct unidbg_watchpoint wanted) {
    struct unidbg_watchpoint *it = hardware_find(stub, wanted);

    if (it)
        hardware_set(stub, it, (struct unidbg_watchpoint){.kind = it->kind});
    reply_ok(stub);
}

bool hardware_breakpoint_at(const struct unidbg_stub *stub, uint64_t address) {
    for (unsigned i = 0; i < UNIDBG_HARDWARE; i++) {
        const struct unidbg_watchpoint *it = &stub->watchpoints[i];
        if (it->length && it->kind == UNIDBG_HW_EXECUTE && it->address == address)
            return true;
    }
    return false;
}

void hardware_clear(struct unidbg_stub *stub) {
    for (unsigned i = 0; i < UNIDBG_HARDWARE; i++) {
        struct unidbg_watchpoint *it = &stub->watchpoints[i];
        if (it->length)
            hardware_set(stub, it, (struct unidbg_watchpoint){.kind = it->kind});
    }
}

const struct unidbg_watchpoint *watchpoint_hit(struct unidbg_stub *stub) {
    const struct unidbg_port *port = stub->port;
    uint32_t hits = port->hardware_hits ? port->hardware_hits(port->context) : 0;

    for (unsigned i = 0; i < UNIDBG_HARDWARE; i++) {
        if (hits >> i & 1 && stub->watchpoints[i].length)
            return &stub->watchpoints[i];
    }
    return NULL;
}

void hardware_change(struct unidbg_stub *stub, struct unidbg_watchpoint wanted, bool set) {
    if (wanted.length == 0)
        reply_error(stub, ERROR_INVALID, "nothing to watch");
    else if (set)
        hardware_insert(stub, wanted);
    else
        hardware_remove(stub, wanted);
}
