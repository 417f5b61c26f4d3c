"""The network that `unidbg run` gives a guest: QEMU's user network and a virtio card.

Nobody on the host's network sees the guest; what shall reach it is forwarded from a port of 127.0.0.1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from unidbg.errors import ConfigError

HOST = "127.0.0.1"
PROTOCOLS = ("tcp", "udp")
_SPELLING = re.compile(r"(?:(tcp|udp):)?(?:(\d{1,5}):)?(\d{1,5})", re.ASCII)
_FORWARDED = re.compile(r"^ *(TCP|UDP)\[HOST_FORWARD\] +\S+ +127\.0\.0\.1 +(\d+) +\S+ +(\d+)", re.MULTILINE)
"""A line of `info usernet`: protocol, file descriptor, source address and port, destination and port."""


class Forward(NamedTuple):
    """A port of this host that leads to one of the guest; `host_port` 0: any that is free."""

    protocol: str
    host_port: int
    guest_port: int


def parse_forward(text: str) -> Forward:
    """`[tcp:|udp:][HOST_PORT:]GUEST_PORT`; ConfigError for anything else."""
    found = _SPELLING.fullmatch(text)
    protocol, host, guest = found.groups() if found else ("", "", "0")
    forward = Forward(protocol or "tcp", int(host or 0), int(guest))
    if not found or not 0 < forward.guest_port < 65536 or forward.host_port > 65535:
        raise ConfigError(f"{text!r} forwards nothing: [tcp:|udp:][HOST_PORT:]GUEST_PORT, like 8080:80")
    return forward


def arguments(machine: str, forwards: Sequence[Forward]) -> list[str]:
    """QEMU's arguments for a card of that machine."""
    rules = [f",hostfwd={f.protocol}:{HOST}:{f.host_port}-:{f.guest_port}" for f in forwards]
    command = ["-netdev", "user,id=net" + "".join(rules)]
    if machine.startswith("microvm"):
        modern = ["-global", "virtio-mmio.force-legacy=false"]
        return [*command, "-device", "virtio-net-device,netdev=net", *modern]
    return [*command, "-device", "virtio-net-pci,netdev=net"]


def forwarded(usernet: str) -> tuple[Forward, ...]:
    """The forwards with the ports that they really have, as QEMU's `info usernet` lists them."""
    return tuple(
        Forward(protocol.lower(), int(host), int(guest))
        for protocol, host, guest in _FORWARDED.findall(usernet)
    )
