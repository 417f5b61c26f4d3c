/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/orchestration.h"

#include <stddef.h>

#include <unidbg/probe.h>

#include "libos/boot.h"
#include "libos/clock.h"
#include "libos/console.h"
#include "libos/loop.h"
#include "libos/security.h"
#include "libos/string.h"

#define NS_PER_SECOND 1000000000ul
#define TICKS_PER_SECOND 10
#define WORD_BYTES 8

static struct health health = {.result_count = HEALTH_RESULTS};
static struct scaling scaling;
static struct orchestration table = {.service_count = SERVICES};
static uint64_t run; /* number of the check that runs, or ran last */
static struct loop_timer *timeout;

UNIDBG_PROBE(orchestration, main, &table);

const struct orchestration *orchestration(void) {
    return &table;
}

uint64_t orchestration_now(void) {
    table.now_ns = clock_ns();
    return table.now_ns;
}

/* ---- health ---- */

const char *health_outcome_name(enum health_outcome outcome) {
    static const char *const names[] = {"ok", "failed", "timeout"};
    return names[outcome];
}

enum health_outcome health_latest(void) {
    return health.results_written > 0 ? health.results[(health.results_written - 1) % HEALTH_RESULTS].outcome
                                      : HEALTH_OK;
}

static void end_check(enum health_outcome outcome) {
    uint64_t now = orchestration_now();
    enum health_outcome before = health_latest();
    health.results[health.results_written % HEALTH_RESULTS] =
        (struct health_result){now, outcome, now - health.started_ns};
    health.results_written++;
    health.passed += outcome == HEALTH_OK;
    health.failed += outcome == HEALTH_FAILED;
    health.timed_out += outcome == HEALTH_TIMEOUT;
    health.started_ns = 0;
    if (outcome != before) {
        log_line("health: %s", health_outcome_name(outcome));
    }
}

void health_answer(uint64_t number, bool is_good) {
    if (health.started_ns != 0 && number == run) {
        loop_timer_stop(timeout);
        end_check(is_good ? HEALTH_OK : HEALTH_FAILED);
    }
}

static void on_timeout(void *data) {
    (void)data;
    end_check(HEALTH_TIMEOUT);
}

/* The timeout is shorter than the interval: the check before has ended. */
static void on_interval(void *data) {
    (void)data;
    run++;
    health.started_ns = orchestration_now();
    timeout = loop_timer_start(on_timeout, NULL, health.timeout_ns, 0);
    CHECKED(health.check)(run);
}

static void check_that_fails(uint64_t number) {
    health_answer(number, false);
}

static void check_that_hangs(uint64_t number) {
    (void)number;
}

/* The check that the command line asks for, else the application's own. */
static health_check *chosen(health_check *check) {
    char word[WORD_BYTES];
    boot_option("health", word, sizeof(word));
    if (string_equal(word, "fail")) {
        return check_that_fails;
    }
    return string_equal(word, "hang") ? check_that_hangs : check;
}

void health_start(health_check *check, uint64_t interval_ns, uint64_t timeout_ns) {
    health.check = chosen(check);
    health.interval_ns = interval_ns;
    health.timeout_ns = timeout_ns < interval_ns ? timeout_ns : interval_ns / 2;
    table.health = &health;
    loop_timer_start(on_interval, NULL, 0, interval_ns);
}

/* ---- scaling and discovery, each second; the clock more often, so that ages are true ---- */

static uint32_t measure_load(void) {
    static uint64_t busy_before;
    static uint64_t time_before;
    uint64_t busy = event_loop()->busy_ns;
    uint64_t time = table.now_ns;
    uint64_t load = time > time_before ? (busy - busy_before) * 100 / (time - time_before) : 0;
    busy_before = busy;
    time_before = time;
    return load < 100 ? (uint32_t)load : 100;
}

static void decide(void) {
    scaling.load_percent = measure_load();
    scaling.instances = service_instances();
    uint32_t wanted = scaling.instances;
    if (scaling.load_percent >= scaling.up_percent) {
        wanted++;
    } else if (scaling.load_percent <= scaling.down_percent) {
        wanted--;
    }
    wanted = wanted < scaling.minimum ? scaling.minimum : wanted;
    scaling.wanted = wanted > scaling.maximum ? scaling.maximum : wanted;
}

static void on_tick(void *data) {
    static uint32_t ticks;
    (void)data;
    orchestration_now();
    if (++ticks % TICKS_PER_SECOND != 0) {
        return;
    }
    discovery_tick();
    if (table.scaling != NULL) {
        decide();
    }
}

static void start_ticking(void) {
    static bool is_ticking;
    if (!is_ticking) {
        is_ticking = true;
        orchestration_now();
        discovery_start(table.services, table.service_count);
        loop_timer_start(on_tick, NULL, NS_PER_SECOND / TICKS_PER_SECOND, NS_PER_SECOND / TICKS_PER_SECOND);
    }
}

bool service_register(const char *name, uint16_t port) {
    start_ticking();
    return discovery_register(name, port);
}

void scaling_start(uint32_t minimum, uint32_t maximum, uint32_t up_percent, uint32_t down_percent) {
    start_ticking();
    scaling = (struct scaling){
        .minimum = minimum, .maximum = maximum, .up_percent = up_percent, .down_percent = down_percent};
    decide();
    table.scaling = &scaling;
}
