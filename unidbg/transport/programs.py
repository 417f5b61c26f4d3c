"""Programs of the host that are asked a question and end: `gdb --version`."""

from __future__ import annotations

ANSWER_SECONDS = 10.0


def first_line(command: list[str], timeout: float = ANSWER_SECONDS) -> str | None:
    """The first line that `command` prints; `None` where it fails, is silent or takes too long."""
    import subprocess

    try:
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=timeout,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = ended.stdout.decode("utf-8", "replace").splitlines()
    return lines[0].strip() if ended.returncode == 0 and lines else None
