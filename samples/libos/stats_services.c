/* SPDX-License-Identifier: BSD-3-Clause */
/* The view runtime. */
#include "libos/runtime.h"
#include "libos/stats_output.h"

/* ---- runtime ---- */

static void say_driver(struct output *out, unsigned i, const struct runtime_driver *driver) {
    stats_say(out, "runtime.drivers.%u.name=%s", i, driver->name);
    stats_say(out, "runtime.drivers.%u.mode=%s", i, driver->poll ? "poll" : "interrupt");
    stats_say(out, "runtime.drivers.%u.interval_ns=%lu", i, driver->interval_ns);
    stats_say(out, "runtime.drivers.%u.polls=%lu", i, driver->polls);
    stats_say(out, "runtime.drivers.%u.empty_polls=%lu", i, driver->empty_polls);
    stats_say(out, "runtime.drivers.%u.interrupts=%lu", i, driver->interrupts);
}

static void say_pool(struct output *out, unsigned i, const struct buffer_pool *pool) {
    stats_say(out, "runtime.pools.%u.name=%s", i, pool->name);
    stats_say(out, "runtime.pools.%u.buffer_bytes=%lu", i, pool->buffer_bytes);
    stats_say(out, "runtime.pools.%u.total=%lu", i, pool->total);
    stats_say(out, "runtime.pools.%u.out=%lu", i, pool->out);
    stats_say(out, "runtime.pools.%u.peak=%lu", i, pool->peak);
    stats_say(out, "runtime.pools.%u.taken=%lu", i, pool->taken);
    stats_say(out, "runtime.pools.%u.released=%lu", i, pool->released);
    stats_say(out, "runtime.pools.%u.failed=%lu", i, pool->failed);
}

static void say_cache(struct output *out, unsigned i, const struct object_cache *cache) {
    stats_say(out, "runtime.caches.%u.name=%s", i, cache->name);
    stats_say(out, "runtime.caches.%u.object_bytes=%lu", i, cache->object_bytes);
    stats_say(out, "runtime.caches.%u.in_use=%lu", i, cache->in_use);
    stats_say(out, "runtime.caches.%u.cached=%lu", i, cache->cached);
    stats_say(out, "runtime.caches.%u.allocations=%lu", i, cache->allocations);
    stats_say(out, "runtime.caches.%u.frees=%lu", i, cache->frees);
    stats_say(out, "runtime.caches.%u.hits=%lu", i, cache->hits);
    stats_say(out, "runtime.caches.%u.flushes=%lu", i, cache->flushes);
}

void stats_runtime(struct output *out) {
    const struct runtime *table = runtime();
    for (unsigned i = 0; i < table->driver_count; i++) {
        say_driver(out, i, &table->drivers[i]);
    }
    for (unsigned i = 0; i < table->pool_count; i++) {
        say_pool(out, i, &table->pools[i]);
    }
    for (unsigned i = 0; i < table->cache_count; i++) {
        say_cache(out, i, &table->caches[i]);
    }
}
