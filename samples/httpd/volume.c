/* SPDX-License-Identifier: BSD-3-Clause */
#include "httpd/volume.h"

#include <stddef.h>

#include "libos/block.h"
#include "libos/format.h"
#include "libos/runtime.h"
#include "libos/string.h"

#define BUFFER_BYTES (64u << 10)
#define BUFFERS 16
#define NAME_BYTES 16
#define LIST_BYTES 256

/* A response that is read piece by piece. It outlives its session if the device still has the buffer. */
struct volume_read {
    struct block_request request; /* first: the driver gives its address back */
    struct session *session;      /* NULL: gone */
    struct block_volume *volume;
    uint64_t offset; /* bytes on the volume, of what comes next */
    uint64_t rest;   /* bytes that have not been sent */
    uint8_t *buffer;
    uint32_t piece; /* bytes of it that were asked of the device, or are on their way to the peer */
    bool is_reading;
    bool has_begun; /* the header is sent */
    bool keep_alive;
};

static const char octets[] = "application/octet-stream";
static struct buffer_pool *buffers;
static struct object_cache *reads;

void volume_init(void) {
    uint32_t count;
    block_volumes(&count);
    if (count > 0) {
        buffers = pool_create("volume", BUFFER_BYTES, BUFFERS);
        reads = cache_create("volume read", sizeof(struct volume_read));
    }
}

/* ---- reading ---- */

static void release(struct volume_read *reading) {
    pool_release(buffers, reading->buffer);
    cache_free(reads, reading);
}

static uint32_t skipped(const struct volume_read *reading) {
    return (uint32_t)(reading->offset % BLOCK_SECTOR_BYTES);
}

/* Ask for whole sectors around what comes next. */
static bool read_piece(struct volume_read *reading) {
    uint32_t skip = skipped(reading);
    uint64_t wanted = skip + reading->rest;
    uint32_t most = wanted < BUFFER_BYTES ? (uint32_t)wanted : BUFFER_BYTES;
    uint32_t bytes = (most + BLOCK_SECTOR_BYTES - 1) / BLOCK_SECTOR_BYTES * BLOCK_SECTOR_BYTES;
    reading->piece = most - skip;
    reading->request.data = reading->buffer;
    reading->request.bytes = bytes;
    reading->is_reading =
        block_submit(reading->volume, &reading->request, BLOCK_READ, reading->offset / BLOCK_SECTOR_BYTES);
    return reading->is_reading;
}

static void send_piece(struct volume_read *reading) {
    if (!reading->has_begun) {
        const struct http_request request = {.method = HTTP_GET, .keep_alive = reading->keep_alive};
        respond_header(reading->session, &request, 200, octets, reading->rest);
        reading->has_begun = true;
    }
    tcp_send(reading->session->connection, reading->buffer + skipped(reading), reading->piece);
    tcp_flush();
}

/* Once the length is promised, the only way to say that it went wrong is to break off. */
static void give_up(struct volume_read *reading) {
    struct session *session = reading->session;
    const struct http_request request = {.method = HTTP_GET, .keep_alive = reading->keep_alive};
    if (reading->has_begun) {
        tcp_abort(session->connection);
    } else {
        volume_end(session);
        respond_text(session, &request, 503, "the volume cannot be read there\n");
        tcp_flush();
    }
}

static void on_read(struct block_request *request, bool is_good) {
    struct volume_read *reading = (struct volume_read *)request;
    reading->is_reading = false;
    if (reading->session == NULL) {
        release(reading);
    } else if (is_good) {
        send_piece(reading);
    } else {
        give_up(reading);
    }
}

bool volume_sent(struct session *session) {
    struct volume_read *reading = session->reading;
    if (reading == NULL) {
        return false;
    }
    reading->offset += reading->piece;
    reading->rest -= reading->piece;
    if (reading->rest == 0) {
        volume_end(session);
        return false;
    }
    if (!read_piece(reading)) {
        tcp_abort(session->connection);
    }
    return true;
}

void volume_end(struct session *session) {
    struct volume_read *reading = session->reading;
    session->reading = NULL;
    if (reading != NULL && reading->is_reading) {
        reading->session = NULL;
    } else if (reading != NULL) {
        release(reading);
    }
}

/* NULL: too many are read already. */
static struct volume_read *begin(struct session *session, struct block_volume *volume, uint64_t offset,
                                 uint64_t length) {
    struct volume_read *reading = cache_allocate(reads);
    if (reading == NULL) {
        return NULL;
    }
    reading->request.done = on_read;
    reading->session = session;
    reading->volume = volume;
    reading->offset = offset;
    reading->rest = length;
    reading->buffer = pool_take(buffers);
    if (reading->buffer == NULL) {
        cache_free(reads, reading);
        return NULL;
    }
    if (!read_piece(reading)) {
        release(reading);
        return NULL;
    }
    return reading;
}

/* ---- answers ---- */

static void list(struct session *session, const struct http_request *request) {
    static char text[LIST_BYTES]; /* what changes while it is on its way is a number of the same length */
    uint32_t count;
    const struct block_volume *volumes = block_volumes(&count);
    size_t length = 0;
    for (uint32_t i = 0; i < count && length < sizeof(text); i++) {
        length += format_text(text + length, sizeof(text) - length, "%s %lu %s\n", volumes[i].name,
                              volumes[i].capacity_bytes, volumes[i].attached ? "attached" : "detached");
    }
    respond(session, request, 200, "text/plain", text, length);
}

/* "/123": a number, and where it ends. False: it is none. */
static bool take_number(const char **text, uint64_t *number) {
    const char *at = *text;
    *number = 0;
    if (*at++ != '/' || *at < '0' || *at > '9') {
        return false;
    }
    for (; *at >= '0' && *at <= '9'; at++) {
        if (*number > UINT64_MAX / 16) {
            return false;
        }
        *number = *number * 10 + (uint64_t)(*at - '0');
    }
    *text = at;
    return true;
}

/* "/vda": the volume, and where its name ends; NULL: there is none. */
static struct block_volume *take_volume(const char **text) {
    char name[NAME_BYTES];
    size_t length = 0;
    const char *at = *text + 1;
    while (at[length] != '\0' && at[length] != '/' && length + 1 < sizeof(name)) {
        name[length] = at[length];
        length++;
    }
    name[length] = '\0';
    *text = at + length;
    return block_volume(name);
}

/* What follows the name: nothing, or offset and length. */
static bool take_extent(const char *text, const struct block_volume *volume, uint64_t *offset,
                        uint64_t *length) {
    if (*text == '\0') {
        *offset = 0;
        *length = volume->capacity_bytes;
        return true;
    }
    return take_number(&text, offset) && take_number(&text, length) && *text == '\0';
}

static void send_extent(struct session *session, const struct http_request *request,
                        struct block_volume *volume, uint64_t offset, uint64_t length) {
    if (request->method == HTTP_HEAD) {
        respond_header(session, request, 200, octets, length);
        return;
    }
    session->reading = begin(session, volume, offset, length);
    if (session->reading == NULL) {
        respond_text(session, request, 503, "the volume is detached or busy\n");
    } else {
        session->reading->keep_alive = request->keep_alive;
        session->is_sending = true; /* the next request has to wait */
    }
}

void volume_answer(struct session *session, const struct http_request *request, const char *rest) {
    uint64_t offset;
    uint64_t length;
    if (*rest == '\0') {
        list(session, request);
        return;
    }
    struct block_volume *volume = take_volume(&rest);
    if (volume == NULL) {
        respond_text(session, request, 404, "there is no such volume\n");
    } else if (!take_extent(rest, volume, &offset, &length)) {
        respond_text(session, request, 400, "/volume/NAME/OFFSET/LENGTH is known, decimal\n");
    } else if (length == 0 || offset > volume->capacity_bytes || length > volume->capacity_bytes - offset) {
        respond_text(session, request, 416, "beyond the end of the volume, or nothing\n");
    } else {
        send_extent(session, request, volume, offset, length);
    }
}
