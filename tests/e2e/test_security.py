"""Each protection switched off alone is what `security` names, and nothing else, by either stub."""

from __future__ import annotations

import json

import pytest

from tests.conftest import make_samples
from tests.e2e.guests import ROOT, Boot, Booted
from unidbg.profiles.protections import CHECKS
from unidbg.session import ImageSpec, Session
from unidbg.views.security import SecurityView

MACHINES = ("q35", "microvm")
AT_BOOT = (
    *("no_execute", "write_xor_execute", "read_only_text", "guard_pages"),
    *("write_protect", "smep", "smap"),
)
ASLR = "aslr"
COMPILED = {
    "stack_canaries": "SECURITY_CANARY",
    "bounds_checks": "SECURITY_BOUNDS",
    "type_checks": "SECURITY_TYPES",
    "control_flow_checks": "SECURITY_CONTROL_FLOW",
}
"""Protection to the word that `make` is told to leave it out."""


def each_on_one_machine(names: tuple[str, ...]) -> list[object]:
    """Each on one machine, in turn; on the other one in the long run."""
    once = [
        pytest.param(name, MACHINES[n % 2], id=f"{name}-{MACHINES[n % 2]}") for n, name in enumerate(names)
    ]
    other = [
        pytest.param(name, MACHINES[1 - n % 2], id=f"{name}-{MACHINES[1 - n % 2]}", marks=pytest.mark.long)
        for n, name in enumerate(names)
    ]
    return [*once, *other]


def look(guest: Booted) -> tuple[SecurityView, SecurityView]:
    """By our stub and by QEMU's, at one stop."""
    with guest.session() as session:
        assert session.target.run is not None
        with session.target.run.stopped():
            ours = session.view("security")
            with Session.open(guest.gdbstub, images=[ImageSpec(str(guest.image))]) as beside:
                theirs = beside.view("security")
    assert isinstance(ours, SecurityView), ours
    assert isinstance(theirs, SecurityView), theirs
    return ours, theirs


def check(guest: Booted, *weak: str) -> None:
    """`weak` is what both ways of looking name, and all the rest is found true."""
    for view in look(guest):
        found = {each.name: each.found for each in view.protections}
        said = [f"{each.name}: {each.evidence}" for each in view.protections]
        assert set(view.weak) == set(weak), said
        assert found == {name: name not in weak for name in CHECKS}, said
        assert view.faults == ()


@pytest.mark.parametrize("machine", MACHINES)
def test_all_that_is_on_is_found(boot: Boot, machine: str) -> None:
    check(boot("hello", machine=machine, append=ASLR))


@pytest.mark.parametrize("machine", MACHINES)
def test_an_image_that_stays_is_named(boot: Boot, machine: str) -> None:
    check(boot("hello", machine=machine), "aslr")


@pytest.mark.parametrize(("name", "machine"), each_on_one_machine(AT_BOOT))
def test_what_is_switched_off_at_boot_is_named(boot: Boot, name: str, machine: str) -> None:
    check(boot("hello", machine=machine, append=f"{ASLR} security=-{name}"), name)


@pytest.mark.parametrize(("name", "machine"), each_on_one_machine(tuple(COMPILED)))
def test_what_is_not_compiled_in_is_named(boot: Boot, name: str, machine: str) -> None:
    word = COMPILED[name]
    folder = f"build/without-{name}"
    make_samples("hello", f"{word}=0", f"BUILD={folder}")
    image = ROOT / "samples" / folder / "hello.elf"
    check(boot(image, machine=machine, append=ASLR, ready="libos: "), name)


def test_the_command_says_what_is_weak(boot: Boot) -> None:
    guest = boot("hello", append="security=-smap")
    ran = guest.unidbg("security")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("weak: ")
    assert "CR4.SMAP is clear" in ran.stdout
    printed = json.loads(guest.unidbg("security", None, "--json").stdout)
    assert "smap" in printed["data"]["weak"]
