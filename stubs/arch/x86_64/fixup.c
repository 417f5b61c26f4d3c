/* SPDX-License-Identifier: BSD-3-Clause */
/* Faults of the stub's own accesses, and of what it calls. */
#include "../../core/arch.h"
#include "machine.h"

/* Segment not present, stack fault, general protection (not canonical), page fault, alignment check. */
static const uint32_t access_vectors = 1u << 11 | 1u << 12 | 1u << 13 | 1u << 14 | 1u << 17;

bool arch_fixup(struct unidbg_frame *frame) {
    if (frame->vector >= 32 || !(access_vectors >> frame->vector & 1))
        return false;
    if (frame->rip != (uintptr_t)x86_access && frame->rip != (uintptr_t)x86_access_word)
        return false;
    frame->rip = (uintptr_t)x86_recover;
    return true;
}

bool arch_guarded(struct unidbg_guard *guard, void (*call)(void *argument), void *argument) {
    return x86_guarded(guard, call, argument);
}

bool arch_guard_fails(const struct unidbg_guard *guard, struct unidbg_frame *frame) {
    if (!guard->active || arch_trap_kind(frame) < STOP_BREAKPOINT)
        return false;
    frame->rdi = (uintptr_t)guard;
    frame->rip = (uintptr_t)x86_failed;
    return true;
}

void arch_trap_here(void) {
    __asm__ volatile("int3");
}
