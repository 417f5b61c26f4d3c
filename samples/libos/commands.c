/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/commands.h"

#include <stdbool.h>
#include <stddef.h>

#include <unidbg/command.h>
#include <unidbg/stub.h>

#include "libos/cloud.h"
#include "libos/console.h"
#include "libos/format.h"
#include "libos/icmp.h"
#include "libos/loop.h"
#include "libos/orchestration.h"
#include "libos/runtime.h"
#include "libos/stats.h"
#include "libos/string.h"

#define ARGUMENT_BYTES 128
#define LINE_BYTES 160

/* ---- at once ---- */

static void emit(void *out, const char *text) {
    unidbg_write(out, text);
}

static void stats(const char *arguments, struct unidbg_text *out) {
    stats_print(arguments, emit, out);
}

static void health(const char *arguments, struct unidbg_text *out) {
    const struct health *now = orchestration()->health;
    char line[LINE_BYTES];
    (void)arguments;
    if (now == NULL) {
        unidbg_write(out, "nobody checks\n");
        return;
    }
    format_text(line, sizeof(line), "%s: %lu passed, %lu failed, %lu timed out\n",
                health_outcome_name(health_latest()), now->passed, now->failed, now->timed_out);
    unidbg_write(out, line);
}

/* ---- later ---- */

/* The one command that waits for the loop. */
static struct {
    bool (*run)(char *arguments); /* NULL: none waits */
    const char *name;
    char arguments[ARGUMENT_BYTES];
} waiting;

static void defer(const char *name, bool (*run)(char *arguments), const char *arguments,
                  struct unidbg_text *out) {
    if (waiting.run != NULL) {
        unidbg_write(out, "busy: let the guest go on, the command before waits for that\n");
        return;
    }
    waiting.name = name;
    waiting.run = run;
    string_copy(waiting.arguments, sizeof(waiting.arguments), arguments);
    loop_notify(LOOP_COMMAND);
    unidbg_write(out, "done when the guest goes on; the log says how\n");
}

static void on_command(int32_t descriptor, void *data) {
    (void)descriptor;
    (void)data;
    if (waiting.run == NULL) {
        return;
    }
    char shown[ARGUMENT_BYTES];
    string_copy(shown, sizeof(shown), waiting.arguments);
    bool is_good = waiting.run(waiting.arguments);
    const char *name = waiting.name;
    waiting.run = NULL; /* before the log tells that it is done: then there may be the next */
    log_line("%s %s: %s", name, shown, is_good ? "ok" : "failed");
}

/* Cut the first word off; what is left is returned. */
static char *split(char *text) {
    while (*text != '\0' && *text != ' ') {
        text++;
    }
    if (*text == ' ') {
        *text++ = '\0';
    }
    return text;
}

static bool run_attach(char *name) {
    return cloud_volume_attach(name) || cloud_nic_attach(name);
}

static bool run_detach(char *name) {
    return cloud_volume_detach(name) || cloud_nic_detach(name);
}

static bool run_put(char *key) {
    const char *value = split(key);
    return cloud_metadata_put(key, value);
}

static bool run_register(char *name) {
    uint32_t port = 0;
    for (const char *digit = split(name); *digit >= '0' && *digit <= '9' && port <= UINT16_MAX; digit++) {
        port = port * 10 + (uint32_t)(*digit - '0');
    }
    return port > 0 && port <= UINT16_MAX && service_register(name, (uint16_t)port);
}

static bool run_deregister(char *name) {
    return service_deregister(name);
}

static bool run_flush(char *arguments) {
    (void)arguments;
    cache_flush_all();
    return true;
}

static bool run_ping(char *address) {
    ipv4_address to;
    return ipv4_parse(address, &to) && icmp_ping(to);
}

#define LATER(name_, help_, function_)                                                                       \
    static void name_(const char *arguments, struct unidbg_text *out) {                                      \
        defer(#name_, function_, arguments, out);                                                            \
    }                                                                                                        \
    UNIDBG_COMMAND(name_, help_, name_)

UNIDBG_COMMAND(stats, "stats: the guest's own counters, path=value (stats VIEW: those of one view)", stats);
UNIDBG_COMMAND(health, "health: how the last check of the health ended, and how many did", health);
LATER(ping, "ping ADDR: send echo requests; the log says what comes back", run_ping);
LATER(attach, "attach NAME: take a volume or a network card into use", run_attach);
LATER(detach, "detach NAME: take a volume or a network card out of use", run_detach);
LATER(put, "put KEY VALUE: put metadata", run_put);
LATER(announce, "announce NAME PORT: register a service", run_register);
LATER(withdraw, "withdraw NAME: deregister a service", run_deregister);
LATER(flush, "flush: give the objects in the caches back to the heap", run_flush);

void commands_init(void) {
    loop_handler_add(LOOP_COMMAND, on_command, &waiting);
}
