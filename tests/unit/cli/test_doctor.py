"""`doctor` says what is missing and how to get it; only the essential makes it fail."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.golden.conftest import Runner
from tests.golden.sample import NO_LOG, FakeSession
from unidbg.cli import opening
from unidbg.cli.doctor import guest, host, image
from unidbg.errors import TargetGone
from unidbg.target import guests
from unidbg.transport.programs import first_line
from unidbg.views.host import Diagnosis

REAL = host.host_diagnoses
Found = Callable[..., dict[str, Diagnosis]]


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Found:
    """The host's diagnoses where the programs are those given, and KVM works or not."""

    def diagnose(programs: dict[str, str | None], accelerator: str = "kvm") -> dict[str, Diagnosis]:
        proven = SimpleNamespace(name=accelerator, reason="there is no /dev/kvm")
        monkeypatch.setattr(guests, "prove_accelerator", lambda: proven)
        monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}" if name in programs else None)
        monkeypatch.setattr(host, "first_line", lambda command: programs[command[0].removeprefix("/bin/")])
        return {one.subject: one for one in REAL(guest_is_given=False)}

    return diagnose


def test_all_is_there(found: Found) -> None:
    versions = {
        "qemu-system-x86_64": "QEMU emulator version 7.2.4 (Debian)",
        "gdb": "GNU gdb 13.1",
        "lldb": "lldb 14",
    }
    verdicts = found(versions)
    assert {one.verdict for one in verdicts.values()} == {"ok"}
    assert verdicts["QEMU"].detail == "7.2.4, /bin/qemu-system-x86_64"
    assert verdicts["lldb"].detail == "lldb 14, /bin/lldb"


def test_without_qemu_there_is_no_accelerator_to_prove(found: Found) -> None:
    verdicts = found({})
    assert verdicts["QEMU"].verdict == "failed"
    assert "apt install qemu-system-x86" in verdicts["QEMU"].remedy
    assert "accelerator" not in verdicts
    assert (verdicts["gdb"].verdict, verdicts["gdb"].essential) == ("skipped", False)


def test_a_program_that_does_not_run(found: Found) -> None:
    assert found({"qemu-system-x86_64": None})["QEMU"].detail == "/bin/qemu-system-x86_64 does not run"


def test_emulation_is_a_warning(found: Found) -> None:
    verdict = found({"qemu-system-x86_64": "QEMU 9.0.1"}, "tcg")["accelerator"]
    assert (verdict.verdict, verdict.essential) == ("warning", False)
    assert "there is no /dev/kvm" in verdict.detail


def test_qemu_is_not_essential_to_who_has_a_guest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert not any(one.verdict == "failed" for one in REAL(guest_is_given=True))


def test_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "find_spec", lambda name: None if name == "capstone" else name)
    assert host.packages().detail == "missing: capstone"


def test_no_image(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no image at all")
    (only,) = image.image_diagnoses(str(tmp_path / "text"))
    assert (only.subject, only.verdict, only.essential) == ("image", "failed", True)


def picture(**has: Any) -> Any:
    return SimpleNamespace(
        **{"path": "a.elf", "has_symbols": True, "has_dwarf": True, "build_id": b"\1", **has}
    )


def test_what_an_image_lacks() -> None:
    def verdicts(**has: Any) -> list[str]:
        return [one.verdict for one in image.opened_image_diagnoses(picture(**has))]

    assert verdicts() == ["ok", "ok", "ok"]
    assert verdicts(has_symbols=False, has_dwarf=False, build_id=None) == ["failed", "warning", "warning"]


def session(modules: list[Any], stopped_ns: int | None = 2_000_000) -> Any:
    target = SimpleNamespace(url=":1234", access="rsp", kind="unidbg", architecture="x86_64")
    made: Any = FakeSession()
    made.target, made.program = target, SimpleNamespace(modules=modules)
    made.image_note, made.VIEWS = "no image was found", ("log",)
    made.snapshot = lambda names: SimpleNamespace(stopped_ns=stopped_ns, views={"log": NO_LOG})
    return made


def module(verified: str, bias: int = 0) -> Any:
    return SimpleNamespace(image=picture(), verified=verified, bias=bias, evidence="code at 0x5")


def test_a_guest_with_its_image(unidbg: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "open_session", lambda *_: session([module("build-id", 0x1000)]))
    monkeypatch.setattr(host, "host_diagnoses", lambda guest_is_given: iter(()))
    ran = unidbg("doctor", ":1234", "--json")
    said = {one["subject"]: one for one in json.loads(ran.out)["data"]["diagnoses"]}
    assert ran.code == 0
    assert said["link"]["detail"].startswith(":1234 by rsp: unidbg's own stub, x86_64, open in ")
    assert said["image"]["detail"] == "a.elf at bias 0x1000, found by code at 0x5, verified by build-id"
    assert said["stop"]["detail"] == "an overview stops the guest for 2 ms"
    assert said["log"]["verdict"] == "skipped"


def test_a_guest_without_image_and_one_that_stands(unidbg: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "open_session", lambda *_: session([], None))
    monkeypatch.setattr(host, "host_diagnoses", lambda guest_is_given: iter(()))
    ran = unidbg("doctor", ":1234")
    assert ran.code == 1
    assert "no image was found" in ran.out
    assert "--image FILE" in ran.out
    assert "stands still already" in ran.out


def test_a_guest_that_does_not_answer(unidbg: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise TargetGone("nothing listens on :1234: start a guest")

    monkeypatch.setattr(opening, "open_session", gone)
    monkeypatch.setattr(host, "host_diagnoses", lambda guest_is_given: iter(()))
    ran = unidbg("doctor", ":1234")
    assert ran.code == 1
    assert "nothing listens on :1234: start a guest" in ran.out


@pytest.mark.parametrize(("spoken", "verdict"), [(None, []), (1, ["ok"]), (2, ["warning"]), (0, ["warning"])])
def test_the_age_of_the_stub(monkeypatch: pytest.MonkeyPatch, spoken: int | None, verdict: list[str]) -> None:
    from unidbg.target import rsptarget

    class Target:
        stub = SimpleNamespace(abi=spoken)

    monkeypatch.setattr(rsptarget, "RspTarget", Target)
    made = session([])
    made.target = Target()
    assert [one.verdict for one in guest.abi(made)] == verdict


def test_programs_are_asked(tmp_path: Path) -> None:
    assert first_line(["/bin/sh", "-c", "echo one; echo two"]) == "one"
    assert first_line(["/bin/sh", "-c", "echo one; exit 1"]) is None
    assert first_line(["/bin/sh", "-c", "exit 0"]) is None
    assert first_line([str(tmp_path / "gone")]) is None
    assert first_line(["/bin/sleep", "60"], timeout=0.05) is None
