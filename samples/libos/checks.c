/* SPDX-License-Identifier: BSD-3-Clause */
/* Where failed checks end. The compiler passes a description of the place, of which only the beginning is used. */
#include "libos/checks.h"

#include "libos/image.h"
#include "libos/panic.h"
#include "libos/security.h"

#define ENDBR64 0xfa1e0ff3u
#define BREAKPOINT 0xcc /* of a debugger, on top of the first instruction */

struct site {
    const char *file;
    uint32_t line;
    uint32_t column;
};

// NOLINTBEGIN(bugprone-reserved-identifier)
void __stack_chk_fail(void) {
    panic("stack smashed: the canary is gone from the frame of the function at %p",
          __builtin_return_address(0));
}

void __ubsan_handle_out_of_bounds_abort(const void *site, uintptr_t index) {
    const struct site *at = site;
    panic("bounds: index %lu is beyond the array at %s:%u", index, at->file, at->line);
}

void __ubsan_handle_type_mismatch_v1_abort(const void *site, uintptr_t pointer) {
    const struct site *at = site;
    panic("type: %p does not point to what is used at %s:%u", (void *)pointer, at->file, at->line);
}

void __ubsan_handle_load_invalid_value_abort(const void *site, uintptr_t value) {
    const struct site *at = site;
    panic("type: %lu is no value of what is used at %s:%u", value, at->file, at->line);
}
// NOLINTEND(bugprone-reserved-identifier)

void control_flow_failed(uintptr_t target) {
    panic("control flow: %p is not the begin of a function that may be called so", (void *)target);
}

#if SECURITY_CONTROL_FLOW
void security_check_call(uintptr_t target) {
    struct range code = {(uintptr_t)code_start, (uintptr_t)code_end - sizeof(uint32_t)};
    uint32_t first = 0;
    if (range_contains(code, target)) {
        __builtin_memcpy(&first, (const void *)target, sizeof(first)); /* aligned or not */
    }
    if (first != ENDBR64 && (first & 0xff) != BREAKPOINT) {
        control_flow_failed(target);
    }
}
#endif
