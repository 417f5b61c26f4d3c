"""Runs of the command line as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

UNIDBG = [sys.executable, "-c", "from unidbg.cli import main; main()"]
TIMEOUT = 60


def unidbg(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`unidbg ARGUMENTS` without a terminal, in a folder without configuration."""
    return subprocess.run(
        [*UNIDBG, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        cwd=Path(os.sep),
        env={**os.environ, **environment},
    )
