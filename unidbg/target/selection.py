"""Which thread the stub's `g`, `p`, `m` mean now (`Hg`), so that no needless packet is sent."""

from __future__ import annotations

from unidbg.rsp.threads import same_thread
from unidbg.target.link import Link


class Selection:
    """The thread that is selected in the stub. Every stop selects the thread that stopped."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._thread = ""

    def reset(self, thread: str) -> None:
        """The guest stopped on `thread` (`""`: the stub did not say)."""
        self._thread = thread

    def packets(self, thread: str) -> list[bytes]:
        """What has to be sent before packets that mean `thread`: nothing where it is selected for sure."""
        if not thread or not self._thread:
            return []
        if same_thread(thread, self._thread) and not self._link.unsettled:
            return []
        self._thread = thread
        return [b"Hg" + thread.encode("ascii")]
