/* SPDX-License-Identifier: BSD-3-Clause */
/* What the compiler's checks call when they fail. The names are the compiler's. */
#ifndef LIBOS_CHECKS_H
#define LIBOS_CHECKS_H

#include <stdint.h>

// NOLINTBEGIN(bugprone-reserved-identifier)
extern uint64_t __stack_chk_guard;

_Noreturn void __stack_chk_fail(void);
_Noreturn void __ubsan_handle_out_of_bounds_abort(const void *site, uintptr_t index);
_Noreturn void __ubsan_handle_type_mismatch_v1_abort(const void *site, uintptr_t pointer);
_Noreturn void __ubsan_handle_load_invalid_value_abort(const void *site, uintptr_t value);
// NOLINTEND(bugprone-reserved-identifier)

_Noreturn void control_flow_failed(uintptr_t target);

#endif
