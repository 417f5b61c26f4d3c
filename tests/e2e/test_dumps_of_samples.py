"""A dump of each sample shows what the sample showed: every view and every command, dead as alive.

The guest stands meanwhile, so both say the same, but for where they have it from and why it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.e2e.guests import Booted, boot_guest, network
from unidbg.cli import dumping, receiving
from unidbg.errors import UnidbgError
from unidbg.profiles.find import Pattern
from unidbg.render.json import to_json
from unidbg.session import VIEWS, ImageSpec, Session

pytestmark = pytest.mark.timeout(240)
UNTOLD = ("provenance", "reason", "state", "uptime_ns")
"""What is of the target: where from, why it stands."""


class Sample(NamedTuple):
    """How to boot a sample until it has something to show."""

    name: str
    ready: str
    append: str = ""
    machine: str = "q35"
    arguments: tuple[str, ...] = ()


SAMPLES = (
    Sample("hello", "heartbeat 1"),
    Sample("hello", "heartbeat 1", "aslr", "microvm"),
    Sample("httpd", "serving port 80", "", "q35", network("q35")),
    Sample("leaky", "leaky: made", "callsites"),
    Sample("stuck", "stuck: ring", "stuck=ring"),
    Sample("corrupt", "corrupt: planted", "corrupt=cycle"),
)


@pytest.fixture(scope="module", params=SAMPLES, ids=lambda one: f"{one.name}-{one.machine}")
def standing(request: pytest.FixtureRequest, sample: Callable[[str], Path]) -> Iterator[Session]:
    """A session on a sample that stands."""
    one: Sample = request.param
    with (
        boot_guest(
            sample(one.name), machine=one.machine, append=one.append, ready=one.ready, arguments=one.arguments
        ) as guest,
        opened(guest) as session,
    ):
        assert session.target.run is not None
        session.target.run.stop()
        yield session


def opened(guest: Booted) -> Session:
    return guest.session(guest.record.lines["qmp"])


def told(session: Session, *, all_memory: bool = True) -> dict[str, Any]:
    """What every view and command says, without where it has it from."""
    found: dict[str, Any] = {name: session.view(name) for name in VIEWS}
    questions: dict[str, Callable[[], Any]] = {
        "regs": session.registers,
        "bt": lambda: session.backtrace(every=True),
        "dis": lambda: session.disassemble(None, 4),
        "x": lambda: session.examine("$rsp", "x", 4),
        "print": lambda: session.evaluate("$rip"),
        "packets": session.packets,
    }
    if all_memory:
        questions |= {
            "blocks": lambda: session.blocks(20),
            "leaks": session.leaks,
            "whatis": lambda: session.whatis("$rsp"),
            "find": lambda: session.find(Pattern("libos", b"libos"), 5),
            "text": session.text,
            "probes": session.probes,
        }
    for name, question in questions.items():
        try:
            found[name] = question()
        except UnidbgError as error:
            found[name] = type(error).__name__
    return {name: bare(to_json(view)) if not isinstance(view, str) else view for name, view in found.items()}


def bare(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: bare(value) for key, value in found.items() if key not in UNTOLD}
    if isinstance(found, str):  # a dump says by itself where its image ran
        return re.sub(r"found by [^,]*,", "found,", found)
    return [bare(one) for one in found] if isinstance(found, list) else found


def same(core: Path, alive: Session, living: dict[str, Any], *, all_memory: bool) -> None:
    [module] = alive.program.modules
    with Session.open(str(core), images=[ImageSpec(module.image.path)]) as dead:
        found = told(dead, all_memory=all_memory)
    assert found.keys() == living.keys()
    assert registers(found.pop("regs")) == registers(living.pop("regs"))
    assert not list(differences(found, living))


def differences(dead: Any, alive: Any, where: str = "") -> Iterator[str]:
    """Where the two are not alike, and how."""
    if isinstance(dead, dict) and isinstance(alive, dict) and dead.keys() == alive.keys():
        for key in alive:
            yield from differences(dead[key], alive[key], f"{where}.{key}")
    elif isinstance(dead, list) and isinstance(alive, list) and len(dead) == len(alive):
        for number, (one, other) in enumerate(zip(dead, alive, strict=True)):
            yield from differences(one, other, f"{where}[{number}]")
    elif dead != alive:
        yield f"{where}: {dead!r} in the dump, {alive!r} in the guest"


def registers(view: Any) -> dict[str, Any]:
    """By name: QEMU's monitor has an order of its own."""
    return {one["name"]: one["value"] for one in view["data"]["registers"]}


def test_whole(standing: Session, tmp_path: Path) -> None:
    core = tmp_path / "whole.core"
    dumping.dump(standing, str(core), pack=False, tick=lambda done, total: None)
    same(core, standing, told(standing), all_memory=True)


def test_minimal(standing: Session, tmp_path: Path) -> None:
    core = tmp_path / "small.core"
    receiving.minimal(standing, str(core), pack=False)
    assert core.stat().st_blocks * 512 < 1 << 20
    same(core, standing, told(standing, all_memory=False), all_memory=False)
