/* SPDX-License-Identifier: BSD-3-Clause */
#include "allow.h"

#include "packet.h"

static void apply(struct unidbg_stub *stub, struct scan *scan) {
    /* As GDB has them, in the order of the bits; those of things that do not exist here mean nothing. */
    static const char names[] = "WriteReg:\0WriteMem:\0InsertBreak:\0InsertTrace:\0";
    unsigned bit = 1;

    for (const char *name = names; *name; name = text_at(name, 1), bit <<= 1) {
        if (!scan_word(scan, name))
            continue;
        if (scan_take(scan, '0'))
            stub->allowed &= (uint8_t)~bit;
        else
            stub->allowed |= (uint8_t)(bit & allow_possible());
    }
}

/* :name:value;name:value... */
enum verdict packet_QAllow(struct unidbg_stub *stub, struct scan *scan) {
    scan_expect(scan, ':');
    do
        apply(stub, scan);
    while (scan_past(scan, ';'));
    return reply_ok(stub);
}
