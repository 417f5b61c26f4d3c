/* SPDX-License-Identifier: BSD-3-Clause */
/* A connection of the web server, and how it is answered. */
#ifndef HTTPD_SESSION_H
#define HTTPD_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "httpd/http.h"
#include "libos/tcp.h"

#define REQUEST_BYTES 2048
#define HEADER_BYTES 256

struct session {
    struct tcp_connection *connection;
    char request[REQUEST_BYTES];
    uint32_t request_length;
    char header[HEADER_BYTES];
    char *stats;                 /* pages, while /stats is on its way, else NULL */
    struct volume_read *reading; /* while a volume is on its way, else NULL */
    bool is_sending;             /* a response is not acknowledged yet */
    bool is_last;                /* close after it */
};

/* The whole response; the body has to stay until it is acknowledged. */
void respond(struct session *session, const struct http_request *request, unsigned status, const char *type,
             const char *body, uint64_t length);
void respond_text(struct session *session, const struct http_request *request, unsigned status,
                  const char *text);
/* The header alone: the body will be sent piece by piece. */
void respond_header(struct session *session, const struct http_request *request, unsigned status,
                    const char *type, uint64_t length);

#endif
