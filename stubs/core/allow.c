/* SPDX-License-Identifier: BSD-3-Clause */
#include "allow.h"

#include "packet.h"
#include "reply.h"

unsigned allow_now(const struct unidbg_stub *stub) {
    return stub->allowed & ~(stub->live ? ALLOW_REGISTERS | ALLOW_STEPS : 0u);
}

struct permission {
    const char *name;
    unsigned bit;
};

/* Names as GDB has them; those of things that do not exist here are taken and mean nothing. */
static const struct permission permissions[] = {
    {"WriteReg:", ALLOW_REGISTERS},
    {"WriteMem:", ALLOW_MEMORY},
    {"InsertBreak:", ALLOW_BREAKPOINTS},
    {"InsertTrace:", ALLOW_TRACES},
};

static void apply(struct unidbg_stub *stub, struct scan *scan) {
    for (size_t i = 0; i < sizeof permissions / sizeof *permissions; i++) {
        if (!scan_word(scan, permissions[i].name))
            continue;
        if (scan_take(scan, '0'))
            stub->allowed &= (uint8_t)~permissions[i].bit;
        else
            stub->allowed |= (uint8_t)(permissions[i].bit & allow_possible());
    }
}

/* :name:value;name:value... */
enum verdict packet_QAllow(struct unidbg_stub *stub, struct scan *scan) {
    scan_expect(scan, ':');
    do
        apply(stub, scan);
    while (scan_past(scan, ';'));
    reply_ok(stub);
    return REPLY;
}
