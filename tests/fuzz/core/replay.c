/* SPDX-License-Identifier: BSD-3-Clause */
/* Feeds a fuzzer's function what a file says, an input a line in hexadecimal. */
#include <stdio.h>
#include <string.h>

#include "guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t parse(const char *text, uint8_t *to) {
    size_t count = 0;
    unsigned value;

    while (count < FUZZ_INPUT && sscanf(text + 2 * count, "%2x", &value) == 1)
        to[count++] = (uint8_t)value;
    return count;
}

int main(int argc, char **argv) {
    static char line[2 * FUZZ_INPUT + 2];
    static uint8_t data[FUZZ_INPUT];
    FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
    unsigned inputs = 0;

    if (!file)
        return 2;
    for (; fgets(line, sizeof line, file); inputs++)
        LLVMFuzzerTestOneInput(data, parse(line, data));
    printf("%u\n", inputs);
    return 0;
}
