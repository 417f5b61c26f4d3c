/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/runtime.h"

#include <stddef.h>

#include <unidbg/probe.h>

#include "libos/boot.h"
#include "libos/clock.h"
#include "libos/loop.h"
#include "libos/memory.h"
#include "libos/paging.h"
#include "libos/panic.h"
#include "libos/security.h"
#include "libos/string.h"

#define NS_PER_MICROSECOND 1000ul
#define DEFAULT_INTERVAL_NS (50 * NS_PER_MICROSECOND)
#define LONGEST_INTERVAL_NS 1000000000ul
#define TRIM_NS 1000000000ul

static struct runtime table;

UNIDBG_PROBE(runtime, main, &table);

const struct runtime *runtime(void) {
    return &table;
}

/* ---- drivers ---- */

/* Of each driver that polls; the order is that of the table. */
static bool (*polls[RUNTIME_DRIVERS])(void);

static bool is_digit(char byte) {
    return byte >= '0' && byte <= '9';
}

static uint64_t unit_ns(const char *unit) {
    if (string_equal(unit, "ns")) {
        return 1;
    }
    if (string_equal(unit, "ms")) {
        return 1000 * NS_PER_MICROSECOND;
    }
    return *unit == '\0' || string_equal(unit, "us") ? NS_PER_MICROSECOND : 0;
}

/* "20us"; what is no such time, or out of all proportion, gives the default. */
static uint64_t interval_of(const char *text) {
    uint64_t number = 0;
    for (; is_digit(*text) && number < LONGEST_INTERVAL_NS; text++) {
        number = number * 10 + (uint64_t)(*text - '0');
    }
    uint64_t interval_ns = number * unit_ns(text);
    return interval_ns > 0 && interval_ns <= LONGEST_INTERVAL_NS ? interval_ns : DEFAULT_INTERVAL_NS;
}

static void on_interval(void *data) {
    struct runtime_driver *driver = data;
    uint64_t start = clock_ns();
    driver->polls++;
    if (!CHECKED(polls[driver - table.drivers])()) {
        driver->empty_polls++;
        loop_not_busy(clock_ns() - start);
    }
}

struct runtime_driver *driver_add(const char *name, bool (*poll)(void)) {
    char text[16];
    if (table.driver_count == RUNTIME_DRIVERS) {
        panic("no room for driver %s", name);
    }
    struct runtime_driver *driver = &table.drivers[table.driver_count];
    *driver = (struct runtime_driver){.name = name, .poll = boot_option("poll", text, sizeof(text))};
    polls[table.driver_count++] = poll;
    if (driver->poll) {
        driver->interval_ns = interval_of(text);
        loop_timer_start(on_interval, driver, driver->interval_ns, driver->interval_ns);
    }
    return driver;
}

/* ---- pools ---- */

static void *pages_for(const char *what, uint64_t bytes) {
    void *pages = page_allocate(align_up(bytes, PAGE_BYTES) / PAGE_BYTES);
    if (pages == NULL) {
        panic("no memory for pool %s", what);
    }
    return pages;
}

struct buffer_pool *pool_create(const char *name, uint32_t buffer_bytes, uint32_t total) {
    if (table.pool_count == RUNTIME_POOLS) {
        panic("no room for pool %s", name);
    }
    struct buffer_pool *pool = &table.pools[table.pool_count++];
    void **free = pages_for(name, total * (sizeof(*pool->free) + sizeof(*pool->is_out)));
    *pool = (struct buffer_pool){.name = name,
                                 .buffer_bytes = buffer_bytes,
                                 .total = total,
                                 .buffers = pages_for(name, (uint64_t)buffer_bytes * total),
                                 .free = free,
                                 .is_out = (bool *)(free + total)};
    for (uint32_t i = 0; i < total; i++) {
        free[i] = pool->buffers + (uint64_t)i * buffer_bytes;
    }
    return pool;
}

void *pool_take(struct buffer_pool *pool) {
    if (pool->out == pool->total) {
        pool->failed++;
        return NULL;
    }
    uint8_t *buffer = pool->free[pool->taken % pool->total];
    pool->is_out[(uint64_t)(buffer - pool->buffers) / pool->buffer_bytes] = true;
    pool->taken++;
    pool->out++;
    pool->peak = pool->out > pool->peak ? pool->out : pool->peak;
    return buffer;
}

void pool_release(struct buffer_pool *pool, void *buffer) {
    uint64_t offset = (uintptr_t)buffer - (uintptr_t)pool->buffers;
    uint64_t n = offset / pool->buffer_bytes;
    if (n >= pool->total || offset % pool->buffer_bytes != 0 || !pool->is_out[n]) {
        panic("pool %s: %p is not out", pool->name, buffer);
    }
    pool->is_out[n] = false;
    pool->free[pool->released % pool->total] = buffer;
    pool->released++;
    pool->out--;
}

/* ---- caches ---- */

/* What a free object holds. */
struct cached_object {
    struct cached_object *next;
};

/* Nothing in use, and nothing allocated for a while: the memory is better used by others. */
static void trim(void *data) {
    static uint64_t seen[RUNTIME_CACHES];
    (void)data;
    for (uint32_t i = 0; i < table.cache_count; i++) {
        struct object_cache *cache = &table.caches[i];
        if (cache->in_use == 0 && cache->cached > 0 && cache->allocations == seen[i]) {
            cache_flush(cache);
        }
        seen[i] = cache->allocations;
    }
}

struct object_cache *cache_create(const char *name, uint32_t object_bytes) {
    if (table.cache_count == RUNTIME_CACHES) {
        panic("no room for cache %s", name);
    }
    if (table.cache_count == 0) {
        loop_timer_start(trim, NULL, TRIM_NS, TRIM_NS);
    }
    struct object_cache *cache = &table.caches[table.cache_count++];
    *cache = (struct object_cache){.name = name, .object_bytes = object_bytes};
    return cache;
}

static void *take_cached(struct object_cache *cache) {
    struct cached_object *object = cache->first;
    if (object != NULL) {
        cache->first = object->next;
        cache->cached--;
    }
    return object;
}

void *cache_allocate(struct object_cache *cache) {
    void *object = take_cached(cache);
    cache->hits += object != NULL;
    if (object == NULL) {
        object = heap_allocate(cache->object_bytes);
    }
    if (object == NULL) {
        return NULL;
    }
    cache->allocations++;
    cache->in_use++;
    return memset(object, 0, cache->object_bytes);
}

void cache_free(struct object_cache *cache, void *object) {
    struct cached_object *freed = object;
    freed->next = cache->first;
    cache->first = freed;
    cache->cached++;
    cache->in_use--;
    cache->frees++;
}

void cache_flush(struct object_cache *cache) {
    for (void *object = take_cached(cache); object != NULL; object = take_cached(cache)) {
        heap_free(object);
    }
    cache->flushes++;
}

void cache_flush_all(void) {
    for (uint32_t i = 0; i < table.cache_count; i++) {
        cache_flush(&table.caches[i]);
    }
}
