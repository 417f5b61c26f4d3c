"""Net and rings of httpd under load, on both machines and over both stubs, and what tshark makes of them."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.guests import Booted, boot_guest
from tests.e2e.test_numbers import leaves
from unidbg.render.faults import all_faults
from unidbg.render.json import to_json
from unidbg.session import ImageSpec, Session
from unidbg.target.guests import Forward
from unidbg.views.base import Absent
from unidbg.views.network import NetView, Packet, Ring, RingsView
from unidbg.views.system import OverviewView

REQUESTS = 1000
TOGETHER = 8
VIEWS = ("net", "rings", "heap", "loop", "boot")


class Served(NamedTuple):
    """httpd, and the port of this host that leads to it."""

    guest: Booted
    port: int

    def fetch(self, path: str = "/healthz") -> bytes:
        """A connection of its own."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            line.request("GET", path)
            answer = line.getresponse()
            assert answer.status == 200
            return answer.read()
        finally:
            line.close()


@pytest.fixture
def serve(sample: Callable[[str], Path]) -> Callable[[str], object]:
    """httpd on a machine, answering, for the length of a block."""

    @contextmanager
    def serving(machine: str) -> Iterator[Served]:
        forwards = [Forward("tcp", 0, 80), Forward("udp", 0, 7)]
        with boot_guest(sample("httpd"), machine=machine, ready="serving port 80", network=forwards) as guest:
            ports = {protocol: host for protocol, host, _ in guest.record.forwards}
            yield Served(guest, ports["tcp"])

    return serving


@pytest.fixture(params=["q35", "microvm"])
def httpd(request: pytest.FixtureRequest, serve: Callable[[str], object]) -> Iterator[Served]:
    """httpd on each machine."""
    with serve(request.param) as served:  # type: ignore[attr-defined]
        yield served


def test_every_number_is_the_guests_own_after_a_thousand_requests(httpd: Served) -> None:
    with ThreadPoolExecutor(TOGETHER) as clients:
        assert set(clients.map(lambda _: httpd.fetch(), range(REQUESTS))) == {b"ok\n"}
    with socket.create_connection(("127.0.0.1", httpd.port), 30), httpd.guest.session() as session:
        assert session.target.run is not None
        with session.target.run.stopped():
            said = stats(session.monitor("stats") + session.monitor("stats slots"))
            ours = flat(session)
            with Session.open(httpd.guest.gdbstub, images=[ImageSpec(str(httpd.guest.image))]) as beside:
                theirs = flat(beside)
    for found, how in ((ours, "our stub"), (theirs, "QEMU's gdbstub")):
        wrong = {path: (found.get(path), value) for path, value in said.items() if found.get(path) != value}
        assert wrong == {}, f"by {how}: (ours, the guest's)"
        assert found.keys() - said.keys() == set(), f"by {how}: what the guest does not say"
    assert int(said["net.listeners.0.accepted"]) >= REQUESTS
    assert int(said["rings.rings.0.head"]) > REQUESTS


def stats(text: str) -> dict[str, str]:
    """`path=value` lines of the views that are compared."""
    said = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return {path: value for path, value in said.items() if path.split(".")[0] in VIEWS}


def flat(session: Session) -> dict[str, str]:
    """All leaves by JSON path, in the spelling of `monitor stats`; those that only we say are left out."""
    found: dict[str, str] = {}
    for name, view in session.snapshot(VIEWS).views.items():
        assert not isinstance(view, Absent), view
        assert not view.faults, view.faults
        leaves(to_json(view)["data"], name, found)
    return {path: value for path, value in found.items() if not path.endswith(".stuck")}


@pytest.fixture
def quiet(serve: Callable[[str], object]) -> Iterator[Served]:
    """httpd on q35 after a few requests of several sizes and a datagram."""
    with serve("q35") as served:  # type: ignore[attr-defined]
        for path in ("/healthz", "/", "/stats"):
            served.fetch(path)
        ports = {protocol: host for protocol, host, _ in served.guest.record.forwards}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.settimeout(30)
            line.sendto(b"marco", ("127.0.0.1", ports["udp"]))
            assert line.recv(100) == b"marco"
        yield served


FIELDS: tuple[str, ...] = (
    "frame.comment", "frame.interface_name", "frame.len", "eth.src", "eth.dst", "ip.src", "ip.dst",
    "tcp.srcport", "tcp.dstport", "tcp.len", "udp.srcport", "udp.dstport", "udp.length",
)  # fmt: skip


def test_tshark_agrees_packet_by_packet(quiet: Served, tmp_path: Path) -> None:
    with quiet.guest.session() as session:
        assert session.target.run is not None
        path = tmp_path / "httpd.pcapng"
        with session.target.run.stopped():
            view = session.packets()
            done = quiet.guest.unidbg("rings", quiet.guest.gdbstub, "--pcapng", str(path))
    assert (done.returncode, done.stdout) == (0, "")
    assert isinstance(view, RingsView)
    assert view.faults == ()
    ours = {our_row(ring, number) for ring in view.rings for number in range(len(ring.slots))}
    rows: list[dict[str, str]] = [dict(zip(FIELDS, row, strict=True)) for row in tshark(path, FIELDS)]
    assert len(rows) == len(ours)
    assert {their_row(row) for row in rows} == ours
    assert {row[7] for row in ours} >= {"80", "7", ""}
    assert sum(int(row["tcp.len"] or 0) for row in rows if row["tcp.srcport"] == "80") > 1000


Row = tuple[str, ...]
"""Comment, length, MAC addresses, addresses, ports, bytes of payload; as text, empty where there is none."""


def our_row(ring: Ring, number: int) -> Row:
    slot = ring.slots[number]
    assert slot.packet is not None
    said = fields(slot.packet)
    ports = (said.get("source_port", ""), said.get("destination_port", ""))
    size = said.get("payload_bytes", "")
    if "udp.length_bytes" in said:
        size = str(int(said["udp.length_bytes"]) - 8)
    comment = f"{ring.name}, slot {slot.index}, {slot.state}"
    ends = tuple(
        said.get(f"{layer}.{end}", "") for layer in ("ethernet", "ipv4") for end in ("source", "destination")
    )
    return (comment, str(slot.length_bytes), *ends, *ports, size)


def fields(packet: Packet) -> dict[str, str]:
    """Fields by name and by `layer.name`."""
    found: dict[str, str] = {}
    for layer in packet.layers:
        for field in layer.fields:
            found[field.name] = found[f"{layer.name}.{field.name}"] = field.value
    assert "error" not in found
    assert found.get("checksum", "good") == "good"
    return found


def their_row(row: dict[str, str]) -> Row:
    ports = (row["tcp.srcport"] or row["udp.srcport"], row["tcp.dstport"] or row["udp.dstport"])
    size = row["tcp.len"] or (str(int(row["udp.length"]) - 8) if row["udp.length"] else "")
    assert row["frame.comment"].startswith(row["frame.interface_name"])
    names = ("frame.comment", "frame.len", "eth.src", "eth.dst", "ip.src", "ip.dst")
    return (*(row[name] for name in names), *ports, size)


def tshark(path: Path, wanted: tuple[str, ...]) -> list[list[str]]:
    """One row for each packet; tshark may complain of nothing, checksums included."""
    checks = [
        "-o",
        "ip.check_checksum:TRUE",
        "-o",
        "tcp.check_checksum:TRUE",
        "-o",
        "udp.check_checksum:TRUE",
    ]
    command = ["tshark", "-n", "-r", str(path), *checks]
    broken = "_ws.malformed || _ws.short || ip.checksum.status == 0 || tcp.checksum.status == 0"
    complaints = subprocess.run(
        [*command, "-Y", broken], capture_output=True, text=True, timeout=60, check=True
    )
    assert complaints.stdout == ""
    chosen = [word for field in wanted for word in ("-e", field)]
    done = subprocess.run(
        [*command, "-T", "fields", *chosen], capture_output=True, text=True, timeout=60, check=True
    )
    assert "cut short" not in done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


def test_the_commands_show_it(quiet: Served) -> None:
    with socket.create_connection(("127.0.0.1", quiet.port), 30):
        net = quiet.guest.unidbg("net")
        rings = quiet.guest.unidbg("rings", None, "--packets")
        shown = quiet.guest.unidbg("overview", None, "--json")
    assert "10.0.2.15/24" in net.stdout
    assert "ESTABLISHED  10.0.2.15:80  10.0.2.2:" in net.stdout
    assert "http_event" in net.stdout
    assert "10.0.2.15:7 udp len 5" in rings.stdout
    assert "stuck" not in rings.stdout
    data = json.loads(shown.stdout)["data"]
    assert data["net"]["interfaces"][0]["address"] == "10.0.2.15"
    assert [ring["slots"] for ring in data["rings"]["rings"]] == [[], []]


def test_pcapng_goes_into_a_pipe(quiet: Served) -> None:
    assert len(packet_rows(quiet.guest)) > 10


def test_a_network_that_goes_on_is_watched_without_a_fault(httpd: Served) -> None:
    with ThreadPoolExecutor(2) as clients, httpd.guest.session() as session:
        going = [clients.submit(lambda: [httpd.fetch("/stats") for _ in range(8)]) for _ in range(2)]
        while not all(one.done() for one in going):
            views = session.snapshot(["overview", "net", "rings"]).views.values()
            for view in (*views, session.packets()):
                assert isinstance(view, OverviewView | NetView | RingsView), view
                assert not all_faults(view)
        assert all(len(one.result()) == 8 for one in going)


def test_a_guest_without_a_card_has_neither_interfaces_nor_rings(sample: Callable[[str], Path]) -> None:
    with boot_guest(sample("hello"), ready="hello, world") as guest:
        assert guest.unidbg("net").stdout.startswith("no interfaces\n")
        assert guest.unidbg("rings").stdout.startswith("no rings\n")
        assert packet_rows(guest) == []


def packet_rows(guest: Booted) -> list[bytes]:
    """What tshark lists of the packets in a guest."""
    command = [*guest.command("rings"), "--pcapng", "-"]
    written = subprocess.run(command, capture_output=True, timeout=60, check=True)
    read = subprocess.run(
        ["tshark", "-n", "-r", "-"], input=written.stdout, capture_output=True, timeout=60, check=True
    )
    rows = read.stdout.splitlines()
    assert len(rows) == int(written.stderr.split()[0])
    return rows
