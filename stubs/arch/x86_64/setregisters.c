/* SPDX-License-Identifier: BSD-3-Clause */
/* Setting registers in the frame. An observe-only build leaves this file out. */
#include "../../core/arch.h"
#include "registers.h"

/* Flags that a client may set: not TF, which is the stub's, nor those that would fault iretq. */
static const uint64_t flags_writable = 0x240ed5 & ~(uint64_t)X86_TF;

void arch_set_pc(struct unidbg_frame *frame, uint64_t pc) {
    frame->rip = pc;
}

static uint8_t short_tags(unsigned tags) {
    unsigned bits = 0;

    for (unsigned i = 0; i < 8; i++)
        bits |= (unsigned)((tags >> 2 * i & 3) != 3) << i;
    return (uint8_t)bits;
}

static bool canonical(uint64_t address) {
    uint64_t high = address >> 47;
    return high == 0 || high == 0x1ffff;
}

static bool set_special(struct unidbg_frame *frame, const struct x86_register *it, const uint8_t *from) {
    uint64_t value = x86_load(from, it->size <= 8 ? it->size : 8);
    uint8_t *to = (uint8_t *)frame + it->offset;

    switch (it->type) {
    case TYPE_TAG:
        to[0] = short_tags((unsigned)value);
        return true;
    case TYPE_EFLAGS:
        frame->rflags = (frame->rflags & ~flags_writable) | (value & flags_writable);
        return true;
    case TYPE_MXCSR:
        to[0] = from[0];
        to[1] = from[1];
        return value >> 16 == 0;
    case TYPE_FIXED:
        return value == x86_load(to, 4);
    default: /* TYPE_CODE and TYPE_ADDRESS */
        return canonical(value);
    }
}

bool arch_register_set(struct unidbg_frame *frame, unsigned number, const uint8_t *from) {
    const struct x86_register it = x86_register(number);

    if (it.type >= TYPE_SPECIAL) {
        if (!set_special(frame, &it, from))
            return false;
        if (it.type < TYPE_COPIED)
            return true;
    }
    for (unsigned i = 0; i < it.width; i++)
        ((uint8_t *)frame + it.offset)[i] = from[i];
    return true;
}
