/* SPDX-License-Identifier: BSD-3-Clause */
/* The functions of <string.h> that compilers expect to find, and no more. */
#ifndef LIBOS_STRING_H
#define LIBOS_STRING_H

#include <stdbool.h>
#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t length);
void *memmove(void *to, const void *from, size_t length);
void *memset(void *to, int byte, size_t length);
int memcmp(const void *a, const void *b, size_t length);
size_t strlen(const char *text);

bool string_equal(const char *a, const char *b);
/* True when text begins with prefix. */
bool string_starts_with(const char *text, const char *prefix);
/* Copies as much of from as fits; to is always terminated. Returns the length copied. */
size_t string_copy(char *to, size_t size, const char *from);

#endif
