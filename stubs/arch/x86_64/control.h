/* SPDX-License-Identifier: BSD-3-Clause */
/* System registers, read and written. */
#ifndef X86_CONTROL_H
#define X86_CONTROL_H

#include <stdint.h>

#define MSR_EFER 0xc0000080u
#define MSR_FS_BASE 0xc0000100u
#define MSR_GS_BASE 0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u

#define READER(name)                                                                                         \
    static inline uint64_t read_##name(void) {                                                               \
        uint64_t value;                                                                                      \
        __asm__ volatile("mov %%" #name ", %0" : "=r"(value));                                               \
        return value;                                                                                        \
    }
#define WRITER(name)                                                                                         \
    static inline void write_##name(uint64_t value) {                                                        \
        __asm__ volatile("mov %0, %%" #name : : "r"(value) : "memory");                                      \
    }
#define READ_SELECTOR(name)                                                                                  \
    static inline uint64_t read_##name(void) {                                                               \
        uint16_t value;                                                                                      \
        __asm__ volatile("mov %%" #name ", %0" : "=r"(value));                                               \
        return value;                                                                                        \
    }

READER(cr0)
READER(cr2)
READER(cr3)
READER(cr4)
READER(cr8)
READER(dr6)
READER(dr7)
READ_SELECTOR(ds)
READ_SELECTOR(es)
READ_SELECTOR(fs)
READ_SELECTOR(gs)
WRITER(cr0)
WRITER(cr2)
WRITER(cr3)
WRITER(cr4)
WRITER(cr8)
WRITER(dr0)
WRITER(dr1)
WRITER(dr2)
WRITER(dr3)
WRITER(dr6)
WRITER(dr7)

static inline uint64_t read_msr(uint32_t number) {
    uint32_t low;
    uint32_t high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
    return (uint64_t)high << 32 | low;
}

#endif
