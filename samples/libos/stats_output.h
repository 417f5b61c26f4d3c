/* SPDX-License-Identifier: BSD-3-Clause */
/* How the parts of stats.c write. */
#ifndef LIBOS_STATS_OUTPUT_H
#define LIBOS_STATS_OUTPUT_H

#include <stdbool.h>

struct output {
    void (*emit)(void *context, const char *text);
    void *context;
};

/* One line, cut at 255 bytes. */
void stats_say(struct output *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* path=text, however long. */
void stats_say_text(struct output *out, const char *path, const char *text);

static inline const char *stats_boolean(bool value) {
    return value ? "true" : "false";
}

void stats_heap(struct output *out);     /* of stats_heap.c */
void stats_security(struct output *out); /* of stats_security.c */

/* Views of stats_network.c; slots are those of the rings, and the chains of the queues under them. */
void stats_net(struct output *out);
void stats_rings(struct output *out);
void stats_slots(struct output *out);

/* Views of stats_services.c. */
void stats_cloud(struct output *out);
void stats_orchestration(struct output *out);
void stats_runtime(struct output *out);

#endif
