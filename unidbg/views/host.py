"""What the host knows: guests that `unidbg run` started, and the verdicts of `doctor`.

These are no views of a guest: nothing was read from one, so they carry neither provenance nor faults.
"""

from __future__ import annotations

from unidbg.views.record import Record, record


@record
class Line(Record):
    """A way into a guest: `kind` is `stub`, `gdbstub`, `qmp` or `console`, `url` what to give as TARGET."""

    kind: str
    url: str


@record
class Forward(Record):
    """A port of this host that leads to one of the guest. `host` is `127.0.0.1:PORT`."""

    protocol: str
    host: str
    guest_port: int


@record
class Guest(Record):
    """A guest that `unidbg run` started. `log` is the file that its console writes to."""

    name: str
    image: str
    pid: int
    alive: bool
    machine: str
    accelerator: str
    started_unix_s: int
    uptime_s: int
    log: str
    lines: tuple[Line, ...]
    forwards: tuple[Forward, ...] = ()


@record
class GuestsReport(Record):
    """The registered guests, in the order of their names."""

    guests: tuple[Guest, ...]


@record
class Diagnosis(Record):
    """One line of `doctor`. `verdict` is `ok`, `warning`, `failed` or `skipped`.

    `remedy` is empty where nothing is to be done; what is `essential` and failed makes the whole fail.
    """

    subject: str
    verdict: str
    detail: str
    remedy: str = ""
    essential: bool = True


@record
class DoctorReport(Record):
    """All diagnoses; `target` is empty where only the host was looked at."""

    target: str
    diagnoses: tuple[Diagnosis, ...]


@record
class DumpReport(Record):
    """A core that was written, or checked. `path` is `-` for stdout.

    `memory_bytes` is what it holds, `data_bytes` of those in blocks that are not zero; `access` says how they
    were read. `digest` is in hexadecimal; `intact` says that the core is as it was written. What a check does
    not find out is `None`, so is `stopped_ns` where the guest stood anyway.
    """

    path: str
    memory_bytes: int
    digest: str
    intact: bool
    data_bytes: int | None = None
    vcpus: int | None = None
    access: str = ""
    unreadable_bytes: int | None = None
    stopped_ns: int | None = None


@record
class KitFile(Record):
    """A file that `stub` has written; `path` is relative to the folder.

    `loaded_bytes` is what of an object a kernel loads: code and data, without debug information.
    """

    path: str
    bytes: int
    loaded_bytes: int | None = None


@record
class KitReport(Record):
    """What `stub copy` (`action` is `copied`) or `stub build` (`built`) has put into `folder`.

    `architectures` are those that the sources are for, or the one that was built.
    """

    action: str
    folder: str
    architectures: tuple[str, ...]
    files: tuple[KitFile, ...]


@record
class CheckInfo(Record):
    """A built-in check: what it looks for, and in which views; `remedy` is what to do about a finding."""

    name: str
    severity: str
    views: tuple[str, ...]
    text: str
    remedy: str


@record
class ChecksReport(Record):
    """The built-in checks."""

    checks: tuple[CheckInfo, ...]
