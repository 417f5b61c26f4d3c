"""Every number of a view equals the guest's own, at one stop, by our stub and by QEMU's.

The guest is stopped by our stub, says its counters by `monitor stats`, and stands. Then the views are read
twice: over the same line, and over QEMU's gdbstub, which sees the guest inside its trap handler.
"""

from __future__ import annotations

import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.guests import Boot, Booted, network
from unidbg.render.json import to_json
from unidbg.session import ImageSpec, Session
from unidbg.views.base import Absent

VIEWS = (
    *("heap", "loop", "boot", "memory", "devices", "app", "log", "net", "rings"),
    *("security", "cloud", "orchestration", "runtime"),
)
REQUESTS = 1000
MODES = {"q35": "", "microvm": "poll=100us"}
"""One machine by interrupts, the other by polling."""


@pytest.mark.parametrize("slide", ["", "aslr"])
@pytest.mark.parametrize("machine", ["q35", "microvm"])
def test_every_number_is_the_guests_own(boot: Boot, machine: str, slide: str) -> None:
    said = check(boot("hello", machine=machine, append=f"colour=blue callsites {slide}", ready="sorted 400"))
    assert said["heap.call_sites.0.count"] > "0"
    assert (said["security.slide_bytes"] != "0x0") == bool(slide)


@pytest.mark.parametrize(("machine", "slide"), [("q35", "aslr"), ("microvm", "")])
def test_every_number_after_a_thousand_requests(boot: Boot, machine: str, slide: str, tmp_path: Path) -> None:
    guest = boot(
        "httpd",
        machine=machine,
        append=f"callsites metadata=vda {MODES[machine]} {slide}",
        ready="serving port 80",
        arguments=(*network(machine), *surroundings(machine, tmp_path)),
    )
    url = f"http://127.0.0.1:{guest.forwarded_port()}/healthz"

    def fetch(_: int) -> bytes:
        with urllib.request.urlopen(url, timeout=30) as answer:
            body: bytes = answer.read()
        return body

    with ThreadPoolExecutor(8) as clients:
        assert set(clients.map(fetch, range(REQUESTS))) == {b"ok\n"}
    said = check(guest)
    assert int(said["net.listeners.0.accepted"]) >= REQUESTS
    assert int(said["net.interfaces.0.rx.packets"]) > REQUESTS
    assert said["cloud.metadata.0.value"] == "loopback-1"
    assert said["cloud.nics.1.name"]
    assert int(said["cloud.volumes.0.written_bytes"]) > 0
    assert said["orchestration.services.0.own"] == "true"


def surroundings(machine: str, folder: Path) -> tuple[str, ...]:
    """QEMU's arguments for a disk, a second card and metadata."""
    disk = folder / "disk"
    disk.write_bytes(bytes(1 << 20))
    suffix = "pci" if machine == "q35" else "device"
    return (
        *("-drive", f"if=none,id=disk,file={disk},format=raw", "-device", f"virtio-blk-{suffix},drive=disk"),
        *("-netdev", "user,id=more", "-device", f"virtio-net-{suffix},netdev=more"),
        *("-fw_cfg", "name=opt/unidbg/zone,string=loopback-1"),
    )


def check(guest: Booted) -> dict[str, str]:
    """Hold the views against the guest at one stop; what it says of itself."""
    with guest.session() as session:
        assert session.target.run is not None
        with session.target.run.stopped():
            said = parse_stats(session.monitor("stats") + session.monitor("stats slots"))
            ours = flat(session)
            with Session.open(guest.gdbstub, images=[ImageSpec(str(guest.image))]) as beside:
                theirs = flat(beside)
    for found, how in ((ours, "our stub"), (theirs, "QEMU's gdbstub")):
        compare(found, said, how)
        lines = [value for path, value in found.items() if path.startswith("log.lines.")]
        assert lines, f"by {how}"
        assert guest.console().splitlines()[: len(lines)] == lines, f"by {how}"
    return said


def parse_stats(text: str) -> dict[str, str]:
    """`path=value` lines of the views that are compared."""
    said = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return {path: value for path, value in said.items() if path.split(".")[0] in VIEWS}


def flat(session: Session) -> dict[str, str]:
    """All leaves of all views by JSON path, in the spelling of `monitor stats`."""
    views = session.snapshot(VIEWS).views
    found: dict[str, str] = {}
    for name in VIEWS:
        view = views[name]
        assert not isinstance(view, Absent), view
        assert not view.faults, view.faults
        leaves(to_json(view)["data"], name, found)
    return found


def leaves(node: Any, path: str, found: dict[str, str]) -> None:
    """Flatten a JSON tree; a location is its address."""
    if isinstance(node, dict) and "address" in node and "symbol" in node:
        found[path] = node["address"]
    elif isinstance(node, dict):
        for key, value in node.items():
            leaves(value, f"{path}.{key}", found)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            leaves(value, f"{path}.{index}", found)
    elif isinstance(node, bool):
        found[path] = "true" if node else "false"
    elif node is not None:
        found[path] = str(node)


def compare(found: dict[str, str], said: dict[str, str], how: str) -> None:
    """What the guest says is what we found; what it does not say is named, so that nothing slips by."""
    wrong = {path: (found.get(path), value) for path, value in said.items() if found.get(path) != value}
    assert not wrong, f"by {how}: (ours, the guest's) {wrong}"
    unsaid = {path for path in found if path not in said and not ours_alone(path)}
    assert unsaid == set(), f"by {how}: the guest does not say {sorted(unsaid)}"


def ours_alone(path: str) -> bool:
    """Lines are held against the console above; a verdict, as that a ring is stuck, only we give."""
    return path.startswith(("log.lines.", "security.weak.")) or path.endswith(
        (".stuck", ".found", ".evidence")
    )
