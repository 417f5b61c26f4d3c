"""No text of a guest reaches the terminal as more than text, in any view."""

from __future__ import annotations

import dataclasses
import itertools
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.golden import findings, forensics, sample
from tests.support.absurd import ABSURD, absurd
from unidbg.render.table import BODIES, render
from unidbg.views import host
from unidbg.views.base import Absent
from unidbg.views.names import NAMES

HOSTILE = "[/oops] [@click=app.quit] [red]x[/] :smile: \x1b[2J\x9b2J \u202e\u2066 \udc80 \x00\x7f\r\n\t\\"
VIEWS = [
    *sample.VIEWS.values(), sample.SICK_HEAP, sample.NO_LOG, sample.REGISTERS, sample.DISASSEMBLY,
    sample.BYTES, sample.WORDS, sample.POINTERS, sample.STRINGS, sample.VALUE, sample.SYMBOLS, sample.TYPES,
    sample.MONITOR, sample.GUESTS, sample.DOCTOR, sample.DUMPED, sample.COPIED, sample.BUILT,
    sample.CONFORMANCE,
    sample.BACKTRACE_WITH_SOURCE, sample.DISASSEMBLY_WITH_SOURCE, sample.BACKTRACE, sample.INDEX,
    sample.SYMBOLIZED,
    sample.TYPE_DIFF, forensics.BLOCKS, forensics.LEAKS, forensics.WHATIS, forensics.FOUND, forensics.DIFF,
    findings.CHECKED, findings.DIAGNOSIS, findings.TEXT, findings.PROBES, findings.LISTED,
]  # fmt: skip
_COLOR = re.compile(r"\x1b\[[0-9;]*m")


def poisoned(value: Any, text: str) -> Any:
    """The same view with `text` wherever a guest, its image or its host could put text."""
    if isinstance(value, str):
        return text
    if isinstance(value, tuple):
        return tuple(poisoned(one, text) for one in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changes = {
            field.name: poisoned(getattr(value, field.name), text)
            for field in dataclasses.fields(value)
            if field.name not in ("data_hex", "bytes_hex", "format", "kind", "verified", "consistency")
        }
        return dataclasses.replace(value, **changes)
    return value


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: type(view).__name__)
@pytest.mark.parametrize("width", [80, 120, 2000])
def test_hostile_text_is_shown_and_does_nothing(view: object, width: int) -> None:
    shown = render(poisoned(view, HOSTILE), width, color=True)
    bare = _COLOR.sub("", shown)
    assert all(character == "\n" or character.isprintable() for character in bare)
    if width > 120:
        assert r"[/oops] [@click=app.quit] [red]x[/] :smile: \x1b[2J\u009b2J" in bare


@settings(max_examples=40)
@given(st.text(st.characters(codec=None), max_size=20), st.sampled_from(VIEWS), st.integers(40, 200))
def test_any_text_in_any_view_at_any_width(text: str, view: object, width: int) -> None:
    shown = render(poisoned(view, text), width)
    assert all(character == "\n" or character.isprintable() for character in shown)


def test_every_view_can_be_shown() -> None:
    classes = {*NAMES, Absent}
    assert {f"{cls.__module__.removeprefix('unidbg.views.')}.{cls.__name__}" for cls in classes} == set(
        BODIES
    )
    assert {type(view) for view in VIEWS} == classes


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: type(view).__name__)
def test_without_unicode_our_own_drawing_is_ascii(view: object) -> None:
    shown = render(poisoned(view, "x"), 80, unicode=False)
    assert shown.replace("µ", "u").isascii()


def test_colour_is_only_added() -> None:
    for view in VIEWS:
        plain, colored = render(view, 100), render(view, 100, color=True)
        assert "\x1b" not in plain
        assert [line.rstrip() for line in _COLOR.sub("", colored).splitlines()] == plain.splitlines()


def test_the_essential_is_told_from_the_useful() -> None:
    useful = host.Diagnosis("lldb", "failed", "not found", "apt install lldb", essential=False)
    assert "all that is needed" in render(host.DoctorReport("", (useful,)))
    needed = dataclasses.replace(useful, essential=True)
    assert render(host.DoctorReport("", (needed,))).endswith("something essential is missing\n")


@pytest.mark.parametrize("name", [*sample.VIEWS])
def test_absurd_numbers_are_drawn(name: str) -> None:
    for first in range(len(ABSURD)):
        numbers = itertools.cycle(ABSURD[first:] + ABSURD[:first])
        assert render(absurd(sample.VIEWS[name], numbers), 80)
