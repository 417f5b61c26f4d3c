/* SPDX-License-Identifier: BSD-3-Clause */
#include "httpd/health.h"

#include <stddef.h>

#include "libos/block.h"
#include "libos/memory.h"
#include "libos/orchestration.h"

#define NS_PER_MILLISECOND 1000000ul
#define INTERVAL_NS (1000 * NS_PER_MILLISECOND)
#define TIMEOUT_NS (500 * NS_PER_MILLISECOND)
#define PAGES_NEEDED 32 /* for the next few requests */

/* A read of the first sector of the first volume. It stays with the device for as long as that takes. */
static struct {
    struct block_request request;
    uint8_t sector[BLOCK_SECTOR_BYTES];
    bool is_reading;
    uint64_t run; /* the check that it is for */
} probe;

static void on_read(struct block_request *request, bool is_good) {
    (void)request;
    probe.is_reading = false;
    health_answer(probe.run, is_good);
}

static void read_volume(struct block_volume *volume, uint64_t run) {
    if (probe.is_reading) {
        return; /* since the check before: this one will time out, too */
    }
    probe.request =
        (struct block_request){.done = on_read, .data = probe.sector, .bytes = sizeof(probe.sector)};
    probe.run = run;
    probe.is_reading = block_submit(volume, &probe.request, BLOCK_READ, 0);
    if (!probe.is_reading) {
        health_answer(run, false);
    }
}

/* There is memory, and the disk, if there is one, answers. */
static void check_memory_and_disk(uint64_t run) {
    struct block_volume *volume = block_volume("vda");
    if (memory_manager()->page_free < PAGES_NEEDED) {
        health_answer(run, false);
    } else if (volume != NULL && volume->attached) {
        read_volume(volume, run);
    } else {
        health_answer(run, true);
    }
}

void health_init(void) {
    health_start(check_memory_and_disk, INTERVAL_NS, TIMEOUT_NS);
}

void health_respond(struct session *session, const struct http_request *request) {
    static const char *const bodies[] = {"ok\n", "failed\n", "timeout\n"};
    enum health_outcome outcome = health_latest();
    respond_text(session, request, outcome == HEALTH_OK ? 200 : 503, bodies[outcome]);
}
