"""The views of what a unikernel offers its surroundings: cloud, orchestration, runtime."""

from __future__ import annotations

from unidbg.views.base import Location, View
from unidbg.views.record import Record, record


@record
class Metadata(Record):
    """A value that the guest got from or put to its cloud. `source` is the channel, as `fw_cfg`."""

    key: str
    value: str
    source: str


@record
class Volume(Record):
    """A block device. `read_bytes`, `written_bytes` and `errors` count since it was attached first."""

    name: str
    attached: bool
    capacity_bytes: int
    block_bytes: int
    read_bytes: int
    written_bytes: int
    errors: int


@record
class Nic(Record):
    """A network device of the cloud; its traffic is in the net view."""

    name: str
    attached: bool
    mac: str


@record
class Hook(Record):
    """A function by which the guest talks to its cloud: `metadata_get`, `volume_attach` ..."""

    name: str
    function: Location | None


@record
class CloudView(View):
    """Metadata, volumes, NICs and the hooks behind them. `put_channel` says where what is put goes."""

    put_channel: str
    metadata: tuple[Metadata, ...]
    volumes: tuple[Volume, ...]
    nics: tuple[Nic, ...]
    hooks: tuple[Hook, ...]


@record
class HealthResult(Record):
    """One run of the health check. `outcome` is `ok`, `failed` or `timeout`."""

    time_ns: int
    outcome: str
    duration_ns: int


@record
class Health(Record):
    """The health check. `age_ns` is the time since it ended last (`None`: never), `running_ns` since the one
    that runs now began (0: none runs); `results` has the last few, the latest first.
    """

    check: Location | None
    interval_ns: int
    timeout_ns: int
    passed: int
    failed: int
    timed_out: int
    age_ns: int | None
    running_ns: int
    results: tuple[HealthResult, ...]


@record
class Scaling(Record):
    """When to scale. `load_percent` is the present load, the thresholds are of the same kind."""

    minimum: int
    maximum: int
    instances: int
    wanted: int
    load_percent: int
    up_percent: int
    down_percent: int


@record
class Service(Record):
    """An entry of service discovery: one of ours that is announced, or one heard from others.

    `seen_ns` is the guest's clock when it was announced or heard last (0: never).
    """

    name: str
    address: str
    port: int
    own: bool
    announcements: int
    seen_ns: int


@record
class OrchestrationView(View):
    """Health, scaling and discovery. `now_ns` is the guest's clock that the times are of."""

    now_ns: int
    health: Health | None
    scaling: Scaling | None
    services: tuple[Service, ...]


@record
class Driver(Record):
    """A driver and how it is told of events. `mode` is `poll` or `interrupt`.

    `interval_ns` is the time between polls (0 in interrupt mode); `empty_polls` found nothing.
    """

    name: str
    mode: str
    interval_ns: int
    polls: int
    empty_polls: int
    interrupts: int


@record
class BufferPool(Record):
    """A pool of zero-copy buffers: `out` of `total` are with users now, `peak` were at most."""

    name: str
    buffer_bytes: int
    total: int
    out: int
    peak: int
    taken: int
    released: int
    failed: int


@record
class ObjectCache(Record):
    """A cache of objects of one size: `in_use` are live, `cached` wait to be used again."""

    name: str
    object_bytes: int
    in_use: int
    cached: int
    allocations: int
    frees: int
    hits: int
    flushes: int


@record
class RuntimeView(View):
    """Drivers in poll or interrupt mode, pools of buffers, caches of objects."""

    drivers: tuple[Driver, ...]
    pools: tuple[BufferPool, ...]
    caches: tuple[ObjectCache, ...]
