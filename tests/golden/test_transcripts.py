"""Every command over the made-up guest: as text in two widths, and as JSON."""

from __future__ import annotations

import dataclasses
import json

import pytest

from tests.golden import sample
from tests.golden.conftest import Runner, check
from unidbg.views.base import Absent, View

COMMANDS: dict[str, tuple[str, ...]] = {
    **{name: (name, ":1234") for name in sample.VIEWS},
    "rings-packets": ("rings", ":1234", "--packets"),
    "attach": ("attach", ":1234"),
    "heap-blocks": ("heap", ":1234", "--blocks"),
    "diagnose": ("diagnose", ":1234"),
    "leaks": ("leaks", ":1234"),
    "whatis": ("whatis", ":1234", "0x200028"),
    "find": ("find", ":1234", "--text", "GET /"),
    "diff": ("diff", ":1234", "--after", "0.05"),
    "regs": ("regs", ":1234"),
    "bt": ("bt", ":1234"),
    "bt-all": ("bt", ":1234", "--all"),
    "bt-source": ("bt", ":1234", "--source"),
    "dis": ("dis", ":1234"),
    "dis-source": ("dis", ":1234", "--source"),
    "x": ("x", ":1234", "counter"),
    "x-16gx": ("x", ":1234", "$rsp", "-f", "16gx"),
    "x-a": ("x", ":1234", "$rsp", "-f", "2a"),
    "x-s": ("x", ":1234", "banner", "-f", "2s"),
    "x-i": ("x", ":1234", "loop_run", "-f", "4i"),
    "print": ("print", ":1234", "heap"),
    "sym": ("sym", "hello.elf", "tick"),
    "type": ("type", "hello.elf", "struct timer"),
    "type-diff": ("type", "hello.elf", "struct timer", "--diff", "later.elf"),
    "index": ("index", "hello.elf"),
    "ls": ("ls",),
    "doctor": ("doctor",),
    "conform": ("conform", ":1234"),
    "stub-copy": ("stub", "copy", "kit"),
    "stub-build": ("stub", "build", "x86_64"),
    "monitor": ("monitor", ":1234", "stats"),
}

CODES = {"conform": 1, "doctor": 1}
"""Commands that answer with a verdict that is negative here."""


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("name", COMMANDS)
def test_text(unidbg: Runner, name: str, columns: int) -> None:
    ran = unidbg(*COMMANDS[name], columns=columns)
    assert (ran.code, ran.err) == (CODES.get(name, 0), "")
    assert all(len(line) <= columns for line in ran.out.splitlines())
    check(f"{name}.{columns}.txt", ran.out)


@pytest.mark.parametrize("name", COMMANDS)
def test_json(unidbg: Runner, name: str) -> None:
    ran = unidbg(*COMMANDS[name], "--json")
    assert (ran.code, ran.err) == (CODES.get(name, 0), "")
    assert ran.out.count("\n") == 1
    check(f"{name}.json", json.dumps(json.loads(ran.out), indent=1) + "\n")


@pytest.mark.parametrize("part", ["color", "source-color", "sick", "generic", "absent"])
def test_special(unidbg: Runner, session: sample.FakeSession, part: str) -> None:
    views: dict[str, View | Absent] = {"heap": sample.SICK_HEAP, "app": sample.NO_APP, "overview": generic()}
    session.views = views
    arguments = {
        "color": ("heap", ":1234", "--color", "always"),
        "source-color": ("bt", ":1234", "--source", "--color", "always"),
        "sick": ("heap", ":1234"),
        "generic": ("overview", ":1234"),
        "absent": ("app", ":1234"),
    }
    ran = unidbg(*arguments[part])
    check(f"special-{part}.txt", f"{ran.out}{ran.err}exit code {ran.code}\n")


def generic() -> View:
    """What a guest without probes gives."""

    def missing(name: str) -> Absent:
        return Absent(
            name, "the guest has no probes", "docs/abi.md says how to export them", sample.PROVENANCE
        )

    return dataclasses.replace(
        sample.OVERVIEW,
        app=missing("app"),
        heap=missing("heap"),
        loop=missing("loop"),
        devices=missing("devices"),
        boot=missing("boot"),
        log=missing("log"),
        net=missing("net"),
        rings=missing("rings"),
    )


def test_markdown(unidbg: Runner) -> None:
    ran = unidbg("diagnose", ":1234", "--markdown")
    assert (ran.code, ran.err) == (0, "")
    check("diagnose.md", ran.out)
