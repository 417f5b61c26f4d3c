/* SPDX-License-Identifier: BSD-3-Clause */
/* The views cloud, orchestration and runtime. */
#include "libos/cloud.h"
#include "libos/orchestration.h"
#include "libos/runtime.h"
#include "libos/stats_output.h"

/* ---- cloud ---- */

static void say_metadata(struct output *out, unsigned i, const struct cloud_metadata *metadata) {
    stats_say(out, "cloud.metadata.%u.key=%s", i, metadata->key);
    stats_say(out, "cloud.metadata.%u.value=%s", i, metadata->value);
    stats_say(out, "cloud.metadata.%u.source=%s", i, metadata->source);
}

static void say_volume(struct output *out, unsigned i, const struct block_volume *volume) {
    stats_say(out, "cloud.volumes.%u.name=%s", i, volume->name);
    stats_say(out, "cloud.volumes.%u.attached=%s", i, stats_boolean(volume->attached));
    stats_say(out, "cloud.volumes.%u.capacity_bytes=%lu", i, volume->capacity_bytes);
    stats_say(out, "cloud.volumes.%u.block_bytes=%lu", i, volume->block_bytes);
    stats_say(out, "cloud.volumes.%u.read_bytes=%lu", i, volume->read_bytes);
    stats_say(out, "cloud.volumes.%u.written_bytes=%lu", i, volume->written_bytes);
    stats_say(out, "cloud.volumes.%u.errors=%lu", i, volume->errors);
}

static void say_nic(struct output *out, unsigned i, const struct cloud_nic *nic) {
    const uint8_t *mac = nic->mac.bytes;
    stats_say(out, "cloud.nics.%u.name=%s", i, nic->name);
    stats_say(out, "cloud.nics.%u.attached=%s", i, stats_boolean(nic->attached));
    stats_say(out, "cloud.nics.%u.mac=%02x:%02x:%02x:%02x:%02x:%02x", i, mac[0], mac[1], mac[2], mac[3],
              mac[4], mac[5]);
}

void stats_cloud(struct output *out) {
    const struct cloud *table = cloud();
    stats_say(out, "cloud.put_channel=%s", table->put_channel);
    for (unsigned i = 0; i < table->metadata_count; i++) {
        say_metadata(out, i, &table->metadata[i]);
    }
    for (unsigned i = 0; i < table->volume_count; i++) {
        say_volume(out, i, &table->volumes[i]);
    }
    for (unsigned i = 0; i < table->nic_count; i++) {
        say_nic(out, i, &table->nics[i]);
    }
    for (unsigned i = 0; i < table->hook_count; i++) {
        stats_say(out, "cloud.hooks.%u.name=%s", i, table->hooks[i].name);
        stats_say(out, "cloud.hooks.%u.function=%p", i, (void *)table->hooks[i].function);
    }
}

/* ---- orchestration ---- */

static void say_result(struct output *out, unsigned i, const struct health_result *result) {
    stats_say(out, "orchestration.health.results.%u.time_ns=%lu", i, result->time_ns);
    stats_say(out, "orchestration.health.results.%u.outcome=%s", i, health_outcome_name(result->outcome));
    stats_say(out, "orchestration.health.results.%u.duration_ns=%lu", i, result->duration_ns);
}

/* The latest result first. */
static void say_results(struct output *out, const struct health *health, uint64_t now) {
    uint64_t written = health->results_written;
    for (unsigned i = 0; i < health->result_count && i < written; i++) {
        const struct health_result *result = &health->results[(written - 1 - i) % health->result_count];
        if (i == 0) {
            stats_say(out, "orchestration.health.age_ns=%lu", now - result->time_ns);
        }
        say_result(out, i, result);
    }
}

static void say_health(struct output *out, const struct health *health, uint64_t now) {
    stats_say(out, "orchestration.health.check=%p", (void *)health->check);
    stats_say(out, "orchestration.health.interval_ns=%lu", health->interval_ns);
    stats_say(out, "orchestration.health.timeout_ns=%lu", health->timeout_ns);
    stats_say(out, "orchestration.health.passed=%lu", health->passed);
    stats_say(out, "orchestration.health.failed=%lu", health->failed);
    stats_say(out, "orchestration.health.timed_out=%lu", health->timed_out);
    stats_say(out, "orchestration.health.running_ns=%lu",
              health->started_ns != 0 ? now - health->started_ns : 0);
    say_results(out, health, now);
}

static void say_scaling(struct output *out, const struct scaling *scaling) {
    stats_say(out, "orchestration.scaling.minimum=%u", scaling->minimum);
    stats_say(out, "orchestration.scaling.maximum=%u", scaling->maximum);
    stats_say(out, "orchestration.scaling.instances=%u", scaling->instances);
    stats_say(out, "orchestration.scaling.wanted=%u", scaling->wanted);
    stats_say(out, "orchestration.scaling.load_percent=%u", scaling->load_percent);
    stats_say(out, "orchestration.scaling.up_percent=%u", scaling->up_percent);
    stats_say(out, "orchestration.scaling.down_percent=%u", scaling->down_percent);
}

static void say_service(struct output *out, unsigned i, const struct service *service) {
    const uint8_t *at = (const uint8_t *)&service->address;
    stats_say(out, "orchestration.services.%u.name=%s", i, service->name);
    stats_say(out, "orchestration.services.%u.address=%u.%u.%u.%u", i, at[0], at[1], at[2], at[3]);
    stats_say(out, "orchestration.services.%u.port=%u", i, service->port);
    stats_say(out, "orchestration.services.%u.own=%s", i, stats_boolean(service->own));
    stats_say(out, "orchestration.services.%u.announcements=%lu", i, service->announcements);
    stats_say(out, "orchestration.services.%u.seen_ns=%lu", i, service->seen_ns);
}

void stats_orchestration(struct output *out) {
    const struct orchestration *table = orchestration();
    unsigned shown = 0;
    stats_say(out, "orchestration.now_ns=%lu", table->now_ns);
    if (table->health != NULL) {
        say_health(out, table->health, table->now_ns);
    }
    if (table->scaling != NULL) {
        say_scaling(out, table->scaling);
    }
    for (unsigned i = 0; i < table->service_count; i++) {
        if (table->services[i].active) {
            say_service(out, shown++, &table->services[i]);
        }
    }
}

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
