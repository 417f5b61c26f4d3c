"""Fuzzes every parser of the symbols engine: ELF, DWARF, call frame information, expressions, names.

`python -m tests.fuzz.symbols [--seconds N] [--seed N]` mutates compiled images by itself, and
`tests.fuzz.guided` lets coverage guide it. Anything but an answer or an error of ours is a finding: it is
printed with the file that causes it; the exit code is 1.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from pathlib import Path

from unidbg_symbols import Image
from unidbg_symbols.demangle import demangle
from unidbg_symbols.dwarf.expression import evaluate
from unidbg_symbols.errors import SymbolError
from unidbg_symbols.layouts import dtype_of, struct_of
from unidbg_symbols.requests import drive

from tests.unit.symbols.builds import build, folder
from tests.unit.symbols.test_damage import SUBJECTS, parts, use_everything

SLOW_SECONDS = 10.0


def one_image(data: bytes, address: int) -> None:
    """Ask an image everything."""
    path = folder() / "fuzzed.elf"
    path.write_bytes(data)
    use_everything(path, address)
    try:
        with Image.open(path) as opened:
            for name in ("struct node", "struct bits"):
                struct_of(opened.type(name))
                dtype_of(opened.type(name))
            for site in opened.call_sites(address + 20):
                site.value(b"\x55")
                drive(site.evaluate(site.target or b"", 0), lambda request: 0)
            for frame in opened.locals_at(address + 20):
                for variable in frame:
                    drive(variable.locate(), lambda request: 0)
    except (SymbolError, ValueError):
        return


def one_text(data: bytes) -> None:
    """An expression and a name."""
    with suppress(SymbolError):
        drive(evaluate(data, address_size=8), lambda request: 0)
    demangle("_R" + data.decode("latin-1"))
    demangle("_ZN" + data.decode("latin-1"))


def mutate(chosen: random.Random, flavour: tuple[str, ...]) -> tuple[bytes, int]:
    """(an image with a few bytes changed, cut or copied inside its interesting parts, an address of code)."""
    data, places, address = parts(flavour)
    damaged = bytearray(data)
    offset, size = places[chosen.choice(sorted(places))]
    for _ in range(chosen.choice((1, 1, 2, 4, 16))):
        at = offset + chosen.randrange(max(size, 1))
        kind = chosen.randrange(4)
        if kind == 0:
            damaged[at] = chosen.randrange(256)
        elif kind == 1:
            damaged[at] ^= 1 << chosen.randrange(8)
        elif kind == 2:
            damaged[at : at + 4] = chosen.choice((bytes(4), b"\xff" * 4, b"\x7f" + bytes(3)))
        else:
            length = min(chosen.randrange(1, 32), len(damaged) - at)
            source = offset + chosen.randrange(max(size, 1))
            damaged[at : at + length] = damaged[source : source + length].ljust(length, b"\0")
    return bytes(damaged), address


def by_itself(seconds: float, seed: int) -> int:
    """Mutate until the time is over; the number of findings."""
    chosen, found, rounds = random.Random(seed), 0, 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        rounds += 1
        data, address = mutate(chosen, chosen.choice(SUBJECTS))
        noise = chosen.randbytes(chosen.randrange(60))
        start = time.monotonic()
        try:
            one_image(data, address)
            one_text(noise)
        except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
            traceback.print_exc(limit=-8)
            found += report(data, noise, seed, rounds)
        if time.monotonic() - start > SLOW_SECONDS:
            print(f"slow: {time.monotonic() - start:.0f} s", flush=True)
            found += report(data, noise, seed, rounds)
    print(f"{rounds} rounds, {found} findings, seed {seed}")
    return found


def report(data: bytes, noise: bytes, seed: int, number: int) -> int:
    """Keep what causes a finding."""
    where = Path(tempfile.gettempdir()) / f"unidbg-symbols-{seed}-{number}"
    where.with_suffix(".elf").write_bytes(data)
    where.with_suffix(".bin").write_bytes(noise)
    print(f"finding: {where}.elf, {where}.bin", flush=True)
    return 1


def from_bytes(data: bytes) -> None:
    """One round of a guided fuzzer: the first bytes tell the subject and the place, the rest goes there."""
    if len(data) < 8:
        return
    image, places, address = parts(SUBJECTS[data[0] % len(SUBJECTS)])
    offset, size = places[sorted(places)[data[1] % len(places)]]
    at = offset + int.from_bytes(data[2:5], "little") % max(size, 1)
    one_image(image[:at] + data[5:] + image[at + len(data) - 5 :], address)
    one_text(data[5:])


def main() -> int:
    """Exit code 1 with findings."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.symbols")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    for flavour in SUBJECTS:
        build(*flavour)
    return 1 if by_itself(options.seconds, options.seed) else 0


if __name__ == "__main__":
    sys.exit(main())
