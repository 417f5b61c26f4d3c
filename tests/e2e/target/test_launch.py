"""Starting guests: the accelerator that fails, the port that is taken, the name that is used."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from unidbg.errors import ConfigError, ImageError, TargetError
from unidbg.target import guests, open_target, registry
from unidbg.target.guests import GuestRecord, launch, stop
from unidbg.transport.qemu import Accelerator

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def started() -> Iterator[list[GuestRecord]]:
    """Guests to be ended."""
    records: list[GuestRecord] = []
    yield records
    for record in records:
        stop(record.name)


def test_an_accelerator_that_fails_after_its_proof_gives_way_to_tcg(
    counter_image: Path, started: list[GuestRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guests, "prove_accelerator", lambda: Accelerator("kvm", "ran a guest"))
    monkeypatch.setattr(guests, "_runs", lambda record: False)
    started.append(launch(str(counter_image), port=0))
    assert started[0].accelerator == "tcg"
    with closing(open_target(f"@{started[0].name}")) as target:
        assert target.memory.read(0x100000, 1)


def test_the_proof_is_a_proof() -> None:
    found = guests.prove_accelerator()
    assert found.name in ("kvm", "tcg")
    assert found.reason


def test_two_guests_have_two_names_and_two_ports(counter_image: Path, started: list[GuestRecord]) -> None:
    for _ in range(2):
        started.append(launch(str(counter_image), accelerator="tcg", port=0))
    one, two = started
    assert (one.name, two.name) == ("counter", "counter-2")
    assert one.lines["gdbstub"] != two.lines["gdbstub"]
    assert {record.name for record in registry.registered()} >= {"counter", "counter-2"}
    assert registry.image_behind(one.lines["gdbstub"]) == str(counter_image)
    with pytest.raises(ConfigError, match="runs already"):
        launch(str(counter_image), accelerator="tcg", port=0, name="counter")


def test_a_port_that_is_taken_is_passed_by(
    counter_image: Path, started: list[GuestRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setattr(guests, "FIRST_PORT", taken.getsockname()[1])
        started.append(launch(str(counter_image), accelerator="tcg"))
        assert int(started[0].lines["gdbstub"].rpartition(":")[2]) > taken.getsockname()[1]
        with pytest.raises(TargetError, match="in use"):
            launch(str(counter_image), accelerator="tcg", port=taken.getsockname()[1], name="other")
    assert [record.name for record in registry.registered()] == ["counter"]


def test_paused_and_on_microvm(counter_image: Path, started: list[GuestRecord]) -> None:
    started.append(launch(str(counter_image), accelerator="tcg", port=0, paused=True, machine="microvm"))
    with closing(open_target(f"@{started[0].name}")) as target:
        assert target.run is not None
        assert not target.run.running
        target.run.resume()
    with closing(open_target(f"@{started[0].name}")) as target:
        assert target.run is not None
        assert target.run.running


def test_what_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    (tmp_path / "cut.elf").write_bytes(b"\x7fELF\x02\x01\x01")
    for name, error in (("no", ConfigError), ("text", ConfigError), ("cut.elf", ImageError)):
        with pytest.raises(error):
            launch(str(tmp_path / name), accelerator="tcg", port=0)
    assert registry.registered() == []


def test_an_image_that_qemu_refuses_is_told_in_its_words(tmp_path: Path, counter_image: Path) -> None:
    with pytest.raises(TargetError, match="no-such-device"):
        launch(str(counter_image), accelerator="tcg", port=0, arguments=("-device", "no-such-device"))
    assert registry.registered() == []
