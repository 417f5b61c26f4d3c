/* SPDX-License-Identifier: BSD-3-Clause */
/* How long an x86_64 instruction is, and what moving it elsewhere would break. */
#ifndef X86_DECODE_H
#define X86_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { X86_LENGTH_MAX = 15 };

enum x86_map { MAP_ONE, MAP_0F, MAP_0F38, MAP_0F3A, MAP_VEX /* VEX and EVEX, beside what its own map is */ };

/* Where control goes afterwards. */
enum x86_flow {
    FLOW_NEXT,          /* to the next instruction */
    FLOW_RELATIVE,      /* perhaps to an address relative to the next */
    FLOW_CALL,          /* the same, and pushes the next address */
    FLOW_CALL_ABSOLUTE, /* to an absolute address, and pushes the next address */
    FLOW_ABSOLUTE,      /* to an absolute address */
    FLOW_TRAP,          /* int n and its kin: through the IDT */
};

struct x86_instruction {
    uint8_t length;
    uint8_t map;       /* enum x86_map of the opcode */
    uint8_t opcode;    /* last byte of it */
    uint8_t rex;       /* 0: none */
    uint8_t modrm;     /* 0 where there is none */
    uint8_t immediate; /* offset of the immediate operand */
    uint8_t relative;  /* offset of a RIP-relative displacement; 0: none */
    uint8_t flow;      /* enum x86_flow */
    bool vex;          /* VEX or EVEX encoded */
    bool operand16;    /* prefix 66 */
    bool address32;    /* prefix 67 */
    bool repeat;       /* prefix F2 or F3 */
};

/* False: not an instruction, one that the decoder does not know, or not complete in `count` bytes. */
bool x86_decode(struct x86_instruction *to, const uint8_t *bytes, size_t count);

#endif
