/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/http_put.h"

#include <stddef.h>

#include "libos/cloud.h"
#include "libos/console.h"
#include "libos/format.h"
#include "libos/loop.h"
#include "libos/network.h"
#include "libos/string.h"

#define WAITING 8
#define PATIENCE_NS 3000000000ul
#define REQUEST_BYTES 512
#define STATUS_AT 9 /* behind "HTTP/1.1 " */
#define STATUS_LINE_BYTES 12

struct put {
    char key[CLOUD_KEY_BYTES];
    char value[CLOUD_VALUE_BYTES];
};

static struct {
    ipv4_address address;
    uint16_t port; /* 0: nobody */
} server;
static struct put waiting[WAITING]; /* ring */
static uint32_t first;              /* that is being put, or will be next */
static uint32_t count;
static struct tcp_connection *current; /* NULL: nothing is being put */
static struct loop_timer *patience;
static char request[REQUEST_BYTES];
static char answer[STATUS_LINE_BYTES]; /* its beginning */
static uint32_t answer_length;

static void start_next(void *data);

static void send_request(struct tcp_connection *connection) {
    const struct put *put = &waiting[first % WAITING];
    size_t length = format_text(request, sizeof(request),
                                "PUT /%s HTTP/1.1\r\nHost: unidbg\r\nContent-Type: text/plain\r\n"
                                "Content-Length: %lu\r\nConnection: close\r\n\r\n%s",
                                put->key, strlen(put->value), put->value);
    tcp_send(connection, request, (uint32_t)length);
}

/* The status is all that matters: whether the server closes or not, we do. */
static void take(struct tcp_connection *connection, const uint8_t *data, uint32_t length) {
    for (uint32_t i = 0; i < length && answer_length < sizeof(answer); i++) {
        answer[answer_length++] = (char)data[i];
    }
    if (answer_length == sizeof(answer)) {
        tcp_close(connection);
    }
}

/* The server took it if it answered 2xx. */
static void finish(void) {
    bool is_good =
        answer_length == sizeof(answer) && memcmp(answer, "HTTP/1.", 7) == 0 && answer[STATUS_AT] == '2';
    log_line("metadata: %s %s", waiting[first % WAITING].key, is_good ? "put" : "not put");
    first++;
    count--;
    current = NULL;
    loop_timer_stop(patience);
    loop_timer_start(start_next, NULL, 0, 0); /* not here: the connection is only about to end */
}

static void on_event(struct tcp_connection *connection, enum tcp_event event, const uint8_t *data,
                     uint32_t length) {
    switch (event) {
    case TCP_ACCEPTED:
        send_request(connection);
        break;
    case TCP_RECEIVED:
        take(connection, data, length);
        break;
    case TCP_PEER_CLOSED:
        tcp_close(connection);
        break;
    case TCP_ENDED:
        finish();
        break;
    case TCP_SENT:
        break;
    }
}

static void give_up(void *data) {
    (void)data;
    tcp_abort(current);
}

static void start_next(void *data) {
    (void)data;
    if (current != NULL || count == 0) {
        return;
    }
    answer_length = 0;
    current = tcp_connect(server.address, server.port, on_event);
    if (current == NULL) {
        log_line("metadata: no connection is free");
        count = 0;
        return;
    }
    patience = loop_timer_start(give_up, NULL, PATIENCE_NS, 0);
}

bool http_put(const char *key, const char *value) {
    if (server.port == 0 || count == WAITING) {
        return false;
    }
    struct put *put = &waiting[(first + count++) % WAITING];
    string_copy(put->key, sizeof(put->key), key);
    string_copy(put->value, sizeof(put->value), value);
    loop_timer_start(start_next, NULL, 0, 0);
    return true;
}

bool http_put_init(const char *text) {
    char address[16];
    size_t length = 0;
    uint32_t port = 0;
    while (text[length] != ':' && text[length] != '\0') {
        length++;
    }
    if (text[length] == '\0' || length >= sizeof(address)) {
        return false;
    }
    memcpy(address, text, length);
    address[length] = '\0';
    for (const char *digit = text + length + 1; *digit >= '0' && *digit <= '9' && port <= UINT16_MAX;
         digit++) {
        port = port * 10 + (uint32_t)(*digit - '0');
    }
    if (!ipv4_parse(address, &server.address) || port > UINT16_MAX || network.interface_count == 0) {
        return false;
    }
    server.port = (uint16_t)port;
    return port != 0;
}
