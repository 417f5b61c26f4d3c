/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands: each line is a packet, whole and sound; a line of one byte 0x03 breaks in. */
#include <string.h>

#include "guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void line(const uint8_t *text, size_t length) {
    if (length == 1 && text[0] == 3)
        guest_says(text, 1);
    else
        guest_asks(text, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *end = data + size;

    guest_begin();
    guest_asks("QStartNoAckMode", 15);
    while (data < end) {
        const uint8_t *stop = memchr(data, '\n', (size_t)(end - data));
        size_t length = (size_t)((stop ? stop : end) - data);
        line(data, length);
        data += length + 1;
    }
    guest_run();
    return 0;
}
