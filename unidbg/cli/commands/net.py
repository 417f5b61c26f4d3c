"""`unidbg net`."""

from __future__ import annotations

from unidbg.cli.see import view_command

command = view_command(
    "net",
    """Show addresses, connections and who listens.

    Interfaces with their counters, TCP connections as netstat shows them, listeners and protocols with their
    handlers by symbol. The counters are the guest's own.
    """,
)
