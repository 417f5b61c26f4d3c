"""Cloud, orchestration and runtime, lazy initialisers and allocator blocks, over planted structures."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.kernel import SOURCE, Guest, kernel
from unidbg.session import ImageSpec, Session
from unidbg.views.base import View
from unidbg.views.services import CloudView, OrchestrationView, RuntimeView
from unidbg.views.system import BootView, HeapView

OFFERED = r"""
int check_health(void) { return 0; }
void lazy_dns(void) {}
void lazy_entropy(void) {}
void get_metadata(void) {}
static struct unidbg_metadata metadata[] = {{"id", "i-[bold]", "fw_cfg"}, {"zone", "", "http"}};
static struct unidbg_volume volumes[] = {{"vda", 1, 65536, 512, 1024, 512, 1}, {"vdb", 0, 0, 0, 0, 0, 0}};
static struct unidbg_nic nics[] = {{"eth0", 1, {0x52, 0x54, 0, 1, 2, 3}}};
static struct unidbg_hook hooks[] = {{"metadata_get", get_metadata}, {"nic_attach", 0}};
static struct unidbg_cloud cloud = {"sector 2048", metadata, 2, 2, volumes, nics, 1, 2, hooks};
UNIDBG_PROBE(cloud, main, &cloud);

static struct unidbg_health_result results[4] = {
    {9000, 0, 10}, {10000, 1, 20}, {7000, 0, 30}, {8000, 2, 40}};
static struct unidbg_health health = {check_health, 1000, 250, 7, 1, 1, 11500, results, 4, 6};
static struct unidbg_scaling scaling = {1, 8, 2, 3, 82, 75, 25};
static struct unidbg_service services[3] = {
    {"httpd", {10, 0, 2, 15}, 80, 1, 1, 5, 11000}, {0}, {"peer", {10, 0, 2, 77}, 8080, 0, 1, 2, 0}};
static struct unidbg_orchestration orchestration = {12000, &health, &scaling, services, 3};
UNIDBG_PROBE(orchestration, main, &orchestration);

static struct unidbg_driver drivers[] = {
    {"net", 1, 50000, 100, 90, 0}, {"blk", 0, 0, 0, 0, 7}};
static struct unidbg_pool pools[] = {{"rx", 2048, 8, 3, 5, 13, 10, 1}};
static struct unidbg_cache caches[] = {{"tcp", 384, 2, 6, 9, 7, 4, 1}};
static struct unidbg_runtime runtime = {drivers, 2, 1, pools, caches, 1};
UNIDBG_PROBE(runtime, main, &runtime);

static struct unidbg_initializer initializers[] = {{lazy_entropy, 1, 500}, {lazy_dns, 0, 0}};
static struct unidbg_boot lazy_boot = {
    .command_line = "", .initializers = initializers, .initializer_count = 2, .preallocated_free = 3,
    .preallocated = {0x700000, 0x704000}};
UNIDBG_PROBE(boot, lazy, &lazy_boot);

static unsigned char arena[0x200] __attribute__((aligned(16)));
static struct unidbg_size_class classes[] = {{64, 2, 1}};
static struct unidbg_heap blocks = {
    .start = (unsigned long)0, .allocated = 148, .peak = 148, .count = 3,
    .blocks = (void *)arena, .block_check = 0x5eed, .free_bytes = 96, .largest_free = 96, .failed = 2,
    .classes = classes, .class_count = 1};
UNIDBG_PROBE(heap, blocks, &blocks);
"""
CUT = (
    ("UNIDBG_PROBE(boot, kernel, &boot);", ""),
    ("UNIDBG_PROBE(heap, kernel, &heap);", ""),
    ("void _start", OFFERED + "void _start"),
)
KERNEL = SOURCE
for old, new in CUT:
    KERNEL = KERNEL.replace(old, new)
HEADER = struct.Struct("<QQQQ")
U64 = struct.Struct("<Q")


def guest() -> Guest:
    """With a heap of four blocks: two of `tick`, a free one, one of `app_main`."""
    made = kernel(KERNEL, flags="-Wno-unused-variable")
    arena, sites = made.at("arena"), (made.at("tick") + 1, made.at("app_main") + 1)
    at = arena
    for span, size, site in ((96, 64, sites[0]), (128, 0, 0), (80, 48, sites[1]), (96, 36, sites[0])):
        plant_block(made, at, span, size, site)
        at += span
    for member, value in (("start", arena), ("current", at), ("end", arena + 0x200)):
        made.memory.plant(made.member("blocks", member), U64.pack(value))
    return made


def plant_block(made: Guest, at: int, span: int, size: int, site: int) -> None:
    made.memory.plant(at, HEADER.pack(0x5EED ^ at ^ span ^ size, span, size, site))


def look(made: Guest, name: str) -> View:
    view = Session.over(made.target, images=[ImageSpec(made.path)]).view(name)
    assert isinstance(view, View), view
    return view


def corrupt(made: Guest, variable: str, member: str, data: bytes) -> Guest:
    made.memory.plant(made.member(variable, member), data)
    return made


def faults(view: View) -> list[str]:
    return [f"{fault.where}: {fault.reason}" for fault in view.faults]


def test_cloud() -> None:
    view = look(guest(), "cloud")
    assert isinstance(view, CloudView)
    assert view.faults == ()
    assert view.put_channel == "sector 2048"
    assert [(each.key, each.value, each.source) for each in view.metadata] == [
        ("id", "i-[bold]", "fw_cfg"), ("zone", "", "http"),
    ]  # fmt: skip
    vda, vdb = view.volumes
    assert (vda.name, vda.attached, vda.capacity_bytes, vda.block_bytes) == ("vda", True, 65536, 512)
    assert (vda.read_bytes, vda.written_bytes, vda.errors, vdb.attached) == (1024, 512, 1, False)
    assert (view.nics[0].mac, view.nics[0].attached) == ("52:54:00:01:02:03", True)
    assert [(hook.name, hook.function and hook.function.symbol) for hook in view.hooks] == [
        ("metadata_get", "get_metadata"), ("nic_attach", None),
    ]  # fmt: skip


def test_a_volume_of_broken_blocks_is_a_fault() -> None:
    made = guest()
    made.memory.plant(made.at("volumes") + 16, U64.pack(1000))
    assert faults(look(made, "cloud")) == [
        "volumes[0].capacity_bytes: 1000 bytes are no whole number of blocks of 512"
    ]
    made.memory.plant(made.at("volumes") + 24, U64.pack(0))
    assert faults(look(made, "cloud")) == ["volumes[0].block_bytes: a volume of no block size"]


def test_health_has_its_results_from_the_latest_on() -> None:
    view = look(guest(), "orchestration")
    assert isinstance(view, OrchestrationView)
    assert view.faults == ()
    health = view.health
    assert health is not None
    assert health.check is not None
    assert health.check.symbol == "check_health"
    assert [(each.time_ns, each.outcome, each.duration_ns) for each in health.results] == [
        (10000, "failed", 20), (9000, "ok", 10), (8000, "timeout", 40), (7000, "ok", 30),
    ]  # fmt: skip
    assert (health.age_ns, health.running_ns) == (2000, 500)
    assert (health.passed, health.failed, health.timed_out) == (7, 1, 1)


def test_health_that_has_never_run() -> None:
    made = corrupt(guest(), "health", "results_written", U64.pack(0))
    corrupt(made, "health", "started_ns", U64.pack(0))
    view = look(made, "orchestration")
    assert isinstance(view, OrchestrationView)
    assert view.health is not None
    assert (view.health.results, view.health.age_ns, view.health.running_ns) == ((), None, 0)


def test_scaling_and_services_in_use_alone() -> None:
    view = look(guest(), "orchestration")
    assert isinstance(view, OrchestrationView)
    assert view.scaling is not None
    assert (view.scaling.instances, view.scaling.wanted, view.scaling.load_percent) == (2, 3, 82)
    assert [(each.name, each.address, each.port, each.own, each.seen_ns) for each in view.services] == [
        ("httpd", "10.0.2.15", 80, True, 11000), ("peer", "10.0.2.77", 8080, False, 0),
    ]  # fmt: skip


def test_parts_that_are_null_are_not_there() -> None:
    made = corrupt(guest(), "orchestration", "health", U64.pack(0))
    corrupt(made, "orchestration", "scaling", U64.pack(0))
    view = look(made, "orchestration")
    assert isinstance(view, OrchestrationView)
    assert (view.health, view.scaling, view.faults) == (None, None, ())


@pytest.mark.parametrize(
    ("variable", "member", "data", "fault"),
    [
        ("health", "result_count", struct.pack("<I", 1 << 31), "health.results: `result_count` says"),
        ("health", "results", U64.pack(0xDEAD_0000), "health.results[0]: unreadable"),
        ("health", "check", U64.pack(0x1234), "health.check: 0x1234 is not in the code"),
        ("health", "started_ns", U64.pack(99_000), "health.running_ns: 99000 ns lies ahead"),
        ("scaling", "minimum", struct.pack("<I", 9), "scaling.minimum: at least 9 instances, but at most 8"),
        ("orchestration", "scaling", U64.pack(0xDEAD_0000), "scaling.minimum: unreadable"),
        ("orchestration", "service_count", struct.pack("<I", 5000), "services: `service_count` says 5000"),
        ("results", "", struct.pack("<QI", 9000, 77), "health.results[1].outcome: 77 is no outcome"),
    ],
)
def test_corrupt_orchestration_is_told(variable: str, member: str, data: bytes, fault: str) -> None:
    made = guest()
    made.memory.plant(made.member(variable, member) if member else made.at(variable), data)
    view = look(made, "orchestration")
    assert any(said.startswith(fault) for said in faults(view)), faults(view)


def test_runtime() -> None:
    view = look(guest(), "runtime")
    assert isinstance(view, RuntimeView)
    assert view.faults == ()
    net, blk = view.drivers
    assert (net.name, net.mode, net.interval_ns, net.polls, net.empty_polls) == (
        "net",
        "poll",
        50000,
        100,
        90,
    )
    assert (blk.mode, blk.interval_ns, blk.interrupts) == ("interrupt", 0, 7)
    assert (view.pools[0].name, view.pools[0].out, view.pools[0].total, view.pools[0].failed) == (
        "rx",
        3,
        8,
        1,
    )
    assert (view.caches[0].name, view.caches[0].in_use, view.caches[0].hits) == ("tcp", 2, 4)


@pytest.mark.parametrize(
    ("variable", "offset", "value", "fault"),
    [
        ("drivers", 32, 200, "drivers[0].empty_polls: 200 polls found nothing, but there were 100"),
        ("pools", 24, 9, "pools[0].out: 9 buffers are out of a pool of 8"),
        ("pools", 40, 20, "pools[0].out: says 3, but 20 were taken and 10 released"),
        ("caches", 16, 5, "caches[0].in_use: says 5, but 9 were allocated and 7 freed"),
    ],
)
def test_counters_that_contradict_each_other(variable: str, offset: int, value: int, fault: str) -> None:
    made = guest()
    made.memory.plant(made.at(variable) + offset, U64.pack(value))
    assert faults(look(made, "runtime")) == [fault]


def test_a_guest_stopped_between_two_counters_is_not_corrupt() -> None:
    made = guest()
    made.memory.plant(made.at("pools") + 40, U64.pack(14))
    assert faults(look(made, "runtime")) == []


def test_initializers_by_symbol() -> None:
    view = look(guest(), "boot")
    assert isinstance(view, BootView)
    assert [(each.function.symbol, each.state, each.duration_ns) for each in view.initializers] == [
        ("lazy_entropy", "done", 500), ("lazy_dns", "pending", 0),
    ]  # fmt: skip
    assert view.preallocated is not None
    assert (view.preallocated.start, view.preallocated.end, view.preallocated_free) == (0x700000, 0x704000, 3)
    made = guest()
    made.memory.plant(made.at("initializers"), U64.pack(0))
    assert faults(look(made, "boot")) == ["initializers[0].function: an initialiser has no function"]


def heap(made: Guest) -> HeapView:
    view = look(made, "heap")
    assert isinstance(view, HeapView)
    return view


def test_call_sites_hold_what_is_live() -> None:
    view = heap(guest())
    assert view.faults == ()
    assert [(site.location.symbol, site.count, site.bytes) for site in view.call_sites] == [
        ("tick", 2, 100), ("app_main", 1, 48),
    ]  # fmt: skip
    assert (view.free_bytes, view.largest_free_bytes, view.failed) == (96, 96, 2)
    assert [(each.size_bytes, each.used, each.free) for each in view.classes] == [(64, 2, 1)]


def test_an_overrun_names_the_block_before_and_who_allocated_it() -> None:
    made = guest()
    third = made.at("arena") + 96 + 128
    made.memory.plant(third + 80, b"overrun!")
    view = heap(made)
    (fault,) = view.faults
    assert (fault.where, fault.address) == ("blocks[3]", third + 80)
    assert fault.reason.startswith("the header was overwritten: its check word is 0x216e757272")
    assert fault.reason.endswith(f"; the block before is 48 bytes at {third:#x}, allocated at app_main+0x1")
    assert [site.count for site in view.call_sites] == [1, 1]


@pytest.mark.parametrize(
    ("span", "size", "fault"),
    [
        (0, 0, "a block of 0 bytes does not fit"),
        (1 << 60, 64, f"a block of {1 << 60} bytes does not fit"),
        (96, 4096, "4096 bytes do not fit a block of 96"),
    ],
)
def test_spans_that_lead_nowhere(span: int, size: int, fault: str) -> None:
    made = guest()
    plant_block(made, made.at("arena"), span, size, 0)
    view = heap(made)
    assert faults(view)[0].startswith(f"blocks[0]: {fault}")
    assert view.call_sites == ()


def test_blocks_outside_the_heap_and_null() -> None:
    made = corrupt(guest(), "blocks", "blocks", U64.pack(0x1000))
    assert faults(heap(made))[0].startswith("blocks: 0x1000 lies outside the heap")
    assert heap(corrupt(made, "blocks", "blocks", U64.pack(0))).faults == ()


def test_the_overview_walks_no_blocks() -> None:
    made = guest()
    made.memory.plant(made.at("arena"), bytes(32))
    view = Session.over(made.target, images=[ImageSpec(made.path)]).view("overview")
    assert getattr(view, "heap").faults == ()  # noqa: B009 - the views of an overview are typed as absent too


PLANTED = (
    *("cloud", "volumes", "metadata", "orchestration", "health", "results", "scaling", "services"),
    *("runtime", "drivers", "pools", "caches", "initializers", "lazy_boot", "blocks", "arena"),
)


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(PLANTED),
            st.integers(0, 500),
            st.binary(min_size=1, max_size=12),
        ),
        max_size=12,
    )
)
def test_any_corruption_ends_in_views(damage: list[tuple[str, int, bytes]]) -> None:
    made = guest()
    for variable, offset, data in damage:
        symbol = made.image.symbol(variable)
        made.memory.plant(symbol.address + offset % max(symbol.size - len(data), 1), data)
    for name in ("cloud", "orchestration", "runtime", "boot", "heap"):
        look(made, name)
