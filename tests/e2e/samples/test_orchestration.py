"""Health that fails and hangs, load, and services that hear of each other."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.samples.conftest import Boot
from tests.e2e.samples.elf import symbols
from tests.e2e.samples.guest import Guest, Options
from tests.e2e.samples.rsp import Stub
from tests.e2e.samples.test_cloud import disk, get
from tests.e2e.samples.test_stats import items
from tests.e2e.samples.wire import ARP, BROADCAST, GUEST, PEER, UDP, Cable, arp, ethernet, ipv4, udp

CARD = {"q35": "virtio-net-pci", "microvm": "virtio-net-device"}
PORT = 7350
ALL = "255.255.255.255"
Stats = dict[str, str]


def look(guest: Guest, until: Callable[[Stats], bool] = lambda _: True) -> Stats:
    """The view orchestration, once it is as wished; the guest goes on."""
    stub = Stub(guest.stub)
    stats = stub.stats("orchestration")
    stub.resume()
    deadline = time.monotonic() + 30
    while not until(stats):
        assert time.monotonic() < deadline, stats
        time.sleep(0.02)
        stats = stub.stats("orchestration")
        stub.resume()
    return stats


def heard(stats: Stats) -> list[tuple[str, str, str]]:
    """Name, address and port of the services of others."""
    services = items(stats, "orchestration.services")
    return [(s["name"], s["address"], s["port"]) for s in services if s["own"] == "false"]


def test_healthy(boot: Boot, machine: str, tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(bytes(1 << 20))
    guest = boot("httpd", network="user", extra=disk(machine, tmp_path / "disk"))
    guest.wait_for(r"serving port 80$")
    stats = look(guest, lambda s: int(s["orchestration.health.passed"]) >= 2)
    assert get(guest, "/healthz") == (200, b"ok\n")
    results = items(stats, "orchestration.health.results")
    assert {r["outcome"] for r in results} == {"ok"}
    assert len(results) == int(stats["orchestration.health.passed"])
    assert int(results[0]["time_ns"]) > int(results[1]["time_ns"])
    now, last = int(stats["orchestration.now_ns"]), int(results[0]["time_ns"])
    assert int(stats["orchestration.health.age_ns"]) == now - last
    check = int(stats["orchestration.health.check"], 16)
    assert check == symbols(guest.elf)["check_memory_and_disk"] + slide(guest)
    assert stats["orchestration.health.interval_ns"] == "1000000000"


def slide(guest: Guest) -> int:
    """Bytes from the link address to where the image runs."""
    entry = int(Stub(guest.stub).stats("app")["app.entry"], 16)
    return entry - symbols(guest.elf)["app_main"]


@pytest.mark.parametrize(("word", "outcome"), [("fail", "failed"), ("hang", "timeout")])
def test_sick(boot: Boot, word: str, outcome: str) -> None:
    guest = boot("httpd", f"health={word}", network="user")
    guest.wait_for(rf"health: {outcome}$")
    status, body = get(guest, "/healthz")
    assert (status, body.decode()) == (503, f"{outcome}\n")
    assert get(guest, "/blob", "HEAD")[0] == 200  # the loop goes on
    stats = look(guest)
    count = {"failed": "failed", "timeout": "timed_out"}[outcome]
    results = items(stats, "orchestration.health.results")
    assert int(stats[f"orchestration.health.{count}"]) == len(results) >= 1
    assert {r["outcome"] for r in results} == {outcome}
    assert stats["orchestration.health.passed"] == "0"
    if word == "hang":
        assert all(int(r["duration_ns"]) >= 500_000_000 for r in results)


def test_load_is_that_of_the_loop(boot: Boot) -> None:
    guest = boot("httpd", network="user")
    guest.wait_for(r"serving port 80$")
    idle = look(guest, lambda s: int(s["orchestration.now_ns"]) > 2_000_000_000)
    assert int(idle["orchestration.scaling.load_percent"]) < 50
    assert idle["orchestration.scaling.instances"] == idle["orchestration.scaling.wanted"] == "1"
    most = 0
    with ThreadPoolExecutor(4) as pool:
        port = guest.forwarded("tcp")
        while most <= int(idle["orchestration.scaling.load_percent"]):
            list(pool.map(lambda _: blobs(port), range(8)))
            most = max(most, int(look(guest)["orchestration.scaling.load_percent"]))


def blobs(port: int) -> None:
    """Some megabytes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for _ in range(4):
        connection.request("GET", "/blob")
        connection.getresponse().read()
    connection.close()


@pytest.fixture
def pair(build: Path, machine: str) -> Iterator[tuple[Guest, Guest]]:
    """Two guests at the ends of one cable."""
    ends = socket.socketpair()
    guests = []
    for n, end in enumerate(ends):
        netdev = f"socket,id=net,fd={end.fileno()}"
        device = f"{CARD[machine]},netdev=net,mac=52:54:00:12:34:{n:02x}"
        extra = ("-netdev", netdev, "-device", device, "-global", "virtio-mmio.force-legacy=false")
        options = Options(f"discovery ip=10.0.2.{n + 10}", extra=extra, files=(end.fileno(),))
        guests.append(Guest(build / "httpd.elf", machine, options))
    for end in ends:
        end.close()
    yield guests[0], guests[1]
    for guest in guests:
        guest.close()


def test_two_guests_hear_each_other(pair: tuple[Guest, Guest]) -> None:
    one, other = pair
    stats = look(one, lambda s: bool(heard(s)))
    assert heard(stats) == [("httpd", "10.0.2.11", "80")]
    assert heard(look(other, lambda s: bool(heard(s)))) == [("httpd", "10.0.2.10", "80")]
    stats = look(one, lambda s: s["orchestration.scaling.instances"] == "2")
    (own,) = (s for s in items(stats, "orchestration.services") if s["own"] == "true")
    assert (own["name"], own["address"], own["port"]) == ("httpd", "10.0.2.10", "80")
    assert int(own["announcements"]) > 0
    other.close()
    stats = look(one, lambda s: not heard(s))  # it is forgotten
    look(one, lambda s: s["orchestration.scaling.instances"] == "1")


@pytest.fixture
def listener(boot: Boot) -> tuple[Guest, Cable]:
    """A guest that listens, and a cable to it."""
    guest = boot("httpd", "discovery", network="cable")
    guest.wait_for(r"serving port 80$")
    cable = Cable(guest.cable)
    cable.send(ethernet(arp(1), ARP, BROADCAST))
    return guest, cable


def say(cable: Cable, text: bytes, port: int = PORT) -> None:
    """To everybody."""
    cable.send(ethernet(ipv4(udp(text, port, to=ALL), UDP, to=ALL), to=BROADCAST))


GOOD = b"unidbg service 1 up db 5432\n"
BAD = [
    b"",
    b"unidbg service 1 ",
    b"unidbg service 2 up db 5432\n",
    b"unidbg service 1 up db 5432",
    b"unidbg service 1 up db 5432\nmore",
    b"unidbg service 1 up db 0\n",
    b"unidbg service 1 up db 65536\n",
    b"unidbg service 1 up db 99999999999999999999\n",
    b"unidbg service 1 up db 5x\n",
    b"unidbg service 1 sideways db 5432\n",
    b"unidbg service 1 up " + b"d" * 32 + b" 5432\n",
    b"unidbg service 1 up \x1b[2J 5432\n",
    b"unidbg service 1 up d\0b 5432\n",
    b"unidbg service 1 up  5432\n",
    b"\xff" * 1400,
]


def test_hears_what_is_sound_and_nothing_else(listener: tuple[Guest, Cable]) -> None:
    guest, cable = listener
    for text in BAD:
        say(cable, text)
    say(cable, GOOD)
    assert heard(look(guest, lambda s: bool(heard(s)))) == [("db", PEER, "5432")]
    say(cable, b"unidbg service 1 down db 5432\n")
    look(guest, lambda s: not heard(s))


def test_has_room_for_so_many(listener: tuple[Guest, Cable]) -> None:
    guest, cable = listener
    for n in range(200):
        say(cable, b"unidbg service 1 up flood-%d 1\n" % n)
    say(cable, b"unidbg service 1 down flood-0 1\n")
    stats = look(guest, lambda s: ("flood-0", PEER, "1") not in heard(s) and bool(heard(s)))
    assert [name for name, _, _ in heard(stats)] == [f"flood-{n}" for n in range(1, 12)]
    assert [s["name"] for s in items(stats, "orchestration.services") if s["own"] == "true"] == ["httpd"]


def test_announces_to_everybody(listener: tuple[Guest, Cable]) -> None:
    _, cable = listener
    packet = cable.wait_for(lambda found: found.protocol == UDP)
    assert packet.body[8:] == b"unidbg service 1 up httpd 80\n"


def test_does_not_echo_what_is_for_everybody(listener: tuple[Guest, Cable]) -> None:
    _, cable = listener
    say(cable, b"to all", port=7)
    cable.send(ethernet(ipv4(udp(b"to you"), UDP, to=GUEST)))
    echo = cable.wait_for(lambda found: found.protocol == UDP and found.body[:2] == b"\0\7")
    assert echo.body[8:] == b"to you"


def test_is_silent_unless_told(boot: Boot) -> None:
    guest = boot("httpd", network="cable")
    guest.wait_for(r"serving port 80$")
    stats = look(guest, lambda s: int(s["orchestration.now_ns"]) > 2_000_000_000)
    (own,) = items(stats, "orchestration.services")
    assert own["announcements"] == own["seen_ns"] == "0"
