"""Sums up what `gcov --branch-probabilities --json-format` says of stubs/core, for .ci/coverage."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

LEAST = 95.0


def main() -> None:
    """A line for each file, the lines with branches never taken, and the sum."""
    taken = total = 0
    for report in map(json.loads, sys.stdin):
        for file in report["files"]:
            if not file["file"].startswith("core/") or not file["file"].endswith(".c"):
                continue
            found, of, missed = branches(file["lines"])
            taken, total = taken + found, total + of
            say(Path(file["file"]).name, found, of, missed)
    say("all", taken, total, "")
    if percent(taken, total) < LEAST:
        sys.exit(f"less than {LEAST:g} % of the branches are taken by a test")


def say(name: str, taken: int, total: int, missed: str) -> None:
    """One line."""
    line = f"{name:<16} {percent(taken, total):6.1f} %  {taken} of {total}  {missed}"
    sys.stdout.write(line.rstrip() + "\n")


def branches(lines: list[dict[str, Any]]) -> tuple[int, int, str]:
    """Branches taken, branches, and the lines that have others."""
    counts = {line["line_number"]: [one["count"] for one in line["branches"]] for line in lines}
    missed = [str(number) for number, found in counts.items() if 0 in found]
    every = [count for found in counts.values() for count in found]
    return sum(count > 0 for count in every), len(every), f"(lines {', '.join(missed)})" if missed else ""


def percent(part: int, whole: int) -> float:
    """Of nothing, all."""
    return 100.0 * part / whole if whole else 100.0


if __name__ == "__main__":
    main()
