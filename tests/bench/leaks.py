"""`unidbg leaks` on a dump of a guest with 1 GB of heap: 1.5 million blocks, a tenth of them leaked.

The dump is QEMU's, of a guest that runs; its heap is made longer in the file: sound headers, blocks that
point to each other, noise in between. All else is as in any dump: page tables, image, registers.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tests.bench.dumps import qemu_dump
from tests.bench.harness import Row
from tests.e2e.guests import ROOT, boot_guest
from unidbg.session import ImageSpec, Session
from unidbg.structures.blocks import header_layout
from unidbg.target.dump.space import FileSpace
from unidbg.target.dump.target import DumpTarget

UNIDBG = str(Path(sys.executable).with_name("unidbg"))
IMAGE = ROOT / "samples" / "build" / "x86_64" / "hello.elf"
START, END = 0x100_0000, 0x4000_0000
"""Where the heap is put: memory that the guest maps, and never used."""
HEAP = END - START
KEY = 0x5EED_1234_9876_A5A5
LEAKED = 10
"""One block in so many."""
SURE = 0.999
"""The part of them that must be found: to the rest, a number in the statics can look like a pointer."""
POLL = 0.005


class Made(NamedTuple):
    """Blocks of the heap, and how many of them nothing points to."""

    blocks: int
    leaked: int


class Cost(NamedTuple):
    """One run: seconds, those of a processor, and the most memory of its own that it had, MB."""

    seconds: float
    cpu_seconds: float
    own_mb: float
    leaked: int


def run(quick: bool) -> list[Row]:
    """The goals: 3 s and 600 MB beyond the mapped dump."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        core = Path(name) / "large.core"
        with boot_guest(IMAGE, ready="heartbeat 1", memory="1280M") as guest:
            qemu_dump(guest, core)
        core.chmod(0o600)
        made = enlarge(core)
        os.sync()
        costs = [cost(core, made) for _ in range(2 if quick else 4)][1:]
    what = f"leaks, {HEAP / 1e9:.2f} GB of heap, {made.blocks / 1e6:.2f} million blocks, {made.leaked} leaked"
    seconds = statistics.median(each.seconds for each in costs)
    cpu = statistics.median(each.cpu_seconds for each in costs)
    found = f"{cpu:.1f} s of CPU; {costs[0].leaked} found, none invented"
    memory = max(each.own_mb for each in costs)
    return [
        Row(
            f"{what}: whole process",
            seconds,
            None,
            "",
            None,
            "<= 3",
            "s",
            found,
        ),
        Row("the same: memory beyond the mapped dump", memory, None, "", None, "<= 600", "MB"),
    ]


def cost(core: Path, made: Made) -> Cost:
    """Run it, look at what it takes, and hold its answer against the truth."""
    began, cpu = time.perf_counter(), os.times()
    command = [UNIDBG, "leaks", str(core), "--image", str(IMAGE)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        most = 0.0
        while process.poll() is None:
            most = max(most, own_mb(process.pid))
            time.sleep(POLL)
        elapsed = time.perf_counter() - began
        assert process.stdout is not None
        answer = process.stdout.read()
    found = re.match(r"leaked +([\d,]+) blocks", answer)
    leaked = int(found[1].replace(",", "")) if found else 0
    if process.returncode or not made.leaked * SURE <= leaked <= made.leaked:
        raise RuntimeError(
            f"leaks should find {made.leaked:,} of {made.blocks:,}, and says:\n{answer[:2000]}"
        )
    now = os.times()
    used = now.children_user + now.children_system - cpu.children_user - cpu.children_system
    return Cost(elapsed, used, most, leaked)


def own_mb(pid: int) -> float:
    """What a process has in memory that is no file's."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"RssAnon:\s+(\d+) kB", status)
    return int(found[1]) / 1000 if found else 0.0


def enlarge(core: Path) -> Made:
    """Give the guest in a dump a heap of 1 GB."""
    with Session.open(str(core), images=[ImageSpec(str(IMAGE))]) as session:
        value: Any = session.program.value
        manager = value("unidbg_probe_heap_kernel").object.deref_()
        fields = {"start": START, "current": END, "end": END, "blocks": START}
        fields["block_check"] = KEY
        words = {manager.member_(name).address_: number for name, number in fields.items()}
        layout = header_layout(manager.member_("blocks").type_.target)
        line = value("unidbg_probe_boot_info").object.deref_().member_("command_line")
        root = (line.address_ + line.type_.size // 2) & ~7  # statics that nobody uses
        target = session.target
        assert isinstance(target, DumpTarget)
        assert isinstance(target.physical, FileSpace)
        find = target.physical.extents.find
        offset, room = find(START) or (0, 0)
        places = {(find(address) or (0, 0))[0]: number for address, number in words.items()}
        root_at = (find(root) or (0, 0))[0]
    assert room >= HEAP
    heap = np.memmap(core, "<u8", "r+", offset, (HEAP // 8,))
    made, first = fill(heap, layout.size)
    heap.flush()
    with core.open("r+b") as file:
        for place, number in {**places, root_at: first}.items():
            file.seek(place)
            file.write(number.to_bytes(8, "little"))
    return made


def fill(heap: Any, header: int) -> tuple[Made, int]:
    """Blocks over the whole heap, a tree of pointers through most of them; the address of its root."""
    chance = np.random.default_rng(1)
    for at in range(0, len(heap), 1 << 22):
        part = heap[at : at + (1 << 22)]
        part[:] = chance.integers(1 << 40, 1 << 63, len(part), np.uint64)
    spans = chance.integers(4 + header // 16, 78 + header // 16, HEAP // 500).astype(np.uint64) * 16
    ends = np.cumsum(spans)
    count = int(np.searchsorted(ends, HEAP))
    spans, starts = spans[:count], (ends - spans)[:count]
    spans[-1] = HEAP - int(starts[-1])
    sizes = spans - np.uint64(header)
    word = (starts // 8).astype(np.int64)
    here = starts + np.uint64(START)
    heap[word] = np.uint64(KEY) ^ here ^ spans ^ sizes
    heap[word + 1], heap[word + 2] = spans, sizes
    heap[word + 3] = heap[word + 4] = heap[word + 5] = 0
    order = chance.permutation(count)
    kept = order[: count - count // LEAKED]
    for slot in (0, 1):
        to = np.arange(slot + 1, len(kept), 2)
        heap[word[kept[(to - 1) // 2]] + header // 8 + slot] = here[kept[to]] + np.uint64(header)
    return Made(count, count - len(kept)), int(here[kept[0]]) + header
