"""Poll mode against interrupt mode, the pool of frames, the cache of sessions, and a second card."""

from __future__ import annotations

import http.client
import time

import pytest

from tests.e2e.samples.conftest import Boot
from tests.e2e.samples.guest import Guest
from tests.e2e.samples.rsp import Stub
from tests.e2e.samples.test_stats import items

SECOND_CARD = {"q35": "virtio-net-pci", "microvm": "virtio-net-device"}
REQUESTS = 1000


def serve(guest: Guest, requests: int, per_connection: int = 50) -> None:
    """Requests, some on each connection."""
    port = guest.forwarded("tcp")
    for _ in range(requests // per_connection):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for _ in range(per_connection):
            connection.request("GET", "/healthz")
            assert connection.getresponse().read() == b"ok\n"
        connection.close()


def driver_of(stats: dict[str, str], name: str) -> dict[str, str]:
    """A driver of the view runtime."""
    return next(d for d in items(stats, "runtime.drivers") if d["name"] == name)


def interrupts(stats: dict[str, str], name: str) -> int:
    """All interrupts of the devices of this name."""
    return sum(int(d["interrupts"]) for d in items(stats, "devices.devices") if d["name"] == name)


@pytest.mark.parametrize(("word", "interval_ns"), [("poll", 50_000), ("poll=20us", 20_000)])
def test_poll_mode_serves_without_interrupts(boot: Boot, word: str, interval_ns: int) -> None:
    guest = boot("httpd", word, network="user")
    guest.wait_for(r"serving port 80$")
    serve(guest, REQUESTS)
    stats = Stub(guest.stub).stats()
    driver = driver_of(stats, "virtio-net")
    assert driver["mode"] == "poll"
    assert int(driver["interval_ns"]) == interval_ns
    assert int(driver["polls"]) > int(driver["empty_polls"]) > 0
    assert int(driver["interrupts"]) == interrupts(stats, "virtio-net") == 0
    assert int(stats["net.interfaces.0.rx.packets"]) > REQUESTS
    assert stats["rings.rings.0.queue.event_idx"] == "false"


def test_interrupt_mode_does_not_poll(boot: Boot) -> None:
    guest = boot("httpd", network="user")
    guest.wait_for(r"serving port 80$")
    serve(guest, 100)
    stats = Stub(guest.stub).stats()
    driver = driver_of(stats, "virtio-net")
    assert driver["mode"] == "interrupt"
    assert driver["interval_ns"] == driver["polls"] == driver["empty_polls"] == "0"
    assert int(driver["interrupts"]) == interrupts(stats, "virtio-net") > 0


def test_frames_come_from_a_pool_and_go_back(boot: Boot) -> None:
    guest = boot("httpd", network="user")
    guest.wait_for(r"serving port 80$")
    serve(guest, 200)
    stats = Stub(guest.stub).stats()
    pool = items(stats, "runtime.pools")[0]
    numbers = {name: int(value) for name, value in pool.items() if name != "name"}
    assert pool["name"] == "net0 rx"
    assert numbers["taken"] - numbers["released"] == numbers["out"] <= numbers["peak"] <= numbers["total"]
    assert numbers["released"] == int(stats["net.interfaces.0.rx.packets"])
    assert numbers["failed"] == 0


def test_sessions_come_from_a_cache(boot: Boot) -> None:
    guest = boot("httpd", network="user")
    guest.wait_for(r"serving port 80$")
    serve(guest, 20, per_connection=1)
    stub = Stub(guest.stub)
    stats = stub.stats()
    (cache,) = (c for c in items(stats, "runtime.caches") if c["name"] == "http session")
    assert int(cache["allocations"]) == 20
    assert int(cache["hits"]) > 0
    assert int(cache["allocations"]) - int(cache["frees"]) == int(cache["in_use"])
    while int(cache["cached"]) or not int(cache["flushes"]):  # by itself, when nobody comes
        stub.resume()
        (cache,) = (c for c in items(stub.stats(), "runtime.caches") if c["name"] == "http session")
    assert int(cache["frees"]) == 20


def test_second_card_is_an_interface_of_its_own(boot: Boot, machine: str) -> None:
    card = ("-netdev", "user,id=other,net=10.0.3.0/24", "-device", f"{SECOND_CARD[machine]},netdev=other")
    guest = boot("httpd", network="user", extra=card)
    guest.wait_for(r"net1: 10\.0\.3\.15, mac 52:54:00:12:34:57$")
    guest.wait_for(r"serving port 80$")
    serve(guest, 20)
    stub = Stub(guest.stub)
    deadline = time.monotonic() + 30
    while (stats := stub.stats())["net.interfaces.1.rx.packets"] == "0":  # the gateway answers our ARP
        assert time.monotonic() < deadline
        stub.resume()
        time.sleep(0.02)
    assert [i["address"] for i in items(stats, "net.interfaces")] == ["10.0.2.15", "10.0.3.15"]
    assert [r["name"] for r in items(stats, "rings.rings")] == ["net0 rx", "net0 tx", "net1 rx", "net1 tx"]
