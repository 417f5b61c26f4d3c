/* SPDX-License-Identifier: BSD-3-Clause */
/* Length decoder as a filter: records of 16 bytes in (count, then up to 15 bytes), one byte out: the length,
 * 0 for none. */
#include <stdio.h>

#include "../../../stubs/arch/x86_64/decode.h"

int main(void) {
    uint8_t record[16];
    struct x86_instruction it;

    while (fread(record, 1, sizeof record, stdin) == sizeof record)
        putchar(x86_decode(&it, record + 1, record[0] & 15) ? it.length : 0);
    return 0;
}
