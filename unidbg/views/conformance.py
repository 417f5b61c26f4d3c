"""What `unidbg conform` finds out about a stub."""

from __future__ import annotations

from unidbg.views.record import Record, record


@record
class Capability(Record):
    """One thing that a stub may be able to do.

    `verdict` is `yes`, `no` (not offered), `wrong` (offered, and not done as the protocol says) or `untested`
    (`detail` says why). A stub without one that is `required` is of little use to any debugger.
    """

    group: str
    name: str
    verdict: str
    required: bool
    detail: str = ""


@record
class ConformanceReport(Record):
    """The capabilities of the stub at `target`, in the order in which they were looked at.

    `stub` is `unidbg`, `qemu` or `rsp`. `conforms`: nothing is wrong, and nothing required is missing.
    """

    target: str
    stub: str
    architecture: str
    conforms: bool
    capabilities: tuple[Capability, ...]
