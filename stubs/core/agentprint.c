/* SPDX-License-Identifier: BSD-3-Clause */
/* printf of the agent: what a user of dprintf writes. Formats come as in C source, escapes included; sizes
 * are those of a 64-bit machine. What is not known is printed as it is. */
#include "agent.h"
#include "memory.h"
#include "reply.h"
#include "wire.h"

/* A string of the guest is printed up to this length, and a field is padded up to it. */
enum { LONGEST = 256 };

struct conversion {
    bool left;   /* - */
    bool zeros;  /* 0 */
    bool prefix; /* # */
    char sign;   /* + or space; 0: none */
    unsigned width;
    unsigned precision; /* for strings */
    unsigned bytes;     /* of an integer */
    char letter;
};

static unsigned scan_number(const char **at) {
    unsigned value = 0;

    for (; **at >= '0' && **at <= '9'; (*at)++) {
        if (value <= LONGEST)
            value = value * 10 + (unsigned)(**at - '0');
    }
    return value < LONGEST ? value : LONGEST;
}

static bool scan_flag(struct conversion *it, char character) {
    switch (character) {
    case '-':
        it->left = true;
        return true;
    case '0':
        it->zeros = true;
        return true;
    case '#':
        it->prefix = true;
        return true;
    case '+':
    case ' ':
        it->sign = character;
        return true;
    default:
        return false;
    }
}

/* Behind the percent sign. */
static struct conversion scan_conversion(const char **at) {
    struct conversion it = {.precision = LONGEST, .bytes = 4};

    while (scan_flag(&it, **at))
        (*at)++;
    it.width = scan_number(at);
    if (**at == '.') {
        (*at)++;
        it.precision = scan_number(at);
    }
    for (;; (*at)++) {
        if (**at == 'l' || **at == 'j' || **at == 'z' || **at == 't')
            it.bytes = 8;
        else if (**at == 'h')
            it.bytes /= 2;
        else
            break;
    }
    it.letter = **at;
    if (it.letter)
        (*at)++;
    return it;
}

static unsigned base_of(char letter) {
    return letter == 'o' ? 8 : letter == 'x' || letter == 'X' || letter == 'p' ? 16 : 10;
}

/* Fill the field up from `length`, if this is the side for it. */
static void pad(struct unidbg_text *out, const struct conversion *it, bool here, char with, unsigned length) {
    for (; here && length < it->width; length++)
        out->put(out, with);
}

/* Digits, last first; gives their number. */
static unsigned digits_of(uint64_t value, unsigned base, bool upper, char *to) {
    unsigned count = 0;

    do {
        to[count++] = (upper ? "0123456789ABCDEF" : "0123456789abcdef")[value % base];
        value /= base;
    } while (value);
    return count;
}

static uint64_t low_bytes(int64_t value, unsigned bytes) {
    return bytes < 8 ? (uint64_t)value & (((uint64_t)1 << 8 * bytes) - 1) : (uint64_t)value;
}

static void print_integer(struct unidbg_text *out, const struct conversion *it, int64_t argument) {
    bool is_signed = it->letter == 'd' || it->letter == 'i';
    uint64_t value = low_bytes(argument, it->letter == 'p' ? 8 : it->bytes);
    bool negative = is_signed && value >> (8 * it->bytes - 1);
    char sign = negative ? '-' : is_signed ? it->sign : 0;
    char digits[24];
    unsigned count;
    unsigned length;

    if (negative)
        value = low_bytes((int64_t)(0 - value), it->bytes);
    count = digits_of(value, base_of(it->letter), it->letter == 'X', digits);
    length =
        count + (sign ? 1 : 0) + (it->letter == 'p' || (it->prefix && base_of(it->letter) == 16) ? 2 : 0);
    pad(out, it, !it->left && !it->zeros, ' ', length);
    if (sign)
        out->put(out, sign);
    if (length - count >= 2)
        unidbg_write(out, "0x");
    pad(out, it, !it->left && it->zeros, '0', length);
    while (count-- > 0)
        out->put(out, digits[count]);
    pad(out, it, it->left, ' ', length);
}

static unsigned string_length(struct unidbg_stub *stub, uint64_t address, unsigned most) {
    unsigned length = 0;
    char character;

    while (length < most && memory_read(stub, &character, address + length, 1) == 1 && character)
        length++;
    return length;
}

static void print_string(struct unidbg_text *out, const struct conversion *it, uint64_t address) {
    unsigned length = string_length(out->stub, address, it->precision);
    char character;

    pad(out, it, !it->left, ' ', length);
    for (unsigned i = 0; i < length; i++) {
        if (memory_read(out->stub, &character, address + i, 1) == 1)
            out->put(out, character);
    }
    pad(out, it, it->left, ' ', length);
}

static void print_conversion(struct unidbg_text *out, const struct conversion *it, int64_t argument) {
    switch (it->letter) {
    case 's':
        print_string(out, it, (uint64_t)argument);
        break;
    case 'c':
        out->put(out, (char)argument);
        break;
    case 'd':
    case 'i':
    case 'u':
    case 'o':
    case 'x':
    case 'X':
    case 'p':
        print_integer(out, it, argument);
        break;
    default:
        out->put(out, '%');
        if (it->letter)
            out->put(out, it->letter);
        break;
    }
}

/* Others stand for themselves: \\ \" \' */
static char escape_of(char letter) {
    static const char escapes[] = "a\ab\be\033f\fn\nr\rt\tv\v";

    for (const char *it = escapes; *it; it += 2) {
        if (*it == letter)
            return it[1];
    }
    return letter;
}

static char scan_escape(const char **at) {
    unsigned value = 0;

    if (**at < '0' || **at > '7')
        return **at ? escape_of(*(*at)++) : '\\';
    for (unsigned i = 0; i < 3 && **at >= '0' && **at <= '7'; i++, (*at)++)
        value = value * 8 + (unsigned)(**at - '0');
    return (char)value;
}

static void print_format(struct unidbg_text *out, const char *at, const int64_t *arguments, unsigned count) {
    while (*at) {
        char character = *at++;
        if (character == '\\') {
            out->put(out, scan_escape(&at));
        } else if (character != '%') {
            out->put(out, character);
        } else if (*at == '%') {
            at++;
            out->put(out, '%');
        } else {
            struct conversion it = scan_conversion(&at);
            print_conversion(out, &it, count > 0 ? *arguments : 0);
            if (count > 0) {
                arguments++;
                count--;
            }
        }
    }
}

/* As console output, which a client takes while it waits for a stop reply; nobody else is sent any. */
void agent_print(struct unidbg_stub *stub, const char *format, const int64_t *arguments, unsigned count) {
    struct unidbg_text out = reply_hex_sink(stub);

    if (!stub->awaited && !stub->nonstop)
        return;
    wire_begin(stub);
    reply_char(stub, 'O');
    print_format(&out, format, arguments, count);
    wire_finish(stub);
}
