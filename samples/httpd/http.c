/* SPDX-License-Identifier: BSD-3-Clause */
#include "httpd/http.h"

#include <stddef.h>

#include "libos/format.h"
#include "libos/string.h"

/* A piece of the request: one word, or one line without its end. */
struct piece {
    const char *start;
    uint32_t length;
};

static char lower(char byte) {
    return byte >= 'A' && byte <= 'Z' ? (char)(byte + 32) : byte;
}

/* Upper and lower case are the same; `text` is in lower case. */
static bool begins(struct piece piece, const char *text) {
    uint32_t i = 0;
    while (text[i] != '\0' && i < piece.length && lower(piece.start[i]) == text[i]) {
        i++;
    }
    return text[i] == '\0';
}

static bool contains(struct piece piece, const char *text) {
    for (; piece.length > 0; piece.start++, piece.length--) {
        if (begins(piece, text)) {
            return true;
        }
    }
    return false;
}

/* Cut off the first line, which ends with LF or CR LF. False: there is no whole one. */
static bool next_line(struct piece *rest, struct piece *line) {
    for (uint32_t i = 0; i < rest->length; i++) {
        if (rest->start[i] == '\n') {
            *line = (struct piece){rest->start, i > 0 && rest->start[i - 1] == '\r' ? i - 1 : i};
            *rest = (struct piece){rest->start + i + 1, rest->length - i - 1};
            return true;
        }
    }
    return false;
}

static struct piece next_word(struct piece *line) {
    uint32_t i = 0;
    while (i < line->length && line->start[i] != ' ') {
        i++;
    }
    struct piece word = {line->start, i};
    i += i < line->length;
    *line = (struct piece){line->start + i, line->length - i};
    return word;
}

static enum http_method method_of(struct piece word) {
    if (word.length == 3 && begins(word, "get")) {
        return HTTP_GET;
    }
    return word.length == 4 && begins(word, "head") ? HTTP_HEAD : HTTP_OTHER;
}

static void copy_path(char *to, struct piece target) {
    uint32_t i = 0;
    while (i < target.length && i + 1 < HTTP_PATH_BYTES && target.start[i] != '?') {
        to[i] = target.start[i];
        i++;
    }
    bool fits = i == target.length || target.start[i] == '?';
    to[fits ? i : 0] = '\0';
}

static bool parse_request_line(struct piece line, struct http_request *request) {
    request->method = method_of(next_word(&line));
    copy_path(request->path, next_word(&line));
    request->keep_alive = begins(line, "http/1.1");
    return begins(line, "http/1.");
}

enum http_result http_parse(const char *text, uint32_t length, struct http_request *request, uint32_t *used) {
    struct piece rest = {text, length};
    struct piece line;
    if (!next_line(&rest, &line)) {
        return HTTP_INCOMPLETE;
    }
    bool good = parse_request_line(line, request);
    while (next_line(&rest, &line)) {
        if (line.length == 0) {
            *used = length - rest.length;
            return good ? HTTP_COMPLETE : HTTP_BAD;
        }
        if (begins(line, "connection:")) {
            request->keep_alive =
                contains(line, "keep-alive") || (request->keep_alive && !contains(line, "close"));
        }
    }
    return HTTP_INCOMPLETE;
}

static const char *reason_of(unsigned status) {
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 416:
        return "Range Not Satisfiable";
    case 431:
        return "Request Header Fields Too Large";
    default:
        return "Service Unavailable";
    }
}

uint32_t http_header(char *out, uint32_t size, unsigned status, const char *type, uint64_t body_length,
                     bool keep_alive) {
    return (uint32_t)format_text(out, size,
                                 "HTTP/1.1 %u %s\r\n"
                                 "Content-Type: %s\r\n"
                                 "Content-Length: %lu\r\n"
                                 "Connection: %s\r\n\r\n",
                                 status, reason_of(status), type, body_length,
                                 keep_alive ? "keep-alive" : "close");
}
