/* SPDX-License-Identifier: BSD-3-Clause */
/* The register table: numbers and places in the frame. Numbers up to 56 are GDB's own for amd64. */
#include "registers.h"

#include "../../core/arch.h"
#include "../../core/features.h"

/* clang-format off */
#define AT(member) (uint16_t)offsetof(struct unidbg_frame, member)
#define GENERAL(count, group, member) {count, TYPE_INT, 8, 8, group, 8, AT(member)}
#define ONE(type, size, group, member) {1, type, size, size, group, 0, AT(member)}
#define X87(type, width, at) {1, type, 4, width, UNIDBG_FLOATING, 0, AT(fxsave) + (at)}
/* clang-format on */

/* Registers that follow each other in the frame as they do in their numbers. */
static const struct x86_register runs[] = {
    GENERAL(1, UNIDBG_VOLATILE, rax),
    GENERAL(1, UNIDBG_CALLEE_SAVED, rbx),
    GENERAL(4, UNIDBG_VOLATILE, rcx),
    ONE(TYPE_DATA, 8, UNIDBG_CALLEE_SAVED, rbp),
    ONE(TYPE_DATA, 8, UNIDBG_CALLEE_SAVED, rsp),
    GENERAL(4, UNIDBG_VOLATILE, r8),
    GENERAL(4, UNIDBG_CALLEE_SAVED, r12),
    ONE(TYPE_CODE, 8, UNIDBG_CALLEE_SAVED, rip),
    ONE(TYPE_EFLAGS, 4, UNIDBG_VOLATILE, rflags),
    ONE(TYPE_FIXED, 4, UNIDBG_SYSTEM, cs),
    ONE(TYPE_FIXED, 4, UNIDBG_SYSTEM, ss),
    {4, TYPE_FIXED, 4, 4, UNIDBG_SYSTEM, 8, AT(ds)},
    {8, TYPE_FLOAT, 10, 10, UNIDBG_FLOATING, 16, AT(fxsave) + 32},
    X87(TYPE_INT, 2, 0),  /* fctrl */
    X87(TYPE_INT, 2, 2),  /* fstat */
    X87(TYPE_TAG, 2, 4),  /* ftag */
    X87(TYPE_INT, 2, 12), /* fiseg */
    X87(TYPE_INT, 4, 8),  /* fioff */
    X87(TYPE_INT, 2, 20), /* foseg */
    X87(TYPE_INT, 4, 16), /* fooff */
    X87(TYPE_INT, 2, 6),  /* fop */
    {16, TYPE_VECTOR, 16, 16, UNIDBG_FLOATING, 16, AT(fxsave) + 160},
    X87(TYPE_MXCSR, 4, 24),
    {3, TYPE_ADDRESS, 8, 8, UNIDBG_SYSTEM, 8, AT(fs_base)},
#if WITH_DOCUMENTS
    ONE(TYPE_CR0, 8, UNIDBG_SYSTEM, cr0),
    GENERAL(2, UNIDBG_SYSTEM, cr2),
    ONE(TYPE_CR4, 8, UNIDBG_SYSTEM, cr4),
    GENERAL(1, UNIDBG_SYSTEM, cr8),
    ONE(TYPE_EFER, 8, UNIDBG_SYSTEM, efer),
#endif
};

struct x86_register x86_register(unsigned number) {
    const struct x86_register *run = runs;
    struct x86_register it;

    while (number >= run->count)
        number -= run++->count;
    it = *run;
    it.offset = (uint16_t)(it.offset + it.stride * number);
    return it;
}

unsigned arch_register_count(void) {
    return WITH_DOCUMENTS ? X86_REGISTERS : X86_FIRST_SYSTEM; /* what GDB expects of itself */
}

unsigned arch_register_size(unsigned number) {
    return x86_register(number).size;
}

unsigned arch_register_group(unsigned number) {
    return x86_register(number).group;
}

const int8_t *arch_expedited(void) {
    static const int8_t numbers[] = {X86_RBP, X86_RSP, X86_RIP, -1};
    return numbers;
}

unsigned arch_pc_number(void) {
    return X86_RIP;
}

uint64_t arch_pc(const struct unidbg_frame *frame) {
    return frame->rip;
}

uint64_t arch_frame_pointer(const struct unidbg_frame *frame) {
    return frame->rbp;
}

uint64_t x86_load(const uint8_t *from, unsigned count) {
    uint64_t value = 0;

    while (count-- > 0)
        value = value << 8 | from[count];
    return value;
}

/* The tag of one x87 register as FSTENV has it, out of its contents (SDM volume 1, 8.1.7). The least of stubs
 * tells empty ones from others. */
static unsigned full_tag(const uint8_t *fxsave, unsigned physical) {
    unsigned top = fxsave[3] >> 3 & 7;
    const uint8_t *stack = fxsave + 32 + (size_t)16 * ((physical - top) & 7);
    uint64_t mantissa = x86_load(stack, 8);
    unsigned exponent = (unsigned)x86_load(stack + 8, 2) & 0x7fff;

    if (!(fxsave[4] >> physical & 1))
        return 3; /* empty */
    if (!WITH_DOCUMENTS)
        return 0;
    if (exponent == 0 && mantissa == 0)
        return 1; /* zero */
    return exponent == 0 || exponent == 0x7fff || !(mantissa >> 63) ? 2 : 0;
}

static unsigned full_tags(const uint8_t *fxsave) {
    unsigned tags = 0;

    for (unsigned i = 0; i < 8; i++)
        tags |= full_tag(fxsave, i) << 2 * i;
    return tags;
}

unsigned arch_register_get(const struct unidbg_frame *frame, unsigned number, uint8_t *to) {
    const struct x86_register it = x86_register(number);
    const uint8_t *from = (const uint8_t *)frame + it.offset;
    unsigned tags;

    for (unsigned i = 0; i < it.size; i++)
        to[i] = i < it.width ? from[i] : 0;
    if (it.type == TYPE_TAG) {
        tags = full_tags(frame->fxsave);
        to[0] = (uint8_t)tags;
        to[1] = (uint8_t)(tags >> 8);
    }
    return it.size;
}

const char *arch_registers(void) {
    return "x86_64/1";
}

const char *arch_triple(void) {
    return "x86_64-unknown-none-elf";
}
