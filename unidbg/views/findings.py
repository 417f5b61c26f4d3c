"""Verdicts on a guest: what the checks found, and what they could not tell."""

from __future__ import annotations

from unidbg.views.base import Address, Location, Range, View
from unidbg.views.record import Record, record
from unidbg.views.system import Thread


@record
class Finding(Record):
    """A check's verdict on a place. `severity` is `error`, `warning` or `note`.

    `where` is the JSON path in `view`; `message` says what is wrong, with the evidence; `remedy` what to do.
    `fingerprint` names the finding without addresses, so that it is the same one in the next run.
    """

    check: str
    severity: str
    view: str
    where: str
    message: str
    remedy: str
    location: Location | None
    fingerprint: str


@record
class Verdict(Record):
    """What came of one check. `outcome` is `ok`, `found`, `unknown` (`reason` says why) or `suppressed`."""

    check: str
    severity: str
    outcome: str
    reason: str
    findings: int


@record
class ChecksView(View):
    """The findings, worst first, and the verdict of every check that was asked."""

    findings: tuple[Finding, ...]
    verdicts: tuple[Verdict, ...]


@record
class ChangedText(Record):
    """Bytes of code or read-only data that are not what the image has, breakpoints apart."""

    range: Range
    location: Location
    expected_hex: str
    found_hex: str


@record
class TextView(View):
    """The image's read-only segments against memory. `more`: not all differences are listed."""

    compared_bytes: int
    changed: tuple[ChangedText, ...]
    more: bool


@record
class Probe(Record):
    """A record of the guest's table of probes: what it exports."""

    kind: str
    name: str
    object: Location
    object_bytes: int
    address: Address


@record
class ProbesView(View):
    """The probe table as it stands in the guest; damage is a fault."""

    probes: tuple[Probe, ...]


@record
class DiagnosisView(View):
    """The first page of an incident.

    `state` and `reason` say what the guest does and why; `thread` is the one that matters, `culprit` who is
    to blame in it; `findings` are what the checks found, `unknown` what they could not tell; `next` are
    commands to go on with, `log` the last lines of the console.
    """

    name: str
    state: str
    reason: str
    culprit: Location | None
    thread: Thread | None
    uptime_ns: int | None
    findings: tuple[Finding, ...]
    unknown: tuple[Verdict, ...]
    passed: int
    next: tuple[str, ...]
    log: tuple[str, ...]
