"""Opening a target by its URL: find the line, make sure that it is ours to use, attach."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from unidbg.errors import AnotherClient, RemoteProtocolError, TargetError, TargetTimeout
from unidbg.target.base import Target
from unidbg.target.link import Link
from unidbg.target.nmi import nmi_of
from unidbg.target.rsptarget import RspTarget, attach
from unidbg.transport.holders import Holder, accepted, tcp_clients, tcp_port_busy, unix_busy, unix_clients
from unidbg.transport.opening import open_line
from unidbg.transport.sockets import SocketLine
from unidbg.transport.url import (
    Address,
    GuestName,
    PidAddress,
    QmpAddress,
    TcpAddress,
    UnixAddress,
    parse_url,
)

if TYPE_CHECKING:
    from unidbg.target.registry import GuestRecord
    from unidbg.target.stub import Nmi
    from unidbg.transport.qmp import Qmp

Before = Callable[[Link], None]
"""What is done with a line of our own before anything else."""

SPEAKING_RSP = ("stub", "gdbstub")
"""The lines of a registered guest on which a target can be opened, best first."""
SOON = 0.7
"""Seconds after which a server that does not accept us is helped, where that can be done."""
DEAF = "the guest does not answer a break-in, so it has interrupts off: it is stopped by NMI, through QMP"
SILENT = "the guest's stub does not answer: it has interrupts off, or no stub; this is read by its {kind}"
TAKEN_UP = 2.0
"""Seconds that a server may take to accept us; then another client holds the line."""


def open_target(
    url: str, *, timeout: float = 5.0, image_machine: str | None = None, before: Before | None = None
) -> Target:
    """The target that `url` names, attached; the guest runs on if it ran.

    `image_machine` helps where a stub does not say what it is; `before` is called with the line, before a
    first packet is sent. Raises `ConfigError` for a URL that names nothing, `AnotherClient`, `TargetGone`,
    `TargetTimeout` or `RemoteProtocolError` within `timeout` seconds; `DumpError` for a file that is no dump.
    """
    address = parse_url(url)
    if isinstance(address, GuestName):
        return _open_guest(url, address.name, timeout, before)
    if isinstance(address, QmpAddress):
        return _open_qemu(url, address, timeout, before)
    if isinstance(address, PidAddress):
        from unidbg.target.host.process import open_process

        return open_process(url, address.pid, image_machine or "x86_64")
    try:
        return _open_address(url, address, timeout, before, _stub_behind(url))
    except (AnotherClient, TargetTimeout) as error:
        raise _with_other_ways(error, url) from None


def _stub_behind(url: str) -> GuestRecord | None:
    """Our guest whose stub is at `url`, `None` where there is none of ours."""
    from unidbg.target.registry import record_behind, same_line

    record = record_behind(url)
    return record if record and same_line(record.lines.get("stub", ""), url) else None


def _open_qemu(url: str, address: QmpAddress, timeout: float, before: Before | None) -> Target:
    """Its process's memory and QMP; through QEMU's gdbstub alone where that memory is not to be had."""
    from unidbg.target.host.qemu import QemuTarget
    from unidbg.transport.qmp import Qmp

    qmp = Qmp(address.path, timeout=timeout)
    try:
        return QemuTarget(
            url,
            qmp,
            racy=address.racy,
            gdbstub=lambda: _open_gdbstub(url, address, timeout, before, beside=qmp),
        )
    except TargetError:
        qmp.close()
        if address.racy:
            raise
    except BaseException:
        qmp.close()
        raise
    return _open_gdbstub(url, address, timeout, before)


def _open_gdbstub(
    url: str, address: QmpAddress, timeout: float, before: Before | None, beside: Qmp | None = None
) -> RspTarget:
    """QEMU's gdbstub, which is closed again afterwards if it was opened for this."""
    from unidbg.target.qmpgate import Gate

    gate = Gate(address.path, timeout, beside)
    try:
        target = _open_address(url, gate.gdbstub, timeout, before)
    except BaseException:
        gate.close()
        raise
    target.afterwards = gate.close
    return target


def _open_guest(url: str, name: str, timeout: float, before: Before | None) -> Target:
    """A guest of our own by the first of its lines that lets us in: free ones first, the stub's before all.

    A guest that hangs with interrupts off does not answer on its stub's line; QEMU's gdbstub still does.
    Where somebody uses that, an NMI is left.
    """
    from unidbg.target.registry import find

    record = find(name)
    kinds = sorted(
        (kind for kind in SPEAKING_RSP if kind in record.lines), key=lambda kind: _busy(record, kind)
    )
    first: TargetError | RemoteProtocolError | None = None
    for position, kind in enumerate(kinds):
        alone = kind == "stub" and all(_busy(record, other) for other in kinds if other != kind)
        patience = timeout if alone or position == len(kinds) - 1 else timeout / 2
        try:
            address = parse_url(record.lines[kind])
            target = _open_address(url, address, patience, before, record if alone else None)
        except (TargetError, RemoteProtocolError) as error:
            first = first or error
            continue
        if isinstance(first, TargetTimeout):
            target.note = SILENT.format(kind=kind)
        return target
    assert first is not None
    raise first


def _busy(record: GuestRecord, kind: str) -> bool:
    """Whether somebody uses the line now, as far as this host tells."""
    address = parse_url(record.lines[kind])
    if isinstance(address, TcpAddress):
        return tcp_port_busy(address.port)
    return isinstance(address, UnixAddress) and unix_busy(address.path)


def _open_address(
    url: str,
    address: Address,
    timeout: float,
    before: Before | None = None,
    record: GuestRecord | None = None,
) -> RspTarget:
    """`record` is that of our guest whose stub is at `address`: an NMI may stop it if it does not hear us."""
    deadline = time.monotonic() + timeout
    nmi = nmi_of(record) if record else None
    line = open_line(address, timeout)
    try:
        deaf = isinstance(line, SocketLine) and _be_taken_up(line, min(TAKEN_UP, timeout), nmi)
        link = Link(line, timeout=max(0.5, deadline - time.monotonic()))
        if before is not None:
            before(link)
        target = attach(url, link, nmi, deaf=deaf)
        target.note = DEAF if target.stub.deaf else ""
        return target
    except BaseException:
        line.close()
        raise


def _be_taken_up(line: SocketLine, patience: float, nmi: Nmi | None) -> bool:
    """QEMU does not see that the client before us has gone while a guest reads nothing of what that sent.

    True: it was stopped by NMI for that.
    """
    try:
        wait_until_taken_up(line, patience if nmi is None else min(patience, SOON))
        return False
    except AnotherClient as error:
        if error.pid is not None or nmi is None:
            raise
        try:
            nmi()
        except (TargetError, RemoteProtocolError):
            raise error from None
        wait_until_taken_up(line, patience)
        return True


def wait_until_taken_up(line: SocketLine, patience: float) -> None:
    """Wait for the server to accept us, before any byte is sent. `AnotherClient` if it does not.

    A connection that was never taken up must stay empty: its bytes would reach the guest later.
    """
    deadline = time.monotonic() + patience
    pause = 0.0005
    while accepted(line.sock) is False:
        if time.monotonic() > deadline:
            raise _another_client(line)
        time.sleep(pause)
        pause = min(2 * pause, 0.02)


def _another_client(line: SocketLine) -> AnotherClient:
    peer = line.sock.getpeername()
    holders = tcp_clients(peer[1]) if isinstance(peer, tuple) else unix_clients(peer)
    return AnotherClient(held_message(line.name, holders), pid=holders[0].pid if holders else None)


def held_message(name: str, holders: list[Holder]) -> str:
    """The message for a line that somebody else uses."""
    who = ", ".join(f"{holder.name} (pid {holder.pid})" for holder in holders)
    return (
        f"another client holds this line ({name}): {who or 'a process that we may not see'}; leave it there"
    )


def _with_other_ways(error: AnotherClient | TargetTimeout, url: str) -> AnotherClient | TargetTimeout:
    """The same error, with the other ways into the guest where it is one of ours."""
    from unidbg.target.registry import record_behind

    record = record_behind(url)
    if record is None:
        text = f"{error}, or take another way in: `unidbg ls` lists guests and their lines"
    else:
        text = f"{error}, or take another way into @{record.name}: {_ways(record, url)}"
    return AnotherClient(text, pid=error.pid) if isinstance(error, AnotherClient) else TargetTimeout(text)


def _ways(record: GuestRecord, url: str) -> str:
    from unidbg.target.registry import same_line

    others = [
        line for kind, line in record.lines.items() if kind in SPEAKING_RSP and not same_line(line, url)
    ]
    return ", ".join([*others, f"@{record.name} (whichever is free)"])
