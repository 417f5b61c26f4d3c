/* SPDX-License-Identifier: BSD-3-Clause */
/* Agent bytecode: as the condition of a breakpoint, as its command, or as what a tracepoint collects; the first
 * byte chooses. */
#include <stdio.h>
#include <string.h>

#include "guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LONGEST = 512 };

static size_t hexadecimal(char *to, const uint8_t *from, size_t size) {
    for (size_t i = 0; i < size; i++)
        sprintf(to + 2 * i, "%02x", from[i]);
    return 2 * size;
}

static void ask(const char *text) {
    guest_asks(text, strlen(text));
}

static void breakpoint(const char *form, const uint8_t *code, size_t size) {
    static char text[2 * LONGEST + 128];
    int head = snprintf(text, 128, form, (unsigned long long)guest_loop(), (unsigned)size);
    size_t end = (size_t)head + hexadecimal(text + head, code, size);
    guest_asks(text, end);
    ask("c");
}

static void tracepoint(const uint8_t *code, size_t size) {
    static char text[2 * LONGEST + 128];
    int head;

    snprintf(text, 128, "QTDP:1:%llx:E:0:0-", (unsigned long long)guest_loop());
    ask("QTinit");
    ask(text);
    head = snprintf(text, 128, "QTDP:-1:%llx:X%x,", (unsigned long long)guest_loop(), (unsigned)size);
    guest_asks(text, (size_t)head + hexadecimal(text + head, code, size));
    ask("QTStart");
    ask("c");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2 || size > LONGEST)
        return 0;
    guest_begin();
    ask("QStartNoAckMode");
    if (data[0] % 3 == 0)
        breakpoint("Z0,%llx,1;X%x,", data + 1, size - 1);
    else if (data[0] % 3 == 1)
        breakpoint("Z0,%llx,1;cmds:0,X%x,", data + 1, size - 1);
    else
        tracepoint(data + 1, size - 1);
    guest_run();
    return 0;
}
