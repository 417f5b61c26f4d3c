"""Drivers, pools of buffers and caches of objects, from a probe of kind `runtime` (docs/abi.md)."""

from __future__ import annotations

from unidbg.profiles.base import Context
from unidbg.profiles.fields import Fields
from unidbg.views.services import BufferPool, Driver, ObjectCache, RuntimeView

MAX_NAME = 256
BETWEEN = 1
"""Two counters may be so far apart: the guest may have been stopped between the one and the other."""
DRIVER = ("interval_ns", "polls", "empty_polls", "interrupts")
POOL = ("buffer_bytes", "total", "out", "peak", "taken", "released", "failed")
CACHE = ("object_bytes", "in_use", "cached", "allocations", "frees", "hits", "flushes")


def runtime(fields: Fields, context: Context) -> RuntimeView:
    """All three tables, in the guest's order."""
    drivers = tuple(_driver(each) for each in fields.structs("drivers", "driver_count"))
    pools = tuple(_pool(each) for each in fields.structs("pools", "pool_count"))
    caches = tuple(_cache(each) for each in fields.structs("caches", "cache_count"))
    return RuntimeView(context.provenance, fields.faults.all(), drivers, pools, caches)


def _name(fields: Fields) -> str:
    return fields.text("name", limit=MAX_NAME)


def _driver(fields: Fields) -> Driver:
    mode = "poll" if fields.integer("poll") else "interrupt"
    driver = Driver(_name(fields), mode, *(fields.unsigned(name) for name in DRIVER))
    if driver.empty_polls > driver.polls + BETWEEN:
        reason = f"{driver.empty_polls} polls found nothing, but there were {driver.polls}"
        fields.faults.add(fields.where("empty_polls"), reason, fields.value.address_)
    return driver


def _pool(fields: Fields) -> BufferPool:
    pool = BufferPool(_name(fields), *(fields.unsigned(name) for name in POOL))
    if pool.out > pool.total:
        reason = f"{pool.out} buffers are out of a pool of {pool.total}"
        fields.faults.add(fields.where("out"), reason, fields.value.address_)
    elif abs(pool.taken - pool.released - pool.out) > BETWEEN:
        reason = f"says {pool.out}, but {pool.taken} were taken and {pool.released} released"
        fields.faults.add(fields.where("out"), reason, fields.value.address_)
    return pool


def _cache(fields: Fields) -> ObjectCache:
    cache = ObjectCache(_name(fields), *(fields.unsigned(name) for name in CACHE))
    if abs(cache.allocations - cache.frees - cache.in_use) > BETWEEN:
        reason = f"says {cache.in_use}, but {cache.allocations} were allocated and {cache.frees} freed"
        fields.faults.add(fields.where("in_use"), reason, fields.value.address_)
    return cache
