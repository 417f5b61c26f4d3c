"""Ends a guest when the process that booted it is gone, however it went."""

from __future__ import annotations

from unidbg.target.registry import birth_of
from unidbg.transport.lastwill import LastWill

BIRTH = 20
"""Which word of /proc/PID/stat behind the name is the start of the process (proc(5), field 22)."""


def script(pid: int, birth: str) -> str:
    """Kills process `pid` if it is still the one that was born then: pids come back."""
    look = f"read -r line </proc/{pid}/stat && set -- ${{line##*) }}"
    return f'{look} && [ "${{{BIRTH}}}" = "{birth}" ] && kill -9 {pid}'


class Guardian:
    """Watches over process `pid` on behalf of this one."""

    def __init__(self, pid: int) -> None:
        self._will = LastWill(script(pid, birth_of(pid)))

    def dismiss(self) -> None:
        """The guest has ended. Idempotent."""
        self._will.revoke()
