/* SPDX-License-Identifier: BSD-3-Clause */
/* What compilers call even in freestanding code. Localised in unidbg.o, so the guest keeps its own. */
#include <stddef.h>

/* Calls are made late, when the compiler has dropped what nobody seems to use. */
#define USED __attribute__((used))

USED void *memcpy(void *to, const void *from, size_t count);
USED void *memmove(void *to, const void *from, size_t count);
USED void *memset(void *to, int value, size_t count);
USED int memcmp(const void *one, const void *other, size_t count);

void *memcpy(void *to, const void *from, size_t count) {
    unsigned char *target = to;
    const unsigned char *source = from;

    while (count-- > 0)
        *target++ = *source++;
    return to;
}

void *memmove(void *to, const void *from, size_t count) {
    unsigned char *target = to;
    const unsigned char *source = from;

    if (target <= source)
        return memcpy(to, from, count);
    while (count-- > 0)
        target[count] = source[count];
    return to;
}

void *memset(void *to, int value, size_t count) {
    unsigned char *target = to;

    while (count-- > 0)
        *target++ = (unsigned char)value;
    return to;
}

int memcmp(const void *one, const void *other, size_t count) {
    const unsigned char *left = one;
    const unsigned char *right = other;

    for (; count > 0; count--, left++, right++) {
        if (*left != *right)
            return *left - *right;
    }
    return 0;
}
