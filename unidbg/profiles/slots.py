"""Tables whose slots are not all in use, and network addresses as they lie in memory."""

from __future__ import annotations

from collections.abc import Iterator

from unidbg.errors import MemoryFault
from unidbg.profiles.fields import Fields
from unidbg.program.value import WrongType
from unidbg.structures import packets
from unidbg.structures.arrays import Marked


def used(fields: Fields, noun: str, mark: str, wanted: Marked | None = None) -> Iterator[Fields]:
    """The slots whose `mark` is not 0, with the paths they have in the view; `wanted`: no more is read."""
    shown = 0
    for slot in fields.structs(f"{noun}s", f"{noun}_count", wanted=wanted):
        renamed = slot.at(f"{fields.where(f'{noun}s')}[{shown}]")
        if renamed.integer(mark):
            shown += 1
            yield renamed


def port(fields: Fields, member: str) -> int:
    """A port number; one beyond 65535 is a fault."""
    number = fields.unsigned(member)
    if number > 0xFFFF:
        fields.faults.add(fields.where(member), f"{number} is no port number")
    return number


def ipv4(fields: Fields, member: str) -> str:
    """An IPv4 address, dotted."""
    return packets.dotted(octets(fields, member, 4))


def mac(fields: Fields, member: str) -> str:
    """A hardware address, with colons."""
    return packets.mac(octets(fields, member, 6))


def octets(fields: Fields, member: str, count: int) -> bytes:
    """The bytes of an address as they lie in memory; zeros with a fault where there are none."""
    where = fields.where(member)
    try:
        data = fields.value.member_(member).bytes_()
    except MemoryFault as fault:
        fields.faults.add(where, f"unreadable: {fault.reason}", fault.address)
        return bytes(count)
    except WrongType as wrong:
        fields.faults.add(where, str(wrong))
        return bytes(count)
    if len(data) != count:
        fields.faults.add(where, f"an address of {len(data)} bytes, not {count}")
    return data[:count].ljust(count, b"\0")
