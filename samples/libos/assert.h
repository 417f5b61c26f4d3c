/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBOS_ASSERT_H
#define LIBOS_ASSERT_H

#include "libos/panic.h"

/* Panics with the condition and its place. There is no build without it. */
#define assert(condition)                                                                                    \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            panic("assertion \"%s\" failed in %s, %s:%d", #condition, __func__, __FILE__, __LINE__);         \
        }                                                                                                    \
    } while (0)

#endif
