/* SPDX-License-Identifier: BSD-3-Clause */
/* One instruction: emulated, or executed with the trap flag set. One under a breakpoint is executed from a
 * copy in the slot, so the breakpoint stays where it is for other CPUs; only what cannot be moved (int n, an
 * operand out of reach) is executed in place with the breakpoint lifted.
 *
 * While it runs, interrupts are held off: a step would else end in a handler (`monitor step-irqs on`). Not so
 * without the emulation of instructions that see the flag for them, nor is `int n` known without the decoder:
 * a step over it then ends one instruction late.
 */
#include "../../core/arch.h"
#include "../../core/breakpoints.h"
#include "../../core/memory.h"
#include "copies.h"
#include "emulate.h"
#include "registers.h"

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
    if (!WITH_COPIES || !step->active || !step->after || arch_breakpoint_pc(frame) != step->after)
        return false;
    arch_set_pc(frame, step->after);
    return true;
}

/* Let the frame execute the instruction at its pc, with the flag or a breakpoint to come back by. */
static void prepare(struct unidbg_stub *stub, const struct x86_instruction *it, uint8_t *bytes) {
    uint64_t address = stub->frame->rip;

    if (breakpoint_at(stub, address) && !x86_use_slot(stub, it, bytes)) {
        stub->step.lifted = address;
        breakpoint_lift(stub, address);
    }
    if (WITH_COPIES && wait_behind(stub, it))
        return;
    if (WITH_EMULATION)
        hold_interrupts(stub);
    stub->frame->rflags |= X86_TF;
}

bool arch_step(struct unidbg_stub *stub, bool resume) {
    uint8_t bytes[X86_LENGTH_MAX];
    struct x86_instruction it = {0};

#if WITH_COPIES
    uint64_t address = stub->frame->rip;
    if (!x86_decode(&it, bytes, memory_read(stub, bytes, address, sizeof bytes)))
        it.length = 0;
    else if (WITH_EMULATION && x86_emulate(stub, &it, bytes, !breakpoint_at(stub, address)))
        return true;
#endif
    stub->step = (struct unidbg_step){.active = true, .resume = resume, .address = stub->frame->rip};
    prepare(stub, &it, bytes);
    return false;
}

void arch_pass_hardware(struct unidbg_frame *frame) {
    frame->rflags |= X86_RF;
}

void arch_trace(struct unidbg_frame *frame, bool on) {
    frame->rflags = on ? frame->rflags | X86_TF : frame->rflags & ~(uint64_t)X86_TF;
}

void arch_step_end(struct unidbg_stub *stub, struct unidbg_frame *frame) {
    if (stub->step.slot)
        x86_leave_slot(stub, frame);
    if (WITH_COPIES && stub->step.after)
        stub->port->poke_text(stub->port->context, stub->step.after, &stub->step.under, 1);
    if (stub->step.lifted)
        breakpoint_drop(stub, stub->step.lifted);
    frame->rflags &= ~(uint64_t)X86_TF;
    if (WITH_EMULATION && stub->step.masked)
        frame->rflags |= X86_IF;
    stub->step = (struct unidbg_step){0};
}
