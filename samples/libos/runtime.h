/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What makes it run fast: drivers that poll instead of being interrupted, pools of buffers that are handed on instead of
 * being copied, caches of objects that are used again instead of being allocated.
 */
#ifndef LIBOS_RUNTIME_H
#define LIBOS_RUNTIME_H

#include <stdbool.h>
#include <stdint.h>

#define RUNTIME_DRIVERS 4
#define RUNTIME_POOLS 8
#define RUNTIME_CACHES 8

/* A driver, for all devices of its kind. */
struct runtime_driver {
    const char *name;
    bool poll; /* it looks at its devices at each interval; they do not interrupt */
    uint64_t interval_ns;
    uint64_t polls;
    uint64_t empty_polls; /* that found nothing */
    uint64_t interrupts;
};

/* Buffers of one size, side by side. The free ones are in a ring: that which was released longest ago is taken next. */
struct buffer_pool {
    const char *name;
    uint64_t buffer_bytes;
    uint64_t total; /* buffers */
    uint64_t out;
    uint64_t peak; /* most ever of out */
    uint64_t taken;
    uint64_t released;
    uint64_t failed; /* asked for when all were out */
    uint8_t *buffers;
    void **free; /* ring of `total` */
    bool *is_out;
};

/* Objects of one size, from the heap and, once freed, kept for the next. */
struct object_cache {
    const char *name;
    uint64_t object_bytes;
    uint64_t in_use; /* objects */
    uint64_t cached;
    uint64_t allocations;
    uint64_t frees;
    uint64_t hits; /* allocations that found one in the cache */
    uint64_t flushes;
    struct cached_object *first;
};

struct runtime {
    struct runtime_driver drivers[RUNTIME_DRIVERS];
    uint32_t driver_count;
    struct buffer_pool pools[RUNTIME_POOLS];
    uint32_t pool_count;
    struct object_cache caches[RUNTIME_CACHES];
    uint32_t cache_count;
};

const struct runtime *runtime(void);

/*
 * Enter a driver. In poll mode (`poll` or `poll=INTERVAL` on the command line: 20us, 1ms; a mere number is of us) poll is
 * called by a timer from now on; it says whether it found anything.
 */
struct runtime_driver *driver_add(const char *name, bool (*poll)(void));

/* A pool, with memory of its own. No room for it: panic. */
struct buffer_pool *pool_create(const char *name, uint32_t buffer_bytes, uint32_t total);
/* A buffer, as it was left; NULL when all are out. */
void *pool_take(struct buffer_pool *pool);
/* Panics when it is none of this pool's, or not out. */
void pool_release(struct buffer_pool *pool, void *buffer);

struct object_cache *cache_create(const char *name, uint32_t object_bytes);
/* An object, zeroed; NULL when there is no memory. */
void *cache_allocate(struct object_cache *cache);
void cache_free(struct object_cache *cache, void *object);
/* Give what is cached back to the heap. */
void cache_flush(struct object_cache *cache);
void cache_flush_all(void);

#endif
