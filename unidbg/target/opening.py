"""Opening a target by its URL: find the line, make sure that it is ours to use, attach."""

from __future__ import annotations

import time

from unidbg.errors import AnotherClient
from unidbg.target.base import Target
from unidbg.target.link import Link
from unidbg.target.rsptarget import attach
from unidbg.transport.holders import Holder, accepted, tcp_clients
from unidbg.transport.opening import open_line
from unidbg.transport.sockets import SocketLine
from unidbg.transport.url import Address, GuestName, parse_url

SPEAKING_RSP = ("stub", "gdbstub")
"""The lines of a registered guest on which a target can be opened, best first."""
TAKEN_UP = 2.0
"""Seconds that a server may take to accept us; then another client holds the line."""


def open_target(url: str, *, timeout: float = 5.0, image_machine: str | None = None) -> Target:
    """The target that `url` names, attached; the guest runs on if it ran.

    `image_machine` helps where a stub does not say what it is. Raises `ConfigError` for a URL that names
    nothing, `AnotherClient`, `TargetGone`, `TargetTimeout` or `RemoteProtocolError` within `timeout` seconds.
    """
    del image_machine
    address = parse_url(url)
    if isinstance(address, GuestName):
        return _open_guest(url, address.name.removeprefix("@"), timeout)
    return _open_address(url, address, timeout)


def _open_guest(url: str, name: str, timeout: float) -> Target:
    """A guest of our own by the first of its lines that nobody holds."""
    from unidbg.target.registry import find

    lines = find(name).lines
    held: AnotherClient | None = None
    for kind in SPEAKING_RSP:
        try:
            return _open_address(url, parse_url(lines[kind]), timeout)
        except AnotherClient as error:
            held = held or error
    assert held is not None
    raise held


def _open_address(url: str, address: Address, timeout: float) -> Target:
    deadline = time.monotonic() + timeout
    line = open_line(address, timeout)
    try:
        if isinstance(line, SocketLine):
            wait_until_taken_up(line, min(TAKEN_UP, timeout))
        return attach(url, Link(line, timeout=max(0.5, deadline - time.monotonic())))
    except BaseException:
        line.close()
        raise


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
    holders = tcp_clients(peer[1]) if isinstance(peer, tuple) else []
    return AnotherClient(held_message(line.name, holders), pid=holders[0].pid if holders else None)


def held_message(name: str, holders: list[Holder]) -> str:
    """The message for a line that somebody else uses."""
    who = (
        ", ".join(f"{holder.name} (pid {holder.pid})" for holder in holders)
        or "a process that we may not see"
    )
    return (
        f"another client holds this line ({name}): {who}. "
        "Close it there, or take another way in: `unidbg ls` lists guests and their lines"
    )
