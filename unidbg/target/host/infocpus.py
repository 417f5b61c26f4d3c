"""Registers of all vCPUs out of `info registers -a`, as QEMU's human monitor prints them (x86)."""

from __future__ import annotations

import re
from typing import NamedTuple

_CPU = re.compile(r"^CPU#(\d+)\s*$", re.MULTILINE)
_PAIR = re.compile(r"\b([A-Z][A-Z0-9]{1,3})\s*=\s*([0-9a-f]{8,16})(?![0-9a-f])")
_SEGMENT = re.compile(r"^([CDEFGS]S|LDT|TR)\s*=([0-9a-f]{4}) ([0-9a-f]{8,16}) ", re.MULTILINE)
_HALTED = re.compile(r"\bHLT=(\d)")

NAMES = {"RFL": "eflags", "EFL": "eflags"}
GENERAL = re.compile(r"[RE](?:[A-D]X|[SD]I|[BSI]P|FL)|R[89]|R1[0-5]|CR[0234]|EFER")


class CpuState(NamedTuple):
    """One vCPU: its number, its registers, and whether it waits for an interrupt."""

    number: int
    registers: dict[str, int | None]
    halted: bool


def parse(text: str) -> list[CpuState]:
    """The vCPUs; none where the text is not what x86 guests give."""
    pieces = _CPU.split(text.replace("\r", ""))
    if len(pieces) == 1:
        pieces = ["", "0", pieces[0]]
    numbers = [int(number) for number in pieces[1::2]]
    return [
        CpuState(number, found, _halted(part))
        for number, part in zip(numbers, pieces[2::2], strict=True)
        if (found := _registers(part))
    ]


def _registers(text: str) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    text = text.partition("FCW=")[0]  # what follows is x87 and SSE, and the guest stands while we read
    name: str
    for name, value in _PAIR.findall(text):
        if GENERAL.fullmatch(name):
            found[NAMES.get(name) or name.lower()] = int(value, 16)
    for name, selector, base in _SEGMENT.findall(text):
        if name in ("LDT", "TR"):
            continue
        found[name.lower()] = int(selector, 16)
        if name in ("FS", "GS"):
            found[f"{name.lower()}_base"] = int(base, 16)
    return found


def _halted(text: str) -> bool:
    found = _HALTED.search(text)
    return found is not None and found[1] == "1"
