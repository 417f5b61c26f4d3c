"""`make bench`: run the suites and write docs/benchmarks.md.

`python -m tests.bench [--quick] [--print] [SUITE ...]`; a suite is a module of this package with `run`. Its
table is written as soon as it has ended, in the place of the one before.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

from tests.bench.harness import Row

ROOT = Path(__file__).resolve().parents[2]
REPORT = ROOT / "docs" / "benchmarks.md"
SUITES = {
    "startup": "Start-up",
    "attach": "Attach, see, detach",
    "refresh": "Refresh a running guest",
    "serve": "What watching costs a server",
    "unattached": "What the stub costs while nobody is attached",
    "symbols": "Symbols, types, lines",
    "dumps": "Dumps",
    "checks": "Checks in CI",
    "leaks": "Leaks of a large heap",
    "host": "Memory of a QEMU of this host",
    "stub": "Inside the guest",
    "dead": "Dumps that a dead guest sends by itself, and call sites of its heap",
    "sizes": "Size of the stub in a kernel (x86_64, text and read-only data)",
}


def main() -> int:
    """Run the chosen suites and bring their tables in the report up to date."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("suites", nargs="*", choices=[*SUITES, []], help="default: all")
    parser.add_argument("--quick", action="store_true", help="fewer runs: for trying the bench itself")
    parser.add_argument("--print", action="store_true", dest="show", help="do not write docs/benchmarks.md")
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a user's Python keeps the code that it compiled
    for name in options.suites or SUITES:
        print(f"bench: {name} ...", file=sys.stderr, flush=True)
        rows = importlib.import_module(f"tests.bench.{name}").run(options.quick)
        table = section(SUITES[name], rows)
        print(table, flush=True)
        if not options.show and not options.quick:
            replace_section(table)
    return 0


def replace_section(table: str) -> None:
    """Write the report anew, all sections in the order of the suites."""
    tables = {title(part): part for part in [*sections(REPORT), table]}
    parts = [tables[name] for name in SUITES.values() if name in tables]
    REPORT.write_text("\n".join([preamble(), *parts]), encoding="utf-8")


def sections(report: Path) -> list[str]:
    """The tables of a report, each from its heading on."""
    text = report.read_text(encoding="utf-8") if report.exists() else ""
    return [f"## {part.strip()}\n" for part in text.split("\n## ")[1:]]


def title(table: str) -> str:
    """What stands in the heading."""
    return table.splitlines()[0].removeprefix("## ")


def preamble() -> str:
    """What was measured on, so that a reader can judge the figures."""
    return "\n".join(
        [
            "# Benchmarks",
            "",
            "Written by `make bench`. Ours and theirs run in turn in one run; figures are medians, the ratio",
            "is the median of ours / theirs pair by pair. Machines are noisy: ratios hold, absolute times",
            "carry 30 to 50 %.",
            "",
            f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, {tools()}.",
            "",
        ]
    )


def tools() -> str:
    """Versions of the tools that are compared with, as they print them."""
    found = []
    for tool in ("gdb", "qemu-system-x86_64"):
        line = subprocess.run(
            [tool, "--version"], capture_output=True, text=True, check=True
        ).stdout.splitlines()[0]
        version = re.search(r"\d+\.\d+(\.\d+)?", line)
        found.append(f"{tool} {version.group(0) if version else '?'}")
    return ", ".join(found)


def section(title: str, rows: list[Row]) -> str:
    """One suite as a Markdown table."""
    lines = [f"## {title}", "", "| what | ours | theirs | ratio | goal | note |", "|---|---|---|---|---|---|"]
    for row in rows:
        theirs = "" if row.theirs is None else f"{row.theirs:.1f} {row.unit} ({row.other})"
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        lines.append(
            f"| {row.what} | {row.ours:.1f} {row.unit} | {theirs} | {ratio} | {row.goal} | {row.note} |"
        )
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
