/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * httpd: a web server as a unikernel. /healthz says how it is, /stats prints the guest's counters, /blob is 1 MiB of
 * numbered lines, /volume the disks; UDP port 7 echoes.
 */
#include <stddef.h>

#include "httpd/health.h"
#include "httpd/http.h"
#include "httpd/session.h"
#include "httpd/volume.h"
#include "libos/app.h"
#include "libos/cloud.h"
#include "libos/console.h"
#include "libos/loop.h"
#include "libos/memory.h"
#include "libos/network.h"
#include "libos/orchestration.h"
#include "libos/paging.h"
#include "libos/panic.h"
#include "libos/runtime.h"
#include "libos/stats.h"
#include "libos/string.h"

#define HTTP_PORT 80
#define ECHO_PORT 7
#define BLOB_BYTES (1ul << 20)
#define BLOB_LINE 16
#define STATS_PAGES 16
#define REPORT_NS 10000000000ul

/* Text that grows in a buffer; what does not fit is cut. */
struct text {
    char *start;
    uint32_t length;
    uint32_t size;
};

static struct object_cache *sessions;
static char *blob;
static uint64_t requests;
static uint64_t failures; /* answered with 4xx or 5xx */

static const uint16_t ports[] = {HTTP_PORT, ECHO_PORT};
static const char index_page[] =
    "<!doctype html><title>unidbg httpd</title><h1>It serves</h1>"
    "<p><a href=/healthz>healthz</a> <a href=/stats>stats</a> <a href=/blob>blob</a>\n";

const struct app_config app_config = {
    .name = "httpd",
    .memory_bytes = 8 << 20,
    .needs_network = true,
    .ports = ports,
    .port_count = sizeof(ports) / sizeof(ports[0]),
};

/* ---- responses ---- */

void respond_header(struct session *session, const struct http_request *request, unsigned status,
                    const char *type, uint64_t length) {
    session->is_last = !request->keep_alive;
    session->is_sending = true;
    failures += status >= 400;
    uint32_t header_length =
        http_header(session->header, sizeof(session->header), status, type, length, request->keep_alive);
    tcp_send(session->connection, session->header, header_length);
}

void respond(struct session *session, const struct http_request *request, unsigned status, const char *type,
             const char *body, uint64_t length) {
    respond_header(session, request, status, type, length);
    if (request->method != HTTP_HEAD && length > 0) {
        tcp_send(session->connection, body, (uint32_t)length);
    }
}

void respond_text(struct session *session, const struct http_request *request, unsigned status,
                  const char *text) {
    respond(session, request, status, "text/plain", text, strlen(text));
}

static void append(void *context, const char *piece) {
    struct text *text = context;
    text->length += (uint32_t)string_copy(text->start + text->length, text->size - text->length, piece);
}

static void respond_stats(struct session *session, const struct http_request *request) {
    session->stats = page_allocate(STATS_PAGES);
    if (session->stats == NULL) {
        respond_text(session, request, 503, "no memory\n");
        return;
    }
    struct text text = {session->stats, 0, STATS_PAGES * PAGE_BYTES};
    stats_print("", append, &text);
    respond(session, request, 200, "text/plain", text.start, text.length);
}

static void answer(struct session *session, const struct http_request *request) {
    const char *path = request->path;
    requests++;
    if (request->method == HTTP_OTHER) {
        respond_text(session, request, 405, "GET and HEAD are known\n");
    } else if (string_equal(path, "/healthz")) {
        health_respond(session, request);
    } else if (string_equal(path, "/stats")) {
        respond_stats(session, request);
    } else if (string_equal(path, "/blob")) {
        respond(session, request, 200, "text/plain", blob, BLOB_BYTES);
    } else if (string_equal(path, "/volume") || string_starts_with(path, "/volume/")) {
        volume_answer(session, request, path + sizeof("/volume") - 1);
    } else if (string_equal(path, "/")) {
        respond(session, request, 200, "text/html", index_page, sizeof(index_page) - 1);
    } else {
        respond_text(session, request, 404, "not found\n");
    }
}

/* ---- requests ---- */

static void refuse(struct session *session, unsigned status) {
    static const struct http_request bad = {.method = HTTP_GET, .keep_alive = false};
    session->request_length = 0;
    respond_text(session, &bad, status, "that is no request for this server\n");
}

/* The next whole request, unless a response is still on its way. */
static void serve(struct session *session) {
    struct http_request request;
    uint32_t used;
    if (session->is_sending || session->is_last) {
        return;
    }
    switch (http_parse(session->request, session->request_length, &request, &used)) {
    case HTTP_COMPLETE:
        session->request_length -= used;
        memmove(session->request, session->request + used, session->request_length);
        answer(session, &request);
        break;
    case HTTP_BAD:
        refuse(session, 400);
        break;
    case HTTP_INCOMPLETE:
        if (session->request_length == REQUEST_BYTES) {
            refuse(session, 431);
        }
        break;
    }
}

/* What finds no room is lost: the request that fills the buffer is refused, and the connection closed. */
static void take(struct session *session, const uint8_t *data, uint32_t length) {
    uint32_t room = REQUEST_BYTES - session->request_length;
    uint32_t taken = length < room ? length : room;
    memcpy(session->request + session->request_length, data, taken);
    session->request_length += taken;
}

/* ---- connections ---- */

static void open(struct tcp_connection *connection) {
    struct session *session = cache_allocate(sessions);
    if (session == NULL) {
        tcp_abort(connection);
        return;
    }
    session->connection = connection;
    connection->data = session;
}

static void release_stats(struct session *session) {
    if (session->stats != NULL) {
        page_free(session->stats, STATS_PAGES);
        session->stats = NULL;
    }
}

static void sent(struct session *session) {
    if (volume_sent(session)) {
        return;
    }
    session->is_sending = false;
    release_stats(session);
    if (session->is_last) {
        tcp_close(session->connection);
    } else {
        serve(session);
    }
}

static void peer_closed(struct session *session) {
    session->is_last = true;
    if (!session->is_sending) {
        tcp_close(session->connection);
    }
}

static void http_event(struct tcp_connection *connection, enum tcp_event event, const uint8_t *data,
                       uint32_t length) {
    struct session *session = connection->data;
    if (event == TCP_ACCEPTED) {
        open(connection);
        return;
    }
    if (session == NULL) {
        return; /* refused in open() */
    }
    switch (event) {
    case TCP_RECEIVED:
        take(session, data, length);
        serve(session);
        break;
    case TCP_SENT:
        sent(session);
        break;
    case TCP_PEER_CLOSED:
        peer_closed(session);
        break;
    case TCP_ENDED:
        release_stats(session);
        volume_end(session);
        cache_free(sessions, session);
        break;
    default:
        break;
    }
}

/* ---- start ---- */

/* Each line is its own offset: 15 hexadecimal digits and a newline. */
static char *make_blob(void) {
    char *start = page_allocate(BLOB_BYTES / PAGE_BYTES);
    if (start == NULL) {
        panic("no memory for the blob");
    }
    for (uint64_t at = 0; at < BLOB_BYTES; at += BLOB_LINE) {
        for (unsigned digit = 0; digit < BLOB_LINE - 1; digit++) {
            start[at + digit] = "0123456789abcdef"[at >> 4 * (BLOB_LINE - 2 - digit) & 15];
        }
        start[at + BLOB_LINE - 1] = '\n';
    }
    return start;
}

static void report(void *data) {
    static uint64_t reported;
    (void)data;
    if (requests != reported) {
        reported = requests;
        log_line("httpd: %lu requests, %lu refused", requests, failures);
    }
}

void app_main(void) {
    blob = make_blob();
    sessions = cache_create("http session", sizeof(struct session));
    volume_init();
    tcp_listen(HTTP_PORT, http_event);
    udp_listen(ECHO_PORT, udp_echo);
    loop_timer_start(report, NULL, REPORT_NS, REPORT_NS);
    health_init();
    scaling_start(1, 4, 75, 10);
    service_register("httpd", HTTP_PORT);
    cloud_metadata_put("state", "serving");
    log_line("httpd: serving port %u", HTTP_PORT);
}
