/* SPDX-License-Identifier: BSD-3-Clause */
/* Copies of instructions in the slot, beside the breakpoints that lie over them. */
#include "copies.h"

#include "../../core/arch.h"

/* Write a copy that does the same at `slot`. False: it cannot. */
static bool copy_for(uint64_t slot, uint64_t address, const struct x86_instruction *it, uint8_t *bytes) {
    uint64_t moved;
    uint32_t low = 0;

    if (it->flow == FLOW_TRAP)
        return false;
    if (it->relative == 0)
        return true;
    for (unsigned i = 4; i-- > 0;)
        low = low << 8 | bytes[it->relative + i];
    moved = (uint64_t)(int64_t)(int32_t)low + address - slot;
    if ((uint64_t)(int64_t)(int32_t)moved != moved)
        return false;
    for (unsigned i = 0; i < 4; i++)
        bytes[it->relative + i] = (uint8_t)(moved >> 8 * i);
    return true;
}

static bool slot_holds(const struct unidbg_slot *it, uint64_t at, const uint8_t *bytes, uint8_t length) {
    uint8_t different = 0;

    for (unsigned i = 0; i < length; i++)
        different |= it->bytes[i] ^ bytes[i];
    return it->at == at && it->length == length && !different;
}

static bool fill_slot(struct unidbg_stub *stub, uint64_t at, const uint8_t *bytes, uint8_t length) {
    struct unidbg_slot *it = &stub->slot;

    if (slot_holds(it, at, bytes, length))
        return true;
    it->length = 0;
    if (stub->port->poke_text(stub->port->context, at, bytes, length) != length)
        return false;
    it->at = at;
    it->length = length;
    for (unsigned i = 0; i < length; i++)
        it->bytes[i] = bytes[i];
    return true;
}

bool x86_use_slot(struct unidbg_stub *stub, const struct x86_instruction *it, uint8_t *bytes) {
    const struct unidbg_port *port = stub->port;
    uint64_t address = stub->frame->rip;
    uint64_t slot;

    if (!port->slot || it->length == 0)
        return false;
    slot = port->slot(port->context);
    if (!copy_for(slot, address, it, bytes) || !fill_slot(stub, slot, bytes, it->length))
        return false;
    stub->step.slot = slot;
    stub->step.flow = it->flow;
    stub->step.length = it->length;
    stub->frame->rip = slot;
    return true;
}

/* A call from the slot has pushed an address in the slot. */
static void fix_return_address(struct unidbg_stub *stub, uint64_t sp) {
    const struct unidbg_port *port = stub->port;
    uint64_t back = stub->step.address + stub->step.length;

    if (port->poke)
        port->poke(port->context, sp, &back, sizeof back);
}

/* Back from the slot: the pc, wherever it is by now, as if the instruction had been in its place. It is
 * still at the slot if the instruction faulted, or repeats itself. */
void x86_leave_slot(struct unidbg_stub *stub, struct unidbg_frame *frame) {
    const struct unidbg_step *step = &stub->step;
    bool done = frame->rip != step->slot;

    if (done && (step->flow == FLOW_CALL || step->flow == FLOW_CALL_ABSOLUTE))
        fix_return_address(stub, frame->rsp);
    if (!done || step->flow == FLOW_NEXT || step->flow == FLOW_RELATIVE || step->flow == FLOW_CALL)
        frame->rip += step->address - step->slot;
}
