"""Metadata by fw_cfg and on a disk, volumes over HTTP, disks and cards that come and go."""

from __future__ import annotations

import contextlib
import http.client
import socket
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.samples.conftest import Boot
from tests.e2e.samples.guest import Guest
from tests.e2e.samples.rsp import Stub
from tests.e2e.samples.test_runtime import driver_of, interrupts
from tests.e2e.samples.test_stats import items

SECTOR = 512
DISK_BYTES = 3 << 20
DISK = {"q35": "virtio-blk-pci", "microvm": "virtio-blk-device"}
TITLE = b"unidbg metadata 1\n"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A disk whose every 16 bytes say where they are."""
    path = tmp_path / "disk"
    path.write_bytes(b"".join(b"%015x\n" % at for at in range(0, DISK_BYTES, 16)))
    return path


def disk(machine: str, image: Path, name: str = "disk") -> Sequence[str]:
    """QEMU's arguments for a disk."""
    drive = f"if=none,id={name},file={image},format=raw"
    extra = () if machine == "q35" else ("-global", "virtio-mmio.force-legacy=false")
    return ("-drive", drive, "-device", f"{DISK[machine]},drive={name}", *extra)


def get(guest: Guest, path: str, method: str = "GET") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", guest.forwarded("tcp"), timeout=30)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def ready(guest: Guest) -> Guest:
    guest.wait_for(r"serving port 80$")
    return guest


def pool_of(stats: dict[str, str]) -> dict[str, str]:
    """The buffers for volumes."""
    return next(p for p in items(stats, "runtime.pools") if p["name"] == "volume")


def stats_at_rest(guest: Guest) -> dict[str, str]:
    """The guest's numbers once all is acknowledged and its buffers are back; it stands."""
    stub = Stub(guest.stub)
    deadline = time.monotonic() + 30
    while pool_of(stats := stub.stats())["out"] != "0":
        assert time.monotonic() < deadline
        stub.resume()
        time.sleep(0.02)
    return stats


@pytest.mark.parametrize("word", ["", "poll=100us", "aslr"])
def test_volume_is_served(boot: Boot, machine: str, image: Path, word: str) -> None:
    guest = ready(boot("httpd", word, network="user", extra=disk(machine, image)))
    data = image.read_bytes()
    assert get(guest, "/volume") == (200, b"vda %d attached\n" % DISK_BYTES)
    assert get(guest, "/volume/vda/0/16") == (200, data[:16])
    assert get(guest, "/volume/vda/511/2") == (200, data[511:513])
    assert get(guest, f"/volume/vda/{DISK_BYTES - 100}/100") == (200, data[-100:])
    assert get(guest, "/volume/vda/70001/200000") == (200, data[70001:270001])
    assert get(guest, "/volume/vda", "HEAD") == (200, b"")
    assert get(guest, "/volume/vda") == (200, data)
    stats = stats_at_rest(guest)
    volume, driver = items(stats, "cloud.volumes")[0], driver_of(stats, "virtio-blk")
    assert int(volume["read_bytes"]) >= DISK_BYTES
    assert volume["written_bytes"] == volume["errors"] == "0"
    assert driver["mode"] == ("poll" if "poll" in word else "interrupt")
    assert int(driver["interrupts"]) == interrupts(stats, "virtio-blk")
    assert bool(int(driver["interrupts"])) != bool(int(driver["polls"]))
    pool = pool_of(stats)
    assert int(pool["taken"]) == int(pool["released"]) == 5


BEYOND = [
    ("/volume/vdb", 404),
    ("/volume/", 404),
    ("/volumes", 404),
    ("/volume/a-name-that-is-much-too-long", 404),
    ("/volume/vda/0", 400),
    ("/volume/vda/x/1", 400),
    ("/volume/vda/-1/1", 400),
    ("/volume/vda/0/1/2", 400),
    ("/volume/vda/99999999999999999999999/1", 400),
    ("/volume/vda/0/0", 416),
    (f"/volume/vda/{DISK_BYTES}/1", 416),
    (f"/volume/vda/1/{DISK_BYTES}", 416),
    (f"/volume/vda/1000000000000000000/{DISK_BYTES}", 416),
]
"""Paths, and how each is refused."""


def test_volume_has_bounds(boot: Boot, image: Path, machine: str) -> None:
    guest = ready(boot("httpd", network="user", extra=disk(machine, image)))
    assert [(path, get(guest, path)[0]) for path, _ in BEYOND] == BEYOND


def test_metadata_come_from_fw_cfg(boot: Boot) -> None:
    files = {"zone": "loopback-1", "owner/mail": "me@example.org", "empty": ""}
    words = [w for k, v in files.items() for w in ("-fw_cfg", f"name=opt/unidbg/{k},string={v}")]
    others = ("-fw_cfg", "name=opt/other/key,string=no")
    guest = ready(boot("httpd", "aslr", network="user", extra=(*words[:4], *others)))
    stats = Stub(guest.stub).stats("cloud")
    found = {m["key"]: m["value"] for m in items(stats, "cloud.metadata")}
    assert found == {"zone": "loopback-1", "owner/mail": "me@example.org"}
    assert {m["source"] for m in items(stats, "cloud.metadata")} == {"fw_cfg"}
    assert stats["cloud.put_channel"] == "none"


def test_long_values_are_cut_and_odd_keys_left_out(boot: Boot) -> None:
    keys = ("good", "not good", "x" * 40)
    words = [w for key in keys for w in ("-fw_cfg", f"name=opt/unidbg/{key},string={'v' * 300}")]
    guest = ready(boot("httpd", network="user", extra=words))
    found = items(Stub(guest.stub).stats("cloud"), "cloud.metadata")
    assert [(m["key"], m["value"]) for m in found] == [("good", "v" * 127)]


def test_metadata_are_put_on_a_disk_and_read_at_the_next_boot(boot: Boot, machine: str, image: Path) -> None:
    guest = ready(boot("httpd", "metadata=vda aslr", network="user", extra=disk(machine, image)))
    guest.wait_for(r"metadata: written to vda$")
    stats = Stub(guest.stub).stats("cloud")
    assert stats["cloud.put_channel"] == "last sector of vda"
    put = {m["key"]: m["value"] for m in items(stats, "cloud.metadata")}
    assert put["state"] == "serving"
    guest.close()
    data = image.read_bytes()
    assert data[-SECTOR:].startswith(TITLE + b"state=serving\n")
    assert data[:-SECTOR] == b"".join(b"%015x\n" % at for at in range(0, DISK_BYTES - SECTOR, 16))
    image.write_bytes(
        data[:-SECTOR] + (TITLE + b"left=behind\nbad key=1\n\x1b=2\nnothing\n").ljust(SECTOR, b"\0")
    )
    again = ready(boot("httpd", "metadata=vda", network="user", extra=disk(machine, image)))
    found = items(Stub(again.stub).stats("cloud"), "cloud.metadata")
    assert {m["key"]: m["value"] for m in found} == {"left": "behind", "state": "serving"}
    assert {m["source"] for m in found} == {"last sector of vda"}


def test_disk_without_permission_is_left_alone(boot: Boot, machine: str, image: Path) -> None:
    before = image.read_bytes()
    guest = ready(boot("httpd", network="user", extra=disk(machine, image)))
    assert Stub(guest.stub).stats("cloud")["cloud.put_channel"] == "none"
    guest.close()
    assert image.read_bytes() == before


def command(guest: Guest, text: str) -> str:
    """What the guest's log says of a command of the debugger."""
    stub = Stub(guest.stub)
    assert "when the guest goes on" in stub.monitor(text)
    assert "busy" in stub.monitor("flush")
    stub.resume()
    return guest.wait_for(rf"\] {text}: (ok|failed)$")[1]


def test_volume_is_detached_and_attached(boot: Boot, machine: str, image: Path) -> None:
    guest = ready(boot("httpd", network="user", extra=disk(machine, image)))
    assert command(guest, "detach vda") == "ok"
    assert get(guest, "/volume/vda/0/16")[0] == 503
    assert get(guest, "/volume") == (200, b"vda %d detached\n" % DISK_BYTES)
    assert get(guest, "/healthz") == (200, b"ok\n")
    assert Stub(guest.stub).stats("cloud")["cloud.volumes.0.attached"] == "false"
    assert command(guest, "attach vda") == "ok"
    assert get(guest, "/volume/vda/16/100000") == (200, image.read_bytes()[16:100016])
    assert command(guest, "attach vdb") == "failed"


@pytest.mark.parametrize("word", ["", "poll"])
def test_card_is_detached_and_attached(boot: Boot, word: str) -> None:
    guest = ready(boot("httpd", word, network="user"))
    for _ in range(3):
        assert get(guest, "/healthz") == (200, b"ok\n")
        assert command(guest, "detach net0") == "ok"
        stats = Stub(guest.stub).stats()
        assert stats["cloud.nics.0.attached"] == stats["net.interfaces.0.up"] == "false"
        assert stats["runtime.pools.0.out"] == "0"
        guest.text = b""
        assert command(guest, "attach net0") == "ok"
        guest.text = b""
        assert get(guest, "/blob")[0] == 200
    assert Stub(guest.stub).stats("cloud")["cloud.nics.0.attached"] == "true"


def test_detaching_ends_what_is_on_its_way(boot: Boot, machine: str, image: Path) -> None:
    guest = ready(boot("httpd", "metadata=vda", network="user", extra=disk(machine, image)))
    guest.wait_for(r"metadata: written to vda$")
    with socket.create_connection(("127.0.0.1", guest.forwarded("tcp")), 30) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.sendall(b"GET /volume/vda HTTP/1.1\r\n\r\n")
        assert line.recv(1)
        assert command(guest, "detach vda") == "ok"
        assert command(guest, "put late 1") == "failed"
        with contextlib.suppress(ConnectionResetError):
            while line.recv(65536):
                pass
    stub = Stub(guest.stub)
    assert pool_of(stub.stats("runtime"))["out"] == "0"
    assert "late" not in str(stub.stats("cloud"))


def test_buffers_can_run_out(boot: Boot, machine: str, image: Path) -> None:
    """Clients that ask and do not read hold a buffer each, until they go."""
    guest = ready(boot("httpd", network="user", extra=disk(machine, image)))
    port = guest.forwarded("tcp")
    with contextlib.ExitStack() as stack:
        for _ in range(16):
            line = stack.enter_context(socket.socket())
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.connect(("127.0.0.1", port))
            line.sendall(b"GET /volume/vda HTTP/1.1\r\n\r\n")
            assert line.recv(1)
        assert get(guest, "/volume/vda/0/16")[0] == 503
        stub = Stub(guest.stub)
        pool = pool_of(stub.stats("runtime"))
        stub.resume()
        assert (pool["out"], pool["peak"], pool["failed"]) == ("16", "16", "1")
        assert get(guest, "/healthz") == (200, b"ok\n")
    stats_at_rest(guest)
    Stub(guest.stub).resume()
    assert get(guest, "/volume/vda/0/16")[0] == 200


def test_disk_that_fails_is_counted(boot: Boot, machine: str, image: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.write_text('[inject-error]\nevent = "read_aio"\nsector = "2048"\nerrno = "5"\n')
    broken = Path(f"blkdebug:{rules}:{image}")
    guest = ready(boot("httpd", network="user", extra=disk(machine, broken)))
    assert get(guest, "/volume/vda/0/16")[0] == 200
    assert get(guest, "/volume/vda/1048576/16") == (503, b"the volume cannot be read there\n")
    with pytest.raises((OSError, http.client.HTTPException)):  # behind the first piece it breaks off
        get(guest, "/volume/vda")
    assert get(guest, "/volume/vda/0/16")[0] == 200
    assert stats_at_rest(guest)["cloud.volumes.0.errors"] == "2"


def test_disk_that_hangs_makes_it_sick(boot: Boot, machine: str, image: Path) -> None:
    """So slow that the check never ends in time: the loop goes on, and /healthz says it."""
    slow = disk(machine, image)
    slow = (slow[0], slow[1] + ",throttling.bps-total=64", *slow[2:])
    guest = ready(boot("httpd", network="user", extra=slow))
    guest.wait_for(r"health: timeout$")
    assert get(guest, "/healthz") == (503, b"timeout\n")
    assert command(guest, "ping 10.0.2.2") == "ok"


def test_put_by_command(boot: Boot, machine: str, image: Path) -> None:
    key = ("-fw_cfg", "name=opt/unidbg/zone,string=a")
    guest = ready(boot("httpd", "metadata=vda", network="user", extra=(*disk(machine, image), *key)))
    assert command(guest, "put answer forty two") == "ok"
    assert command(guest, "put zone b") == "failed"  # is fw_cfg's
    assert command(guest, "put long " + "x" * 100) == "ok"
    for n in range(3):
        assert command(guest, f"put more-{n} " + "y" * 100) == "ok"
    assert command(guest, "put over " + "z" * 100) == "failed"  # no room in the sector
    found = items(Stub(guest.stub).stats("cloud"), "cloud.metadata")
    assert [m["key"] for m in found] == ["zone", "state", "answer", "long", "more-0", "more-1", "more-2"]
    assert found[2]["value"] == "forty two"


def test_ping(boot: Boot) -> None:
    guest = ready(boot("httpd", network="user"))
    assert command(guest, "ping 10.0.2.2") == "ok"
    guest.wait_for(r"ping 10\.0\.2\.2: 3 sent, 3 answered, shortest [1-9]\d* us$")
    assert command(guest, "ping 10.0.2.999") == "failed"
    assert command(guest, "ping 10.0.2.77") == "ok"
    guest.wait_for(r"ping 10\.0\.2\.77: 3 sent, 0 answered, shortest 0 us$")


def test_services_come_and_go_by_command(boot: Boot) -> None:
    guest = ready(boot("httpd", network="user"))
    assert command(guest, "announce db 5432") == "ok"
    assert command(guest, "announce b@d 1") == "failed"
    assert command(guest, "announce db 70000") == "failed"
    found = items(Stub(guest.stub).stats("orchestration"), "orchestration.services")
    assert [(s["name"], s["port"]) for s in found] == [("httpd", "80"), ("db", "5432")]
    assert command(guest, "withdraw db") == "ok"
    assert command(guest, "withdraw db2") == "failed"
    stub = Stub(guest.stub)
    assert len(items(stub.stats("orchestration"), "orchestration.services")) == 1
    assert stub.monitor("health").startswith("ok: ")
    assert "ping ADDR" in stub.monitor("help")
