"""`unidbg orchestration`."""

from __future__ import annotations

from unidbg.cli.see import view_command

command = view_command(
    "orchestration",
    """Show health, scaling and known services.

    The health check with its last results and when it is due, the load against the thresholds of scaling, and
    the services that the guest announces or has heard of. Times are by the guest's clock.
    """,
)
