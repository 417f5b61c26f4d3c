/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef X86_REGISTERS_H
#define X86_REGISTERS_H

#include <stdint.h>

#include "../../core/features.h"

enum { X86_RBP = 6, X86_RSP = 7, X86_RIP = 16, X86_REGISTERS = 66 };

/* First register of each feature of target.xml. */
enum { X86_FIRST_SSE = 40, X86_FIRST_SEGMENTS = 57, X86_FIRST_SYSTEM = 59 };

enum { X86_TF = 0x100, X86_IF = 0x200, X86_RF = 0x10000 };

/* What target.xml calls it, and how it is written. */
enum x86_type {
    TYPE_INT,
    TYPE_DATA,
    TYPE_FLOAT,
    TYPE_VECTOR,
    TYPE_CR0,
    TYPE_CR4,
    TYPE_EFER,
    TYPE_EFLAGS,
    TYPE_TAG,
    TYPE_MXCSR,
    TYPE_FIXED, /* a selector: takes only the value that it has */
    TYPE_CODE,
    TYPE_ADDRESS,
};

/* Registers of one kind, or one of them. */
struct x86_register {
    uint8_t count;
    uint8_t type;
    uint8_t size;    /* bytes on the wire */
    uint8_t width;   /* bytes in the frame; the rest is 0 */
    uint8_t group;   /* UNIDBG_VOLATILE ... */
    uint8_t stride;  /* from one to the next in the frame */
    uint16_t offset; /* of the first in the frame */
};

struct x86_register x86_register(unsigned number);

/* A number of up to eight bytes, low byte first. */
uint64_t x86_load(const uint8_t *from, unsigned count);

#endif
