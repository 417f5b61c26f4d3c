/* SPDX-License-Identifier: BSD-3-Clause */
/* The frame of the architecture that is compiled for. */
#ifndef UNIDBG_FRAME_H
#define UNIDBG_FRAME_H

#if defined(__x86_64__)
#include <unidbg/x86_64.h>
#else
#error "unidbg has no stub for this architecture yet: see docs/porting.md"
#endif

#endif
