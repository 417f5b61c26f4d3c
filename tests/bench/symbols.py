"""Symbols, struct layouts, typed globals and lines: cold against gdb and drgn, then steady, with memory.

`run(quick)` gives the rows. Cold means a new process that imports the library, opens the image and answers
one question; gdb does the same by `gdb -batch -nx -ex QUESTION IMAGE`, drgn by a script. drgn is asked where
`import drgn` works in this Python or in the one that UNIDBG_BENCH_DRGN names. The images: see subjects.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from tests.bench.harness import Row, commands
from tests.bench.subjects import Subject, compressed, subjects

GOALS = {
    "a": ("<= 0.7", ""),
    "b": ("<= 0.6", "<= 0.75"),
    "d": ("<= 0.6", "<= 0.75"),
    "c": ("<= 0.3", "<= 2.5"),
}
OURS = "from unidbg_symbols import Image; image = Image.open({path!r}); "
DRGN = (
    "import drgn; p = drgn.Program(drgn.host_platform); m = p.extra_module('image', 0, create=True); "
    "m.address_range = (1, 1 << 47); m.try_file({path!r}, force=True); "
)


def run(quick: bool) -> list[Row]:
    """Cold rows for each image, then the steady ones."""
    rows: list[Row] = []
    runs = 3 if quick else 9
    for subject in subjects():
        rows.extend(_cold(subject, runs))
    packed = compressed()
    if packed.path.is_file():
        rows.extend(_against_gdb(packed, runs, "no goal"))
    rows.extend(_indexed(runs))
    rows.extend(row for subject in subjects() if subject.label == "d" for row in _command_line(subject, runs))
    for subject in subjects():
        rows.extend(_steady(subject))
    return rows


def _command_line(subject: Subject, runs: int) -> list[Row]:
    """What the command line adds to a look-up of the library."""
    unidbg = str(Path(sys.executable).with_name("unidbg"))
    path = str(subject.path)
    asked = {
        "symbol": [unidbg, "sym", path, subject.function],
        "struct layout": [unidbg, "type", path, f"struct {subject.struct}"],
    }
    rows = []
    for what, command in asked.items():
        question = f"image.types_named('struct {subject.struct}')"  # all of them are shown, not the first
        library = _ours(subject, question if "struct" in what else questions(subject)[what][0])
        row = commands(f"by the command line: {what}", command, library, other="library", goal="", runs=runs)
        assert row.theirs is not None
        more = f"{row.ours - row.theirs:.0f} ms more; goal <= 100 ms"
        rows.append(replace(row, note=more))
    return rows


def _indexed(runs: int) -> list[Row]:
    """With an index of an earlier run: against drgn, and against a Python that only starts."""
    bare = [sys.executable, "-c", "import struct, mmap"]
    drgn = drgn_python()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"], before = folder, os.environ.get("XDG_CACHE_HOME")
        for subject in subjects():
            subprocess.run(_ours(subject, "image.write_index()"), check=True, capture_output=True)
            for what in ("struct layout", "typed global"):
                ours, _, theirs = questions(subject)[what]
                label = f"with index: {what}, image {subject.label}"
                goal = "<= 2" if subject.label in "bd" else ""
                rows.append(
                    commands(label, _ours(subject, ours), bare, other="bare Python", goal=goal, runs=runs)
                )
                if drgn is not None and subject.label in "bd":
                    other = [drgn, "-c", DRGN.format(path=str(subject.path)) + f"print({theirs})"]
                    rows.append(
                        commands(label, _ours(subject, ours), other, other="drgn", goal="<= 0.6", runs=runs)
                    )
        if before is None:
            del os.environ["XDG_CACHE_HOME"]
        else:
            os.environ["XDG_CACHE_HOME"] = before
    return rows


def questions(subject: Subject) -> dict[str, tuple[str, list[str], str]]:
    """What is asked: (in our words, in gdb's, in drgn's)."""
    from unidbg_symbols import Image

    with Image.open(subject.path) as image:
        address = image.symbol(subject.function).address + 5
    name, struct, variable = subject.function, f"struct {subject.struct}", subject.variable
    return {
        "symbol": (f"image.symbol({name!r})", [f"info address {name}"], f"p.symbol({name!r})"),
        "struct layout": (
            f"[(m.offset, m.type.size) for m in image.type({struct!r}).members]",
            [f"ptype /o {struct}"],
            f"[(m.offset, m.type) for m in p.type({struct!r}).members]",
        ),
        "typed global": (
            f"(lambda v: (v.address, v.type.size))(image.variable({variable!r}))",
            [f"info address {variable}", f"whatis {variable}"],
            f"(lambda v: (v.address_, v.type_))(p.variable({variable!r}))",
        ),
        "address to line": (
            f"image.line_at({address})",
            [f"info line *{address}"],
            f"p.source_location(p.symbol({name!r}).address + 5)",
        ),
    }


def _cold(subject: Subject, runs: int) -> list[Row]:
    gdb_goal, drgn_goal = GOALS[subject.label]
    rows = _against_gdb(subject, runs, gdb_goal)
    drgn = drgn_python()
    if drgn is not None:
        for what, (ours, _, theirs) in questions(subject).items():
            label = f"cold: {what}, image {subject.label}"
            other = [drgn, "-c", DRGN.format(path=str(subject.path)) + f"print({theirs})"]
            rows.append(commands(label, _ours(subject, ours), other, other="drgn", goal=drgn_goal, runs=runs))
    return rows


def _against_gdb(subject: Subject, runs: int, goal: str) -> list[Row]:
    rows = []
    for what, (ours, theirs, _) in questions(subject).items():
        asked = [word for question in theirs for word in ("-ex", question)]
        gdb = ["gdb", "-batch", "-nx", "-iex", "set debuginfod enabled off", *asked, str(subject.path)]
        label = f"cold: {what}, image {subject.label}"
        rows.append(commands(label, _ours(subject, ours), gdb, other="gdb", goal=goal, runs=runs))
    return rows


def _ours(subject: Subject, question: str) -> list[str]:
    return [sys.executable, "-c", OURS.format(path=str(subject.path)) + f"print({question})"]


def drgn_python() -> str | None:
    """A Python that has drgn."""
    for python in (os.environ.get("UNIDBG_BENCH_DRGN"), sys.executable):
        if not python:
            continue
        tried = subprocess.run([python, "-c", "import drgn"], capture_output=True, check=False)
        if tried.returncode == 0:
            return python
    return None


STEADY = (
    OURS
    + """
import json, random, resource, time
from unidbg_symbols.registers import register_file
from unidbg_symbols.requests import drive
from unidbg_symbols.unwind import unwind_frame

chosen = random.Random(3)
functions = [s for s in image.symbols() if s.kind == "func" and s.size > 16 and s.defined]
functions = [s for s in functions if image.section(s.section)]
def some(count):
    picked = chosen.choices(functions, k=count)
    return [s.address + chosen.randrange(s.size) for s in picked]
def rate(act, each):
    start = time.process_time()
    for one in each:
        act(one)
    return len(each) / (time.process_time() - start)
first, later = some(10000), some(20000)
found = {{"first": rate(image.frames_at, first), "later": rate(image.frames_at, later)}}
found["symbol_at"] = (image.symbol_at(0), rate(image.symbol_at, later * 5))[1]
names = [s.name for s in functions] * (100000 // len(functions) + 1)
found["symbol"] = (rate(image.symbol, names[:10]), rate(image.symbol, names[:100000]))[1]
found["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
code = Image.open({code!r})
file = register_file(code.machine)
registers = {{number: 0x7000 for number in range(17)}}
def unwind(address):
    row = code.unwind_row(address)
    if row is not None:
        drive(unwind_frame(row, registers, file), lambda request: bytes(request.size))
text = [pair for pair in code.text_ranges if pair[1] - pair[0] > 4096]
places = [start + chosen.randrange(end - start) for start, end in chosen.choices(text, k=40000)]
framed = [place for place in places if code.unwind_row(place)][:10000] if text else []
code = Image.open({code!r})
framed and code.unwind_row(framed[0])
found["unwind"] = rate(unwind, framed) if framed else 0
print(json.dumps(found))
"""
)


def _steady(subject: Subject) -> list[Row]:
    """Rates in one process: 10,000 random addresses, then others in units that were touched."""
    command = [
        sys.executable,
        "-c",
        STEADY.format(path=str(subject.path), code=str(subject.code or subject.path)),
    ]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: dict[str, float] = json.loads(out)
    large = subject.label != "a"
    memory_goal = {"d": "<= 100 MB", "c": "<= 500 MB"}.get(subject.label, "")
    wanted = [
        ("first", "address to frames, first pass", ">= 10,000/s" if large else "", "/s"),
        ("later", "address to frames, units touched", ">= 75,000/s" if large else "", "/s"),
        ("symbol_at", "address to symbol", ">= 500,000/s", "/s"),
        ("symbol", "name to symbol", ">= 500,000/s", "/s"),
        ("unwind", "unwind a frame", ">= 20,000/s", "/s"),
        ("memory", "memory after 30,000 addresses", memory_goal, "MB"),
    ]
    return [
        Row(f"{what}, image {subject.label}", found[key], None, "", None, goal, unit)
        for key, what, goal, unit in wanted
        if found[key]
    ]
