/* SPDX-License-Identifier: BSD-3-Clause */
/* One instruction: emulated, or executed with the trap flag set. One under a breakpoint is executed from a
 * copy in the slot, so the breakpoint stays where it is for other CPUs; only what cannot be moved (int n, an
 * operand out of reach) is executed in place with the breakpoint lifted.
 *
 * While it runs, interrupts are held off: a step would else end in a handler (`monitor step-irqs on`).
 */
#include "../../core/arch.h"
#include "../../core/breakpoints.h"
#include "../../core/features.h"
#include "../../core/memory.h"
#include "decode.h"
#include "emulate.h"
#include "registers.h"

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

static bool holds(const struct unidbg_slot *it, uint64_t at, const uint8_t *bytes, uint8_t length) {
    uint8_t different = 0;

    for (unsigned i = 0; i < length; i++)
        different |= it->bytes[i] ^ bytes[i];
    return it->at == at && it->length == length && !different;
}

static bool fill_slot(struct unidbg_stub *stub, uint64_t at, const uint8_t *bytes, uint8_t length) {
    struct unidbg_slot *it = &stub->slot;

    if (holds(it, at, bytes, length))
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

static bool use_slot(struct unidbg_stub *stub, const struct x86_instruction *it, uint8_t *bytes) {
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

static void hold_interrupts(struct unidbg_stub *stub) {
    stub->step.masked = stub->frame->rflags & X86_IF && (!stub->step_interrupts || stub->step.slot);
    if (stub->step.masked)
        stub->frame->rflags &= ~(uint64_t)X86_IF;
}

/* `int n` runs its handler with the trap flag off, and the flag's trap comes one instruction late: a breakpoint
 * behind it ends the step, one of the step's own unless a client's is there. */
static bool wait_behind(struct unidbg_stub *stub, const struct x86_instruction *it) {
    const struct unidbg_port *port = stub->port;
    uint64_t after = stub->step.address + it->length;

    if (it->length == 0 || it->flow != FLOW_TRAP || !port->poke_text)
        return false;
    if (breakpoint_at(stub, after))
        return true;
    if (memory_read(stub, &stub->step.under, after, 1) != 1 ||
        port->poke_text(port->context, after, &arch_breakpoint, 1) != 1)
        return false;
    stub->step.after = after;
    return true;
}

bool arch_step_ends(const struct unidbg_step *step, struct unidbg_frame *frame) {
    if (!step->active || !step->after || arch_breakpoint_pc(frame) != step->after)
        return false;
    arch_set_pc(frame, step->after);
    return true;
}

bool arch_step(struct unidbg_stub *stub, bool resume) {
    uint64_t address = stub->frame->rip;
    bool breakpoint = breakpoint_at(stub, address);
    uint8_t bytes[X86_LENGTH_MAX];
    struct x86_instruction it = {0};
    size_t count = memory_read(stub, bytes, address, sizeof bytes);

    if (!x86_decode(&it, bytes, count))
        it.length = 0;
    else if (WITH_EMULATION && x86_emulate(stub, &it, bytes, !breakpoint))
        return true;
    stub->step = (struct unidbg_step){.active = true, .resume = resume, .address = address};
    if (breakpoint && !use_slot(stub, &it, bytes)) {
        stub->step.lifted = address;
        breakpoint_lift(stub, address);
    }
    if (wait_behind(stub, &it))
        return false;
    hold_interrupts(stub);
    stub->frame->rflags |= X86_TF;
    return false;
}

void arch_pass_hardware(struct unidbg_frame *frame) {
    frame->rflags |= X86_RF;
}

void arch_trace(struct unidbg_frame *frame, bool on) {
    frame->rflags = on ? frame->rflags | X86_TF : frame->rflags & ~(uint64_t)X86_TF;
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
static void leave_slot(struct unidbg_stub *stub, struct unidbg_frame *frame) {
    const struct unidbg_step *step = &stub->step;
    bool done = frame->rip != step->slot;

    if (done && (step->flow == FLOW_CALL || step->flow == FLOW_CALL_ABSOLUTE))
        fix_return_address(stub, frame->rsp);
    if (!done || step->flow == FLOW_NEXT || step->flow == FLOW_RELATIVE || step->flow == FLOW_CALL)
        frame->rip += step->address - step->slot;
}

void arch_step_end(struct unidbg_stub *stub, struct unidbg_frame *frame) {
    if (stub->step.slot)
        leave_slot(stub, frame);
    if (stub->step.after)
        stub->port->poke_text(stub->port->context, stub->step.after, &stub->step.under, 1);
    if (stub->step.lifted)
        breakpoint_drop(stub, stub->step.lifted);
    frame->rflags &= ~(uint64_t)X86_TF;
    if (stub->step.masked)
        frame->rflags |= X86_IF;
    stub->step = (struct unidbg_step){0};
}
