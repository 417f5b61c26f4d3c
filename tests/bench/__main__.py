"""`make bench`: run the suites and write docs/benchmarks.md.

`python -m tests.bench [--quick] [--print] [SUITE ...]`; a suite is a module of this package with `run`.
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
    "stub": "Inside the guest",
    "sizes": "Size of the stub in a kernel (x86_64, -Os, text and read-only data)",
}


def main() -> int:
    """Run the chosen suites; write the report only for a whole run."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("suites", nargs="*", choices=[*SUITES, []], help="default: all")
    parser.add_argument("--quick", action="store_true", help="fewer runs: for trying the bench itself")
    parser.add_argument("--print", action="store_true", dest="show", help="do not write docs/benchmarks.md")
    options = parser.parse_args()
    chosen = options.suites or list(SUITES)
    parts = [preamble()]
    for name in chosen:
        print(f"bench: {name} ...", file=sys.stderr, flush=True)
        rows = importlib.import_module(f"tests.bench.{name}").run(options.quick)
        parts.append(section(SUITES[name], rows))
        print(parts[-1], flush=True)
    if not options.show and not options.quick and not options.suites:
        REPORT.write_text("\n".join(parts), encoding="utf-8")
        print(f"bench: wrote {REPORT.relative_to(ROOT)}", file=sys.stderr)
    return 0


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
