/* SPDX-License-Identifier: BSD-3-Clause */
/* The register table: numbers, names and places in the frame. Numbers up to 56 are GDB's own for amd64. */
#include "registers.h"

#include "../../core/arch.h"
#include "../../core/features.h"

#if WITH_DOCUMENTS
#define NAMED(name) name,
#else
#define NAMED(name)
#endif

/* clang-format off */
#define AT(member) (uint16_t)offsetof(struct unidbg_frame, member)
#define SAVED(name, member) {NAMED(#name) TYPE_INT, 8, 8, UNIDBG_CALLEE_SAVED, AT(member)}
#define GENERAL(name) {NAMED(#name) TYPE_INT, 8, 8, UNIDBG_VOLATILE, AT(name)}
#define SEGMENT(name) {NAMED(#name) TYPE_FIXED, 4, 4, UNIDBG_SYSTEM, AT(name)}
#define STACK(n) {NAMED("st" #n) TYPE_FLOAT, 10, 10, UNIDBG_FLOATING, AT(fxsave) + 32 + 16 * (n)}
#define CONTROL(name, width, offset) {NAMED(#name) TYPE_INT, 4, width, UNIDBG_FLOATING, AT(fxsave) + (offset)}
#define VECTOR(n) {NAMED("xmm" #n) TYPE_VECTOR, 16, 16, UNIDBG_FLOATING, AT(fxsave) + 160 + 16 * (n)}
#define BASE(name) {NAMED(#name) TYPE_ADDRESS, 8, 8, UNIDBG_SYSTEM, AT(name)}
#define SYSTEM(name, type) {NAMED(#name)(type), 8, 8, UNIDBG_SYSTEM, AT(name)}
/* clang-format on */

const struct x86_register x86_registers[X86_REGISTERS] = {
    GENERAL(rax),
    SAVED(rbx, rbx),
    GENERAL(rcx),
    GENERAL(rdx),
    GENERAL(rsi),
    GENERAL(rdi),
    {NAMED("rbp") TYPE_DATA, 8, 8, UNIDBG_CALLEE_SAVED, AT(rbp)},
    {NAMED("rsp") TYPE_DATA, 8, 8, UNIDBG_CALLEE_SAVED, AT(rsp)},
    GENERAL(r8),
    GENERAL(r9),
    GENERAL(r10),
    GENERAL(r11),
    SAVED(r12, r12),
    SAVED(r13, r13),
    SAVED(r14, r14),
    SAVED(r15, r15),
    {NAMED("rip") TYPE_CODE, 8, 8, UNIDBG_CALLEE_SAVED, AT(rip)},
    {NAMED("eflags") TYPE_EFLAGS, 4, 4, UNIDBG_VOLATILE, AT(rflags)},
    SEGMENT(cs),
    SEGMENT(ss),
    SEGMENT(ds),
    SEGMENT(es),
    SEGMENT(fs),
    SEGMENT(gs),
    STACK(0),
    STACK(1),
    STACK(2),
    STACK(3),
    STACK(4),
    STACK(5),
    STACK(6),
    STACK(7),
    CONTROL(fctrl, 2, 0),
    CONTROL(fstat, 2, 2),
    {NAMED("ftag") TYPE_TAG, 4, 2, UNIDBG_FLOATING, AT(fxsave) + 4},
    CONTROL(fiseg, 2, 12),
    CONTROL(fioff, 4, 8),
    CONTROL(foseg, 2, 20),
    CONTROL(fooff, 4, 16),
    CONTROL(fop, 2, 6),
    VECTOR(0),
    VECTOR(1),
    VECTOR(2),
    VECTOR(3),
    VECTOR(4),
    VECTOR(5),
    VECTOR(6),
    VECTOR(7),
    VECTOR(8),
    VECTOR(9),
    VECTOR(10),
    VECTOR(11),
    VECTOR(12),
    VECTOR(13),
    VECTOR(14),
    VECTOR(15),
    {NAMED("mxcsr") TYPE_MXCSR, 4, 4, UNIDBG_FLOATING, AT(fxsave) + 24},
    BASE(fs_base),
    BASE(gs_base),
    BASE(k_gs_base),
    SYSTEM(cr0, TYPE_CR0),
    SYSTEM(cr2, TYPE_INT),
    SYSTEM(cr3, TYPE_INT),
    SYSTEM(cr4, TYPE_CR4),
    SYSTEM(cr8, TYPE_INT),
    SYSTEM(efer, TYPE_EFER),
};

unsigned arch_register_count(void) {
    return WITH_DOCUMENTS ? X86_REGISTERS : X86_FIRST_SYSTEM; /* what GDB expects of itself */
}

unsigned arch_register_size(unsigned number) {
    return x86_registers[number].size;
}

unsigned arch_register_group(unsigned number) {
    return x86_registers[number].group;
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

/* The tag of one x87 register as FSTENV has it, out of its contents (SDM volume 1, 8.1.7). */
static unsigned full_tag(const uint8_t *fxsave, unsigned physical) {
    unsigned top = fxsave[3] >> 3 & 7;
    const uint8_t *stack = fxsave + 32 + (size_t)16 * ((physical - top) & 7);
    uint64_t mantissa = x86_load(stack, 8);
    unsigned exponent = (unsigned)x86_load(stack + 8, 2) & 0x7fff;

    if (!(fxsave[4] >> physical & 1))
        return 3; /* empty */
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

void arch_register_get(const struct unidbg_frame *frame, unsigned number, uint8_t *to) {
    const struct x86_register *it = &x86_registers[number];
    const uint8_t *from = (const uint8_t *)frame + it->offset;

    for (unsigned i = 0; i < it->size; i++)
        to[i] = i < it->width ? from[i] : 0;
    if (it->type == TYPE_TAG) {
        unsigned tags = full_tags(frame->fxsave);
        to[0] = (uint8_t)tags;
        to[1] = (uint8_t)(tags >> 8);
    }
}

const char *arch_registers(void) {
    return "x86_64/1";
}

const char *arch_triple(void) {
    return "x86_64-unknown-none-elf";
}
