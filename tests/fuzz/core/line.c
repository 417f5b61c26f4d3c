/* SPDX-License-Identifier: BSD-3-Clause */
/* Framing: bytes as they are. */
#include "guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    guest_begin();
    guest_says(data, size);
    guest_run();
    return 0;
}
