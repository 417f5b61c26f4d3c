/* SPDX-License-Identifier: BSD-3-Clause */
/* What the stub's own reads change is put back, and nothing else. */
#include "../arch/x86_64/control.h"
#include "../arch/x86_64/machine.h"

static void restore(void *context, struct unidbg_frame *frame) {
    (void)context;
    if (read_cr2() != frame->cr2)
        write_cr2(frame->cr2);
}

void x86_add_writers(struct unidbg_port *port) {
    port->restore = restore;
}
