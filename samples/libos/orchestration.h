/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the guest takes part in a crowd: it checks its own health, says whether there should be more or fewer of its kind,
 * and tells others by UDP which services it has.
 */
#ifndef LIBOS_ORCHESTRATION_H
#define LIBOS_ORCHESTRATION_H

#include <stdbool.h>
#include <stdint.h>

#include "libos/wire.h"

#define HEALTH_RESULTS 8
#define SERVICES 16
#define SERVICES_OWN 4 /* of them at most; the rest is for what is heard */
#define SERVICE_NAME_BYTES 32
#define DISCOVERY_PORT 7350

enum health_outcome { HEALTH_OK, HEALTH_FAILED, HEALTH_TIMEOUT };

struct health_result {
    uint64_t time_ns; /* when it ended; 0: slot unused */
    enum health_outcome outcome;
    uint64_t duration_ns;
};

/* Begins a check, and returns; health_answer() with the same number ends it, at once or later. */
typedef void health_check(uint64_t number);

struct health {
    health_check *check;
    uint64_t interval_ns;
    uint64_t timeout_ns;
    uint64_t passed;
    uint64_t failed;
    uint64_t timed_out;
    uint64_t started_ns; /* the check that runs now; 0: none */
    struct health_result results[HEALTH_RESULTS];
    uint32_t result_count;
    uint64_t results_written; /* the latest is in the slot before, modulo result_count */
};

struct scaling {
    uint32_t minimum; /* instances */
    uint32_t maximum;
    uint32_t instances; /* this one, and those that are heard to have the same service */
    uint32_t wanted;
    uint32_t load_percent; /* of the last second, that the event loop was busy */
    uint32_t up_percent;   /* thresholds */
    uint32_t down_percent;
};

struct service {
    char name[SERVICE_NAME_BYTES];
    ipv4_address address;
    uint16_t port;
    bool own;
    bool active;
    uint64_t announcements;
    uint64_t seen_ns; /* announced or heard last; 0: never */
};

struct orchestration {
    uint64_t now_ns; /* clock_ns() as it was read last, at least ten times a second */
    const struct health *health;
    const struct scaling *scaling;
    struct service services[SERVICES];
    uint32_t service_count;
};

const struct orchestration *orchestration(void);
/* The clock, and note it. */
uint64_t orchestration_now(void);

/* Check at once and at each interval. `health=fail` and `health=hang` on the command line put a check in its place that
 * always fails, or never ends. */
void health_start(health_check *check, uint64_t interval_ns, uint64_t timeout_ns);
/* The check of this number has ended. One that comes too late is ignored. */
void health_answer(uint64_t number, bool is_good);
/* Of the check that ended last; HEALTH_OK before that. */
enum health_outcome health_latest(void);
const char *health_outcome_name(enum health_outcome outcome);

/* Watch the load, and how many instances there are of our first service. */
void scaling_start(uint32_t minimum, uint32_t maximum, uint32_t up_percent, uint32_t down_percent);

/*
 * Enter a service, of letters, digits, dots and hyphens. With `discovery` or `discovery=PORT` on the command line it is announced
 * each second to everybody on the networks we are on, and what others announce is entered, too, until they fall silent.
 * False: no such name, or no room.
 */
bool service_register(const char *name, uint16_t port);
bool service_deregister(const char *name);
/* Instances of our first service. */
uint32_t service_instances(void);

/* By orchestration.c: listen, and be called each second. */
void discovery_start(struct service *table, uint32_t slots);
void discovery_tick(void);
bool discovery_register(const char *name, uint16_t port);

#endif
