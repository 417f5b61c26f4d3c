/* SPDX-License-Identifier: BSD-3-Clause */
#include "breakpoints.h"

#include "agent.h"
#include "arch.h"
#include "hardware.h"
#include "memory.h"
#include "packet.h"

enum { SOFTWARE = 0 };

static struct unidbg_breakpoint *first(struct unidbg_stub *stub) {
    return stub->breakpoints;
}

struct unidbg_breakpoint *breakpoint_at(struct unidbg_stub *stub, uint64_t address) {
    for (struct unidbg_breakpoint *it = first(stub); it < first(stub) + UNIDBG_BREAKPOINTS; it++) {
        if (it->used && it->address == address)
            return it;
    }
    return NULL;
}

void breakpoints_hide(const struct unidbg_stub *stub, uint8_t *bytes, uint64_t address, size_t count) {
    for (unsigned i = 0; i < UNIDBG_BREAKPOINTS; i++) {
        const struct unidbg_breakpoint *it = &stub->breakpoints[i];
        if (it->used && it->address - address < count)
            bytes[it->address - address] = it->original;
    }
}

/* In the stub's own code none is planted, and none is refused: gdb goes on only if all are set, and a name that
 * the guest has can be the name of a function here, too. */
static bool write_text(struct unidbg_stub *stub, uint64_t address, uint8_t byte) {
    if (arch_own_text(address))
        return true;
    return stub->port->poke_text(stub->port->context, address, &byte, 1) == 1;
}

void breakpoints_rewrite(struct unidbg_stub *stub, uint64_t address, const uint8_t *bytes, size_t count) {
    for (unsigned i = 0; i < UNIDBG_BREAKPOINTS; i++) {
        struct unidbg_breakpoint *it = &stub->breakpoints[i];
        if (it->used && it->address - address < count) {
            it->original = bytes[it->address - address];
            write_text(stub, it->address, arch_breakpoint);
        }
    }
}

void breakpoint_lift(struct unidbg_stub *stub, uint64_t address) {
    struct unidbg_breakpoint *it = breakpoint_at(stub, address);
    if (it)
        write_text(stub, address, it->original);
}

void breakpoint_drop(struct unidbg_stub *stub, uint64_t address) {
    if (breakpoint_at(stub, address))
        write_text(stub, address, arch_breakpoint);
}

/* The stub calls code of the guest (its clock, its commands) that has a breakpoint: that is taken out for one
 * instruction. Of what the hardware watches there is nothing to say, either. */
bool breakpoint_nested(struct unidbg_stub *stub, struct unidbg_frame *frame, enum stop_kind kind) {
    uint64_t pc = arch_breakpoint_pc(frame);
    bool begins = kind == STOP_BREAKPOINT && breakpoint_at(stub, pc);

    if (begins) {
        breakpoint_lift(stub, pc);
        stub->passing = pc;
        arch_set_pc(frame, pc);
    } else if (kind == STOP_STEP) {
        breakpoint_drop(stub, stub->passing);
        watchpoint_hit(stub);
        arch_pass_hardware(frame);
    } else {
        return false;
    }
    arch_trace(frame, begins);
    return true;
}

static struct unidbg_breakpoint *free_slot(struct unidbg_stub *stub) {
    for (struct unidbg_breakpoint *it = first(stub); it < first(stub) + UNIDBG_BREAKPOINTS; it++) {
        if (!it->used)
            return it;
    }
    return NULL;
}

/* Gone if nobody needs it any more. Where the guest has put other code meanwhile, that stays. */
static void give_up(struct unidbg_stub *stub, struct unidbg_breakpoint *it) {
    uint8_t there;

    if (it->client || it->traced)
        return;
    it->used = false;
    if (memory_read(stub, &there, it->address, 1) == 1 && there == arch_breakpoint)
        write_text(stub, it->address, it->original);
}

static void remove(struct unidbg_stub *stub, struct unidbg_breakpoint *it) {
    agent_forget(stub, it);
    it->client = false;
    give_up(stub, it);
}

/* A new one; NULL with the error in the reply. */
static struct unidbg_breakpoint *plant(struct unidbg_stub *stub, uint64_t address) {
    struct unidbg_breakpoint *it = free_slot(stub);
    uint8_t original;

    if (!it) {
        reply_error(stub, ERROR_SPACE, "no free breakpoint");
        return NULL;
    }
    if (memory_read(stub, &original, address, 1) != 1 || !write_text(stub, address, arch_breakpoint)) {
        reply_error(stub, ERROR_FAULT, NULL);
        return NULL;
    }
    *it = (struct unidbg_breakpoint){.address = address, .original = original, .used = true};
    return it;
}

/* Setting one that is set already changes its conditions and commands, if anything. */
static enum verdict insert(struct unidbg_stub *stub, uint64_t address, struct scan *scan) {
    struct unidbg_breakpoint *it = breakpoint_at(stub, address);

    if (!it)
        it = plant(stub, address);
    if (!it)
        return REPLY;
    it->client = true;
    if (agent_keep(stub, it, scan))
        return reply_ok(stub);
    remove(stub, it);
    return reply_error(stub, ERROR_SPACE, "conditions or commands are malformed, or too long");
}

bool breakpoint_trace(struct unidbg_stub *stub, uint64_t address, bool set) {
    struct unidbg_breakpoint *it = breakpoint_at(stub, address);

    if (!it && set)
        it = plant(stub, address);
    if (it) {
        it->traced = set;
        give_up(stub, it);
    }
    return it != NULL;
}

void breakpoints_clear(struct unidbg_stub *stub) {
    for (struct unidbg_breakpoint *it = first(stub); it < first(stub) + UNIDBG_BREAKPOINTS; it++) {
        if (it->used && it->client)
            remove(stub, it);
    }
    hardware_clear(stub);
}

static enum verdict take_out(struct unidbg_stub *stub, uint64_t address) {
    struct unidbg_breakpoint *it = breakpoint_at(stub, address);

    if (it && it->client)
        remove(stub, it);
    return reply_ok(stub);
}

/* type,address,kind: kind is the length of a watched object, or of the breakpoint instruction. */
enum verdict packet_Z(struct unidbg_stub *stub, struct scan *scan) {
    bool set = scan->at[-1] == 'Z';
    uint64_t type;
    uint64_t address;
    uint64_t kind;

    scan_fields(scan, "x,x,x", &type, &address, &kind);
    if (type == UNIDBG_HW_EXECUTE) /* the length of the instruction does not matter */
        kind = 1;
    if (scan->failed || kind > UINT8_MAX)
        return reply_error(stub, ERROR_INVALID, "malformed breakpoint packet");
    if (type == SOFTWARE && stub->port->poke_text)
        return set ? insert(stub, address, scan) : take_out(stub, address);
    if (WITH_HARDWARE && type >= UNIDBG_HW_EXECUTE && type <= UNIDBG_HW_ACCESS && hardware_slots(stub))
        hardware_change(stub, (struct unidbg_watchpoint){address, (uint8_t)kind, (uint8_t)type}, set);
    return REPLY;
}
