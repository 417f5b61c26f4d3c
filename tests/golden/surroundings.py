"""The made-up guest's security and what it offers its surroundings, with odd values among the ordinary."""

from __future__ import annotations

from unidbg.views import security, services, system
from unidbg.views.base import Address, Location, Range

LIBOS = "/src/samples/libos/"


def at(address: int, symbol: str, file: str, line: int, offset: int = 0) -> Location:
    return Location(Address(address + offset), symbol, offset, LIBOS + file, line)


def _protection(name: str, configured: bool | None, found: bool | None, evidence: str) -> security.Protection:
    return security.Protection(name, configured, found, evidence)


PROTECTIONS = (
    _protection("stack_canaries", True, True, "random, loaded by 212 functions, checked by 212 functions"),
    _protection("no_execute", True, True, "EFER.NXE is set, 65,552 pages cannot be executed"),
    _protection("write_xor_execute", True, True, "no page can be written and executed"),
    _protection("read_only_text", True, False, "2 pages of code can be written"),
    _protection("aslr", False, False, "the image runs where it was linked, verified by build-id"),
    _protection("guard_pages", True, True, "2 pages in 2 places, none is mapped"),
    _protection("write_protect", True, True, "CR0.WP is set: cr0 0x80010033"),
    _protection("smep", True, True, "CR4.SMEP is set: cr4 0x100620"),
    _protection("smap", None, False, "CR4.SMAP is clear: cr4 0x100620"),
    _protection("bounds_checks", True, True, "bounds_failed is called by 31 functions"),
    _protection("type_checks", None, None, "the guest does not tell what is called when a type is broken"),
    _protection("control_flow_checks", False, False, "control_flow_failed is called by no function"),
)
WEAK = ("read_only_text", "aslr", "smap", "control_flow_checks")

SECURITY = (
    PROTECTIONS,
    WEAK,
    0x8F21_77AC_03D1_5E00,
    at(0x10C040, "__stack_chk_guard", "guard.c", 12),
    0,
    Address(0x100000),
    security.ControlRegisters(0x80010033, 0x100620, 0xD00),
    2,
    2,
    0,
    2,
    True,
    security.Tls(True, "/etc/tls/[bold]cert.pem", ""),
)
"""The fields of a `SecurityView` behind its head."""

CLOUD = (
    "virtio-blk sector 2048",
    (
        services.Metadata("instance-id", "i-0\x1b[31mf3", "fw_cfg"),
        services.Metadata("hostname", "[/oops]", "fw_cfg"),
    ),
    (
        services.Volume("vda", True, 64 << 20, 512, 1_318_912, 4_096, 0),
        services.Volume("vdb", False, 1 << 30, 4_096, 0, 0, 3),
    ),
    (services.Nic("eth0", True, "52:54:00:12:34:56"), services.Nic("eth1", False, "52:54:00:12:34:57")),
    (
        services.Hook("metadata_get", at(0x104000, "metadata_get", "metadata.c", 31)),
        services.Hook("volume_attach", None),
    ),
)

ORCHESTRATION = (
    12_400_000_000,
    services.Health(
        at(0x104800, "check_health", "health.c", 44),
        1_000_000_000,
        250_000_000,
        11,
        1,
        0,
        399_000_000,
        0,
        (
            services.HealthResult(12_001_000_000, "ok", 41_000),
            services.HealthResult(11_000_500_000, "failed", 39_000),
        ),
    ),
    services.Scaling(1, 8, 2, 3, 82, 75, 25),
    (
        services.Service("httpd", "10.0.2.15", 80, True, 12, 12_000_000_000),
        services.Service("peer\u202e", "10.0.2.77", 8_080, False, 3, 0),
    ),
)

RUNTIME = (
    (
        services.Driver("virtio-net", "poll", 50_000, 248_000, 241_113, 0),
        services.Driver("virtio-blk", "interrupt", 0, 0, 0, 322),
    ),
    (services.BufferPool("rx", 2_048, 256, 240, 256, 9_113, 8_873, 2),),
    (services.ObjectCache("tcp", 384, 6, 10, 412, 406, 380, 1),),
)

INITIALIZERS = (
    system.Initializer(at(0x105000, "init_entropy", "entropy.c", 20), "done", 12_000),
    system.Initializer(at(0x105100, "init_dns", "dns.c", 88), "pending", 0),
)
CLASSES = (system.SizeClass(64, 801, 95), system.SizeClass(4_096, 3, 0))
CALL_SITES = (
    system.CallSite(at(0x106000, "connection_new", "tcp.c", 140, 0x2A), 6, 2_304),
    system.CallSite(at(0x106200, "buffer_take", "pool.c", 61, 0x11), 240, 491_520),
    system.CallSite(Location(Address(0xDEAD)), 1, 16),
)
GUARDS = (Range(Address(0x10F000), Address(0x110000)), Range(Address(0x118000), Address(0x119000)))
