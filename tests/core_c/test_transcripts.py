"""Golden transcripts: conversations with the stub, replayed byte for byte.

A file in `transcripts/` is one conversation without acknowledgements, after QStartNoAckMode:

    options: --threads      of unidbg-host, first line only
    # words                 for the reader
    > payload               sent as a packet
    < payload               what must come
    % payload               a notification that must come
    = bytes                 sent as they are (an interrupt)
    ~                       nothing comes

Python's escapes stand for bytes that do not print. `{name}` is the address of a symbol of the guest in
hexadecimal, with `{name+7}` behind it, `{le:name}` the same as eight bytes in target order, `{be:name}` as
bytecode has them.
`UNIDBG_REGOLD=1 pytest tests/core_c` writes the answers anew; look at the difference before you commit it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

import pytest

from tests.core_c.conftest import Start
from tests.support.stub_host import Host, frame

TRANSCRIPTS = Path(__file__).with_name("transcripts")
REGOLD = bool(os.environ.get("UNIDBG_REGOLD"))
PLACE = re.compile(r"\{(le:|be:)?(\w+?)(?:\+(\d+))?\}")
PC = re.compile(r"(?<=10:)[0-9a-f]{16}(?=;)")
WATCHED = re.compile(
    r"(?<=watch:)[0-9a-f]+(?=;)|(?<=^1,)20[0-9a-f]+$|(?<=start=\"0x)20[0-9a-f](?!000)[0-9a-f]{3}|(?<=M-1,)20[0-9a-f]{4}"
)
NEAR = 64
ORDERS: dict[str, Literal["little", "big"]] = {"le:": "little", "be:": "big"}
STARTS = {"<": b"$", "%": b"%"}


def fill(text: str, names: dict[str, int]) -> bytes:
    """A line of a transcript as bytes."""

    def value(match: re.Match[str]) -> str:
        address = names[match[2]] + int(match[3] or 0)
        return address.to_bytes(8, ORDERS[match[1]]).hex() if match[1] else f"{address:x}"

    return PLACE.sub(value, text).encode("latin-1").decode("unicode_escape").encode("latin-1")


def write(payload: bytes, names: dict[str, int]) -> str:
    """A reply as a line of a transcript: program counters by symbol, as compilers place code."""

    def place(match: re.Match[str]) -> str:
        address = int.from_bytes(bytes.fromhex(match[0]), "little")
        near = [(address - at, name) for name, at in names.items() if 0 <= address - at < NEAR]
        if not near:
            return match[0]
        offset, name = min(near)
        return f"{{le:{name}+{offset}}}" if offset else f"{{le:{name}}}"

    def data(match: re.Match[str]) -> str:
        near = [(int(match[0], 16) - at, name) for name, at in names.items()]
        offset, name = min((far, name) for far, name in near if far >= 0)
        return f"{{{name}+{offset}}}" if offset else f"{{{name}}}"

    escaped = payload.decode("latin-1").encode("unicode_escape").decode("ascii")
    return WATCHED.sub(data, PC.sub(place, escaped))


def replay(host: Host, lines: list[str], names: dict[str, int], *, regold: bool) -> list[str]:
    """The lines as they came; without `regold` each answer is held against the one that is written."""
    out: list[str] = []
    for line in lines:
        mark, _, rest = line.partition(" ")
        if mark == ">":
            host.send(frame(fill(rest, names)))
        elif mark == "=":
            host.send(fill(rest, names))
        elif mark in STARTS and regold:
            line = f"{mark} {write(host.read_packet(start=STARTS[mark]), names)}".rstrip()
        elif mark in STARTS:
            assert host.read_packet(start=STARTS[mark]) == fill(rest, names), f"after {out[-1]}"
        elif mark == "~":
            assert host.quiet(), f"after {out[-1]}"
        out.append(line)
    return out


@pytest.mark.parametrize("name", sorted(path.stem for path in TRANSCRIPTS.glob("*.txt")))
def test_transcript(name: str, start: Start, names: dict[str, int]) -> None:
    path = TRANSCRIPTS / f"{name}.txt"
    lines = path.read_text(encoding="ascii").splitlines()
    options = lines[0].removeprefix("options:").split() if lines[0].startswith("options:") else []
    host = start(*options).no_ack()
    played = replay(host, lines, names, regold=REGOLD)
    if REGOLD:
        path.write_text("\n".join(played) + "\n", encoding="ascii")
    assert played == lines or REGOLD
