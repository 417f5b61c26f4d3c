/* SPDX-License-Identifier: BSD-3-Clause */
/* Source: Intel SDM volume 2, appendix A (opcode maps) and chapter 2 (prefixes, ModRM, VEX, EVEX). */
#include "decode.h"

struct reader {
    const uint8_t *bytes;
    size_t count;
    size_t at;
    bool failed;
};

/* Prefixes beyond which something in the encoding changes. */
enum { PREFIX_66 = 0x66, PREFIX_67 = 0x67, PREFIX_F2 = 0xf2, PREFIX_F3 = 0xf3 };

static uint8_t next(struct reader *in) {
    if (in->at >= in->count || in->at >= X86_LENGTH_MAX) {
        in->failed = true;
        return 0;
    }
    return in->bytes[in->at++];
}

static bool in_set(const uint32_t set[8], uint8_t opcode) {
    return set[opcode >> 5] >> (opcode & 31) & 1;
}

/* Bit n of word w stands for opcode 32 * w + n. */
static const uint32_t modrm_one[8] = {0x0f0f0f0f, 0x0f0f0f0f, 0x00000000, 0x00000a08,
                                      0x0000ffff, 0x00000000, 0xff0f00c3, 0xc0c00000};
static const uint32_t invalid_one[8] = {0xc0c040c0, 0x80808080, 0x00000000, 0x00000003,
                                        0x04000004, 0x00000000, 0x00704000, 0x00000400};
static const uint32_t imm8_one[8] = {0x10101010, 0x10101010, 0x00000000, 0xffff0c00,
                                     0x00000009, 0x00ff0100, 0x00002043, 0x000008ff};
static const uint32_t imm32_one[8] = {0x20202020, 0x20202020, 0x00000000, 0x00000300,
                                      0x00000002, 0x00000200, 0x00000080, 0x00000000};
static const uint32_t plain_0f[8] = {0x00004be0, 0x00ff0000, 0x00000000, 0x00800000,
                                     0x0000ffff, 0x00000707, 0x0000ff00, 0x00000000};
static const uint32_t invalid_0f[8] = {0x00001410, 0xfa4000f0, 0x00000000, 0x0c000000,
                                       0x00000000, 0x000000c0, 0x00000000, 0x00000000};
static const uint32_t imm8_0f[8] = {0x00008000, 0x00000000, 0x00000000, 0x000f0000,
                                    0x00000000, 0x04001010, 0x00000074, 0x00000000};

/* Legacy prefixes in any order; a REX counts only right before the opcode. Gives the first byte behind them.
 */
static uint8_t scan_prefixes(struct reader *in, struct x86_instruction *to) {
    for (;;) {
        uint8_t byte = next(in);
        switch (byte) {
        case PREFIX_66:
            to->operand16 = true;
            break;
        case PREFIX_67:
            to->address32 = true;
            break;
        case PREFIX_F2:
        case PREFIX_F3:
            to->repeat = true;
            break;
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
        case 0x64:
        case 0x65:
        case 0xf0:
            break;
        default:
            if (byte >> 4 != 4)
                return byte;
            to->rex = byte;
            continue;
        }
        to->rex = 0;
        if (in->failed)
            return 0;
    }
}

static void scan_vex(struct reader *in, struct x86_instruction *to, uint8_t first) {
    uint8_t payload = next(in);

    to->vex = true;
    to->map = MAP_0F;
    if (first == 0xc4) {
        uint8_t map = payload & 31;
        if (map < MAP_0F || map > MAP_0F3A)
            in->failed = true;
        to->map = map;
        next(in);
    } else if (first == 0x62) {
        uint8_t map = payload & 7;
        next(in);
        next(in);
        if (map == 5 || map == 6) /* half precision: laid out like 0F38, without immediates */
            map = MAP_0F38;
        if (map < MAP_0F || map > MAP_0F3A || payload & 8)
            in->failed = true;
        to->map = map;
    }
    to->opcode = next(in);
}

static void scan_opcode(struct reader *in, struct x86_instruction *to) {
    uint8_t byte = scan_prefixes(in, to);

    to->map = MAP_ONE;
    to->opcode = byte;
    if (byte == 0xc4 || byte == 0xc5 || byte == 0x62) {
        scan_vex(in, to, byte);
    } else if (byte == 0x0f) {
        to->opcode = next(in);
        to->map = MAP_0F;
        if (to->opcode == 0x38 || to->opcode == 0x3a) {
            to->map = to->opcode == 0x38 ? MAP_0F38 : MAP_0F3A;
            to->opcode = next(in);
        }
    }
}

static bool has_modrm(const struct x86_instruction *it) {
    if (it->map == MAP_ONE)
        return in_set(modrm_one, it->opcode);
    return it->map != MAP_0F || !in_set(plain_0f, it->opcode);
}

static bool invalid(const struct x86_instruction *it) {
    if (it->map == MAP_ONE)
        return in_set(invalid_one, it->opcode) || (it->opcode == 0x8f && it->modrm & 0x38); /* XOP */
    return it->map == MAP_0F && !it->vex && in_set(invalid_0f, it->opcode);
}

static void skip(struct reader *in, unsigned count) {
    while (count-- > 0)
        next(in);
}

/* mov to and from control and debug registers takes registers alone, whatever mod says. */
static bool registers_only(const struct x86_instruction *it) {
    return it->map == MAP_0F && !it->vex && it->opcode >= 0x20 && it->opcode <= 0x23;
}

static void scan_modrm(struct reader *in, struct x86_instruction *to) {
    unsigned mod;
    unsigned base;

    to->modrm = next(in);
    mod = to->modrm >> 6;
    base = to->modrm & 7;
    if (mod == 3 || registers_only(to))
        return;
    if (mod == 0 && base == 5)
        to->relative = (uint8_t)in->at;
    if (base == 4)
        base = next(in) & 7;
    if (mod == 1)
        skip(in, 1);
    else if (mod == 2 || base == 5)
        skip(in, 4);
}

static unsigned immediate_one(const struct x86_instruction *it) {
    unsigned full = it->operand16 && !(it->rex & 8) ? 2 : 4;
    uint8_t opcode = it->opcode;

    if (opcode >= 0xb8 && opcode <= 0xbf)
        return it->rex & 8 ? 8 : full;
    if (opcode >= 0xa0 && opcode <= 0xa3)
        return it->address32 ? 4 : 8;
    if (opcode == 0xe8 || opcode == 0xe9)
        return 4;
    if (opcode == 0xc2 || opcode == 0xca)
        return 2;
    if (opcode == 0xc8)
        return 3;
    if (opcode == 0xf6 || opcode == 0xf7) /* test has an immediate, the rest of the group none */
        return it->modrm & 0x30 ? 0 : opcode == 0xf6 ? 1 : full;
    if (in_set(imm8_one, opcode))
        return 1;
    return in_set(imm32_one, opcode) ? full : 0;
}

static unsigned immediate_0f(const struct x86_instruction *it) {
    if (it->opcode >= 0x80 && it->opcode <= 0x8f && !it->vex)
        return 4;
    if (it->opcode == 0x78 && !it->vex && (it->operand16 || it->repeat))
        return 2; /* extrq, insertq of SSE4a */
    return in_set(imm8_0f, it->opcode);
}

static unsigned immediate_size(const struct x86_instruction *it) {
    switch (it->map) {
    case MAP_ONE:
        return immediate_one(it);
    case MAP_0F:
        return immediate_0f(it);
    default:
        return it->map == MAP_0F3A;
    }
}

static enum x86_flow flow_one(const struct x86_instruction *it) {
    uint8_t opcode = it->opcode;
    unsigned group = it->modrm >> 3 & 7;

    if ((opcode >= 0x70 && opcode <= 0x7f) || (opcode >= 0xe0 && opcode <= 0xe3) || opcode == 0xe9 ||
        opcode == 0xeb)
        return FLOW_RELATIVE;
    if (opcode == 0xc7 && it->modrm == 0xf8)
        return FLOW_RELATIVE; /* xbegin */
    if (opcode == 0xe8)
        return FLOW_CALL;
    if (opcode == 0xc2 || opcode == 0xc3 || opcode == 0xca || opcode == 0xcb || opcode == 0xcf)
        return FLOW_ABSOLUTE;
    if (opcode == 0xcc || opcode == 0xcd || opcode == 0xf1)
        return FLOW_TRAP;
    if (opcode == 0xff && (group == 2 || group == 3))
        return FLOW_CALL_ABSOLUTE;
    return opcode == 0xff && (group == 4 || group == 5) ? FLOW_ABSOLUTE : FLOW_NEXT;
}

static enum x86_flow flow_0f(const struct x86_instruction *it) {
    uint8_t opcode = it->opcode;

    if (opcode >= 0x80 && opcode <= 0x8f)
        return FLOW_RELATIVE;
    if (opcode == 0x05 || opcode == 0x07 || opcode == 0x34 || opcode == 0x35)
        return FLOW_ABSOLUTE; /* syscall, sysret, sysenter, sysexit */
    return FLOW_NEXT;
}

static enum x86_flow flow_of(const struct x86_instruction *it) {
    if (it->vex)
        return FLOW_NEXT;
    if (it->map == MAP_ONE)
        return flow_one(it);
    return it->map == MAP_0F ? flow_0f(it) : FLOW_NEXT;
}

bool x86_decode(struct x86_instruction *to, const uint8_t *bytes, size_t count) {
    struct reader in = {bytes, count, 0, false};

    *to = (struct x86_instruction){0};
    scan_opcode(&in, to);
    if (has_modrm(to))
        scan_modrm(&in, to);
    to->immediate = (uint8_t)in.at;
    skip(&in, immediate_size(to));
    to->length = (uint8_t)in.at;
    to->flow = (uint8_t)flow_of(to);
    return !in.failed && !invalid(to);
}
