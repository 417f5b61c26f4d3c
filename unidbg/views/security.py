"""The security view: what is configured, and what is true as found by looking."""

from __future__ import annotations

from unidbg.views.base import Address, Location, View, Word
from unidbg.views.record import Record, record


@record
class Protection(Record):
    """One protection. `configured` is the guest's word, `found` what looking gave; `None`: not to be told.

    `name` is `stack_canaries`, `no_execute`, `write_xor_execute`, `read_only_text`, `aslr`, `guard_pages`,
    `write_protect` (CR0.WP), `smep`, `smap`, `bounds_checks`, `type_checks` or `control_flow_checks`;
    `evidence` is a sentence that says what was looked at.
    """

    name: str
    configured: bool | None
    found: bool | None
    evidence: str


@record
class ControlRegisters(Record):
    """CR0, CR4 and EFER, as the vCPU has them."""

    cr0: Word
    cr4: Word
    efer: Word


@record
class Tls(Record):
    """Transport security: the files that the guest was given, `""` where there is none."""

    enabled: bool
    certificate: str
    key: str


@record
class SecurityView(View):
    """Protections, each configured and found, and the facts behind them.

    `weak` names the protections that are off or not true. `canary` is the word in memory that stacks are
    checked by; `slide_bytes` the distance of the image from its link address; the counts are pages of 4 KiB.
    """

    protections: tuple[Protection, ...]
    weak: tuple[str, ...]
    canary: Word | None
    canary_at: Location | None
    slide_bytes: Word | None
    link_address: Address | None
    registers: ControlRegisters | None
    writable_executable_pages: int | None
    writable_text_pages: int | None
    executable_data_pages: int | None
    guard_pages: int | None
    debug_port_exposed: bool | None
    tls: Tls | None
