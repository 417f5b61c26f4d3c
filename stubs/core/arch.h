/* SPDX-License-Identifier: BSD-3-Clause */
/* What the core asks of an architecture. Nothing here touches the machine: it works on frames, so it runs on
 * the host too. Registers are numbered as in target.xml.
 */
#ifndef ARCH_H
#define ARCH_H

#include <unidbg/stub.h>

#include "stop.h"
#include "text.h"

enum { ARCH_REGISTER_SIZE_MAX = 16 };

unsigned arch_register_count(void);
/* Size in bytes, and group (UNIDBG_VOLATILE ...) of a register. */
unsigned arch_register_size(unsigned number);
unsigned arch_register_group(unsigned number);
/* The value, as the protocol has it: in target byte order. Gives its size. */
unsigned arch_register_get(const struct unidbg_frame *frame, unsigned number, uint8_t *to);
/* False: the register cannot be written, or not with this value (it would fault on return). */
bool arch_register_set(struct unidbg_frame *frame, unsigned number, const uint8_t *from);
/* The numbers that go into a stop reply (frame pointer, stack pointer, pc); ends with -1. */
const int8_t *arch_expedited(void);

uint64_t arch_pc(const struct unidbg_frame *frame);
unsigned arch_pc_number(void);
uint64_t arch_frame_pointer(const struct unidbg_frame *frame);
void arch_set_pc(struct unidbg_frame *frame, uint64_t pc);

/* target.xml, a name for its registers (another one whenever they change), and the triple for LLDB. */
void arch_target_xml(struct unidbg_text *out);
const char *arch_registers(void);
const char *arch_triple(void);

/* The breakpoint instruction. */
extern const uint8_t arch_breakpoint;

/* What a trap is; STOP_NONE: not the stub's business. Its signal, and its reason for people. */
enum stop_kind arch_trap_kind(const struct unidbg_frame *frame);
uint8_t arch_trap_signal(const struct unidbg_frame *frame);
const char *arch_trap_reason(const struct unidbg_frame *frame);
/* The pc of the breakpoint instruction that trapped. */
uint64_t arch_breakpoint_pc(const struct unidbg_frame *frame);
/* More on an exception, for people: address, kind of access. */
void arch_explain(const struct unidbg_frame *frame, struct unidbg_text *out);

/* Prepare the frame so that it executes one instruction, also one under a breakpoint. True: the instruction
 * was emulated, the frame stands behind it. False: the guest must go on; the trap comes back (step.active).
 */
bool arch_step(struct unidbg_stub *stub, bool resume);
/* A trap came back during a step, or anything else did: put the frame right. */
void arch_step_end(struct unidbg_stub *stub, struct unidbg_frame *frame);

/* Is this trap the end of the step, made by a breakpoint of its own? Then the pc is put right. */
bool arch_step_ends(const struct unidbg_step *step, struct unidbg_frame *frame);

/* The next instruction is executed although the hardware has a breakpoint on it. */
void arch_pass_hardware(struct unidbg_frame *frame);
/* A trap after the next instruction, or none. */
void arch_trace(struct unidbg_frame *frame, bool on);

/* Is this address in the code of the stub? (Where the port's functions are: it knows the machine.) */
bool arch_own_text(uint64_t address);

/* The faults of peek and poke: true if the frame was one, and now goes on behind it. */
bool arch_fixup(struct unidbg_frame *frame);
/* Call; true when it returned, false when it faulted. The fault's trap goes to arch_guard_fails. */
bool arch_guarded(struct unidbg_guard *guard, void (*call)(void *argument), void *argument);
/* Send the frame of such a fault back; false: nothing is guarded, or it is no fault. */
bool arch_guard_fails(const struct unidbg_guard *guard, struct unidbg_frame *frame);
/* Execute a breakpoint instruction here. */
void arch_trap_here(void);

#endif
