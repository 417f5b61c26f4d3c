/* SPDX-License-Identifier: BSD-3-Clause */
/* Instructions that are done in the frame instead of by the CPU: those at which breakpoints mostly lie (the
 * beginnings of functions), for speed; and those that would see or lose the trap flag or the interrupt flag
 * while a step has them changed.
 */
#include "emulate.h"

#include "registers.h"

enum { CF = 0x001, PF = 0x004, AF = 0x010, ZF = 0x040, SF = 0x080, OF = 0x800 };
enum { ARITHMETIC = CF | PF | AF | ZF | SF | OF };
enum { REX_W = 8, REX_R = 4, REX_B = 1 };
enum { RSP = 4, RBP = 5 };

/* Flags that popf and iretq change in ring 0, without TF. */
static const uint64_t popped = 0x247ed5 & ~(uint64_t)X86_TF;
/* Bits of RFLAGS that pushf stores as 0. */
static const uint64_t not_pushed = X86_RF | 0x20000 | X86_TF;

struct emulation {
    struct unidbg_stub *stub;
    struct unidbg_frame *frame;
    const struct x86_instruction *it;
    const uint8_t *bytes;
    uint64_t next; /* address of the next instruction */
};

static uint64_t *reg(struct unidbg_frame *frame, unsigned number) {
    static const uint8_t table[16] = {0, 2, 3, 1, X86_RSP, X86_RBP, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15};
    return (uint64_t *)(void *)((uint8_t *)frame + x86_register(table[number]).offset);
}

/* The register in the low bits of the opcode, in ModRM.rm, in ModRM.reg. */
static uint64_t *opcode_register(const struct emulation *on) {
    return reg(on->frame, (on->it->opcode & 7u) | (on->it->rex & REX_B ? 8u : 0));
}

static uint64_t *rm_register(const struct emulation *on) {
    return reg(on->frame, (on->it->modrm & 7u) | (on->it->rex & REX_B ? 8u : 0));
}

static uint64_t *reg_register(const struct emulation *on) {
    return reg(on->frame, (on->it->modrm >> 3 & 7u) | (on->it->rex & REX_R ? 8u : 0));
}

static bool registers_alone(const struct emulation *on) {
    return on->it->modrm >> 6 == 3;
}

/* The immediate operand, sign-extended; it ends the instruction. */
static uint64_t immediate(const struct emulation *on) {
    unsigned count = on->it->length - on->it->immediate;
    uint64_t value = on->bytes[on->it->length - 1] & 0x80 ? ~(uint64_t)0 : 0;

    while (count-- > 0)
        value = value << 8 | on->bytes[on->it->immediate + count];
    return value;
}

static bool go_to(struct emulation *on, uint64_t to) {
    on->frame->rip = to;
    return true;
}

static bool load(struct emulation *on, uint64_t address, uint64_t *value) {
    const struct unidbg_port *port = on->stub->port;
    return port->peek(port->context, value, address, sizeof *value) == sizeof *value;
}

static bool push_word(struct emulation *on, uint64_t value) {
    const struct unidbg_port *port = on->stub->port;
    uint64_t to = on->frame->rsp - sizeof value;

    if (!port->poke || port->poke(port->context, to, &value, sizeof value) != sizeof value)
        return false;
    on->frame->rsp = to;
    return true;
}

static bool pop_word(struct emulation *on, uint64_t *value) {
    if (!load(on, on->frame->rsp, value))
        return false;
    on->frame->rsp += sizeof *value;
    return true;
}

static bool even(uint64_t value) {
    uint64_t bits = value & 0xff;

    bits ^= bits >> 4;
    bits ^= bits >> 2;
    bits ^= bits >> 1;
    return !(bits & 1);
}

/* Conditions 0 to 15 of jcc: pairs, the odd ones negated. */
static bool condition(uint64_t flags, unsigned code) {
    bool less = !(flags & SF) != !(flags & OF);
    bool holds = false;

    switch (code >> 1 & 7) {
    case 0:
        holds = flags & OF;
        break;
    case 1:
        holds = flags & CF;
        break;
    case 2:
        holds = flags & ZF;
        break;
    case 3:
        holds = flags & (CF | ZF);
        break;
    case 4:
        holds = flags & SF;
        break;
    case 5:
        holds = flags & PF;
        break;
    case 6:
        holds = less;
        break;
    default:
        holds = less || flags & ZF;
        break;
    }
    return holds != (code & 1);
}

static void set_flags(struct emulation *on, uint64_t result, bool narrow, uint64_t extra) {
    uint64_t sign = narrow ? result >> 31 & 1 : result >> 63;
    uint64_t flags = extra | (sign ? SF : 0) | (result ? 0 : ZF) | (even(result) ? PF : 0);

    on->frame->rflags = (on->frame->rflags & ~(uint64_t)ARITHMETIC) | flags;
}

/* sub r64, immediate: makes room on the stack. */
static bool subtract(struct emulation *on) {
    uint64_t *to = rm_register(on);
    uint64_t by = immediate(on);
    uint64_t result = *to - by;
    uint64_t flags = (*to < by ? CF : 0) | ((*to ^ by ^ result) & AF);

    if (((*to ^ by) & (*to ^ result)) >> 63)
        flags |= OF;
    set_flags(on, result, false, flags);
    *to = result;
    return go_to(on, on->next);
}

/* mov and xor between registers; 32 bits clear the upper half. */
static bool move(struct emulation *on, uint64_t *to, uint64_t value) {
    *to = on->it->rex & REX_W ? value : (uint32_t)value;
    return go_to(on, on->next);
}

static bool exclusive_or(struct emulation *on, uint64_t *to, uint64_t value) {
    bool narrow = !(on->it->rex & REX_W);
    uint64_t result = narrow ? (uint32_t)(*to ^ value) : *to ^ value;

    set_flags(on, result, narrow, 0);
    return move(on, to, result);
}

static bool call_to(struct emulation *on, uint64_t to) {
    return push_word(on, on->next) && go_to(on, to);
}

static bool leave(struct emulation *on) {
    uint64_t value;

    if (!load(on, on->frame->rbp, &value))
        return false;
    on->frame->rsp = on->frame->rbp + sizeof value;
    on->frame->rbp = value;
    return go_to(on, on->next);
}

static bool return_near(struct emulation *on) {
    uint64_t to;
    return pop_word(on, &to) && go_to(on, to);
}

static bool pop_register(struct emulation *on) {
    uint64_t value;

    if (!pop_word(on, &value))
        return false;
    *opcode_register(on) = value;
    return go_to(on, on->next);
}

/* Groups 5: call and jmp by a register. */
static bool group_five(struct emulation *on) {
    unsigned operation = on->it->modrm >> 3 & 7;

    if (!registers_alone(on) || (operation != 2 && operation != 4))
        return false;
    return operation == 2 ? call_to(on, *rm_register(on)) : go_to(on, *rm_register(on));
}

static bool subtracts(const struct emulation *on) {
    return registers_alone(on) && (on->it->modrm & 0x38) == 0x28 && on->it->rex & REX_W;
}

static bool one_byte(struct emulation *on) {
    uint8_t opcode = on->it->opcode;

    if (opcode >= 0x50 && opcode <= 0x57)
        return push_word(on, *opcode_register(on)) && go_to(on, on->next);
    if (opcode >= 0x58 && opcode <= 0x5f)
        return pop_register(on);
    if (opcode >= 0x70 && opcode <= 0x7f)
        return go_to(on, on->next + (condition(on->frame->rflags, opcode) ? immediate(on) : 0));
    switch (opcode) {
    case 0x31:
        return registers_alone(on) && exclusive_or(on, rm_register(on), *reg_register(on));
    case 0x33:
        return registers_alone(on) && exclusive_or(on, reg_register(on), *rm_register(on));
    case 0x81:
    case 0x83:
        return subtracts(on) && subtract(on);
    case 0x89:
        return registers_alone(on) && move(on, rm_register(on), *reg_register(on));
    case 0x8b:
        return registers_alone(on) && move(on, reg_register(on), *rm_register(on));
    case 0x90:
        return !(on->it->rex & REX_B) && go_to(on, on->next);
    case 0xc3:
        return return_near(on);
    case 0xc9:
        return leave(on);
    case 0xe8:
        return call_to(on, on->next + immediate(on));
    case 0xe9:
    case 0xeb:
        return go_to(on, on->next + immediate(on));
    case 0xff:
        return group_five(on);
    default:
        return false;
    }
}

static bool two_bytes(struct emulation *on) {
    uint8_t opcode = on->it->opcode;

    if (opcode >= 0x80 && opcode <= 0x8f)
        return go_to(on, on->next + (condition(on->frame->rflags, opcode) ? immediate(on) : 0));
    if (opcode == 0x1f || (opcode == 0x1e && on->it->modrm == 0xfa)) /* nop, endbr64 */
        return go_to(on, on->next);
    return false;
}

static bool push_flags(struct emulation *on) {
    return push_word(on, on->frame->rflags & ~not_pushed) && go_to(on, on->next);
}

static bool pop_flags(struct emulation *on) {
    uint64_t value;

    if (!pop_word(on, &value))
        return false;
    on->frame->rflags = (on->frame->rflags & ~popped) | (value & popped);
    return go_to(on, on->next);
}

/* Within ring 0: the selectors stay what they are. */
static bool return_from_interrupt(struct emulation *on) {
    struct unidbg_frame *frame = on->frame;
    uint64_t image[5]; /* rip, cs, rflags, rsp, ss */

    for (unsigned i = 0; i < 5; i++) {
        if (!load(on, frame->rsp + 8ul * i, &image[i]))
            return false;
    }
    if (image[1] != frame->cs)
        return false;
    frame->rflags = (frame->rflags & ~popped) | (image[2] & popped);
    frame->rsp = image[3];
    frame->ss = image[4];
    return go_to(on, image[0]);
}

static bool set_interrupts(struct emulation *on, bool on_now) {
    on->frame->rflags &= ~(uint64_t)X86_IF;
    if (on_now)
        on->frame->rflags |= X86_IF;
    return go_to(on, on->next);
}

/* hlt waits for an interrupt, which a step holds off: so the step ends the wait. */
static bool touches_flags(struct emulation *on) {
    switch (on->it->opcode) {
    case 0x9c:
        return push_flags(on);
    case 0x9d:
        return pop_flags(on);
    case 0xcf:
        return on->it->rex & REX_W && return_from_interrupt(on);
    case 0xf4:
        return go_to(on, on->next);
    case 0xfa:
        return set_interrupts(on, false);
    case 0xfb:
        return set_interrupts(on, true);
    default:
        return false;
    }
}

bool x86_emulate(struct unidbg_stub *stub, const struct x86_instruction *it, const uint8_t *bytes,
                 bool always) {
    struct emulation on = {stub, stub->frame, it, bytes, stub->frame->rip + it->length};

    if (it->vex || it->operand16 || it->address32)
        return it->map == MAP_0F && it->opcode == 0x1f && !it->vex && go_to(&on, on.next); /* a long nop */
    if (it->map == MAP_ONE && !(stub->frame->cs & 3) && touches_flags(&on))
        return true;
    if (always)
        return false;
    return it->map == MAP_ONE ? one_byte(&on) : it->map == MAP_0F && two_bytes(&on);
}
