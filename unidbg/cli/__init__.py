"""The command line: one module per noun in `commands/`, loaded when it is called."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Entry point of the `unidbg` command."""
    from unidbg.cli.running import run

    sys.exit(run(sys.argv[1:]))
