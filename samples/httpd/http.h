/* SPDX-License-Identifier: BSD-3-Clause */
/* Just enough HTTP/1.1 (RFC 9112) for a server of small requests without bodies. */
#ifndef HTTPD_HTTP_H
#define HTTPD_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#define HTTP_PATH_BYTES 128

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_OTHER };

struct http_request {
    enum http_method method;
    char path[HTTP_PATH_BYTES]; /* without the query; "" if it is longer */
    bool keep_alive;
};

enum http_result { HTTP_INCOMPLETE, HTTP_COMPLETE, HTTP_BAD };

/* Read a request from the beginning of text. COMPLETE: *used says how many bytes it has. */
enum http_result http_parse(const char *text, uint32_t length, struct http_request *request, uint32_t *used);

/* The header of a response, into a buffer of `size` bytes; returns its length. */
uint32_t http_header(char *out, uint32_t size, unsigned status, const char *type, uint64_t body_length,
                     bool keep_alive);

#endif
