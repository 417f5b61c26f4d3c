"""A closed terminal or a SIGTERM ends the TUI in good order: the line is closed, the guest runs on."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable


def leave_on_signals(leave: Callable[[], object]) -> None:
    """Call `leave` in the running loop on SIGTERM and SIGHUP; where loops know no signals, do nothing."""
    loop = asyncio.get_running_loop()
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None:
            with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
                loop.add_signal_handler(number, leave)
