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

/* Can the register take the value? If so `value` becomes what the frame is to hold. */
static bool accept(struct unidbg_frame *frame, const struct x86_register *it, uint64_t *value) {
    switch (it->type) {
    case TYPE_TAG:
        *value = short_tags((unsigned)*value);
        return true;
    case TYPE_EFLAGS:
        *value = (frame->rflags & ~flags_writable) | (*value & flags_writable);
        return true;
    case TYPE_MXCSR:
        return *value >> 16 == 0;
    case TYPE_FIXED:
        return *value == x86_load((const uint8_t *)frame + it->offset, 4);
    case TYPE_CODE:
    case TYPE_ADDRESS:
        return canonical(*value);
    default:
        return true;
    }
}

bool arch_register_set(struct unidbg_frame *frame, unsigned number, const uint8_t *from) {
    const struct x86_register it = x86_register(number);
    uint64_t value = x86_load(from, it.size < 8 ? it.size : 8);

    if (!accept(frame, &it, &value))
        return false;
    for (unsigned i = 0; i < it.width; i++, value >>= 8)
        ((uint8_t *)frame + it.offset)[i] = i < 8 ? (uint8_t)value : from[i];
    return true;
}
