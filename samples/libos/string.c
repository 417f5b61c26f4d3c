/* SPDX-License-Identifier: BSD-3-Clause */
/* Copies go by string instructions: eight bytes at a time, then the rest. */
#include "libos/string.h"

#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t length) {
    void *destination = to;
    size_t words = length / 8;
    size_t bytes = length % 8;
    __asm__ volatile("rep movsq\n\t"
                     "movq %[bytes], %%rcx\n\t"
                     "rep movsb"
                     : "+D"(destination), "+S"(from), "+c"(words)
                     : [bytes] "r"(bytes)
                     : "memory");
    return to;
}

static void copy_backward(uint8_t *to, const uint8_t *from, size_t length) {
    uint8_t *last_to = to + length - 1;
    const uint8_t *last_from = from + length - 1;
    __asm__ volatile("std\n\trep movsb\n\tcld" : "+D"(last_to), "+S"(last_from), "+c"(length) : : "memory");
}

void *memmove(void *to, const void *from, size_t length) {
    bool overlaps = (uintptr_t)to - (uintptr_t)from < length;
    if (!overlaps) {
        return memcpy(to, from, length);
    }
    if (length > 0) {
        copy_backward(to, from, length);
    }
    return to;
}

void *memset(void *to, int byte, size_t length) {
    void *destination = to;
    __asm__ volatile("rep stosb" : "+D"(destination), "+c"(length) : "a"(byte) : "memory");
    return to;
}

int memcmp(const void *a, const void *b, size_t length) {
    const uint8_t *left = a;
    const uint8_t *right = b;
    for (size_t i = 0; i < length; i++) {
        if (left[i] != right[i]) {
            return left[i] - right[i];
        }
    }
    return 0;
}

size_t strlen(const char *text) {
    size_t length = 0;
    while (text[length] != '\0') {
        length++;
    }
    return length;
}

bool string_equal(const char *a, const char *b) {
    return strlen(a) == strlen(b) && string_starts_with(a, b);
}

bool string_starts_with(const char *text, const char *prefix) {
    while (*prefix != '\0') {
        if (*text++ != *prefix++) {
            return false;
        }
    }
    return true;
}

size_t string_copy(char *to, size_t size, const char *from) {
    size_t length = 0;
    while (length + 1 < size && from[length] != '\0') {
        to[length] = from[length];
        length++;
    }
    to[length] = '\0';
    return length;
}
