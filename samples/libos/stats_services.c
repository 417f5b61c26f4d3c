/* SPDX-License-Identifier: BSD-3-Clause */
/* The views cloud and runtime. */
#include "libos/cloud.h"
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
