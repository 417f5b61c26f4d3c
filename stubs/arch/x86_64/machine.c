/* SPDX-License-Identifier: BSD-3-Clause */
/* The port's functions for ring 0: reading. */
#include "machine.h"

#include "../../core/arch.h"
#include "../../core/features.h"
#include "control.h"

size_t unidbg_x86_64_peek(void *context, void *to, uint64_t address, size_t count) {
    (void)context;
    return x86_copy(to, (const void *)address, count); // NOLINT(performance-no-int-to-ptr)
}

void unidbg_x86_64_capture(void *context, struct unidbg_frame *frame) {
    (void)context;
    frame->cr2 = read_cr2();
    frame->fs_base = read_msr(MSR_FS_BASE);
    frame->gs_base = read_msr(MSR_GS_BASE);
#if WITH_DOCUMENTS /* they are told */
    frame->k_gs_base = read_msr(MSR_KERNEL_GS_BASE);
    frame->cr0 = read_cr0();
    frame->cr3 = read_cr3();
    frame->cr4 = read_cr4();
    frame->cr8 = read_cr8();
    frame->efer = read_msr(MSR_EFER);
#endif
    frame->ds = read_ds();
    frame->es = read_es();
    frame->fs = read_fs();
    frame->gs = read_gs();
}

bool arch_own_text(uint64_t address) {
    return address - (uintptr_t)unidbg_text_start < (uintptr_t)(unidbg_text_end - unidbg_text_start);
}

static void pause(void *context) {
    (void)context;
    __asm__ volatile("pause");
}

void unidbg_x86_64_port(struct unidbg_port *port) {
    port->peek = unidbg_x86_64_peek;
    port->capture = unidbg_x86_64_capture;
    port->idle = pause;
    x86_add_writers(port);
}
