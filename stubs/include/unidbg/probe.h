/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UNIDBG_PROBE(kind, name, object): one line that makes a structure of the guest visible to unidbg.
 *
 *     static struct memory_manager kernel_heap;
 *     UNIDBG_PROBE(heap, kernel, &kernel_heap);
 *
 * kind is the name of a view (docs/abi.md says which members it reads), name tells several of one kind apart,
 * object is a constant pointer expression. The record is typed: DWARF of the record variable
 * `unidbg_probe_<kind>_<name>` gives the type of the object, so the guest writes no decoder.
 *
 * Records lie in section `unidbg_probes`. Readers step by `size`, so records only grow at the end.
 * The linker script must keep the section: KEEP(*(unidbg_probes)).
 */
#ifndef UNIDBG_PROBE_H
#define UNIDBG_PROBE_H

#include <stdint.h>

#define UNIDBG_ABI 1

#define UNIDBG_PROBE(kind_, name_, object_)                                                                  \
    static const struct {                                                                                    \
        uint32_t size;        /* of this record, in bytes */                                                 \
        uint32_t reserved;    /* 0 */                                                                        \
        char kind[16];        /* NUL-padded name of the view */                                              \
        char name[24];        /* NUL-padded instance */                                                      \
        uint64_t object_size; /* sizeof the object, in bytes */                                              \
        __typeof__(object_) object;                                                                          \
    } unidbg_probe_##kind_##_##name_ __attribute__((section("unidbg_probes"), used, retain, aligned(8))) = { \
        sizeof(unidbg_probe_##kind_##_##name_), 0, #kind_, #name_, sizeof(*(object_)), (object_)}

#endif
