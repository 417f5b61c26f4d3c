"""What all replies share: errors, hexadecimal text, thread ids, and the features of qSupported."""

from __future__ import annotations

from collections.abc import Mapping

from unidbg.errors import RemoteProtocolError

_ERRNO = {
    0x01: "the stub refused it",
    0x0E: "bad address",
    0x14: "bad address",
    0x16: "invalid argument",
    0x22: "invalid argument",
}
"""Error numbers that stubs agree on; QEMU sends EFAULT and EINVAL in decimal digits."""


def is_error(reply: bytes) -> bool:
    """`E NN`, `E.text`, LLDB's `E NN;text`. Data in hexadecimal has an even length: `E0e` is none."""
    return reply.startswith(b"E") and (len(reply) == 3 or reply[1:2] == b"." or reply[3:4] == b";")


def error_text(reply: bytes) -> str:
    """What an error reply says, for a message."""
    if reply[1:2] == b".":
        return as_text(reply[2:])
    digits = as_text(reply[1:])
    known = _ERRNO.get(int(digits, 16)) if is_hex(reply[1:]) else None
    return f"{known} (error {digits})" if known else f"error {digits}"


def as_text(data: bytes, limit: int = 120) -> str:
    """`data` for a message of one line, cut at `limit` bytes. Control bytes stay: renderers escape."""
    return data[:limit].decode("utf-8", "surrogateescape").replace("\n", " ")


def is_hex(data: bytes) -> bool:
    """True for one or more hexadecimal digits and nothing else."""
    return bool(data) and not data.strip(b"0123456789abcdefABCDEF")


def number(data: bytes, what: str) -> int:
    """A hexadecimal number of the wire, `RemoteProtocolError` naming `what` if it is none."""
    if not is_hex(data):
        raise RemoteProtocolError(f"the stub sent a bad {what}: '{as_text(data)}'", data=data)
    return int(data, 16)


def unhex(data: bytes, what: str) -> bytes:
    """Bytes from pairs of hexadecimal digits."""
    try:
        return bytes.fromhex(data.decode("ascii"))
    except ValueError:
        raise RemoteProtocolError(f"the stub sent a bad {what}: '{as_text(data)}'", data=data) from None


def parse_offsets(reply: bytes) -> int | None:
    """How far an image has moved, by a `qOffsets` reply as a signed 64-bit number; `None` where it says
    nothing that moves all of it alike.
    """
    pairs = (part.partition(b"=") for part in reply.split(b";"))
    parts = {name: value for name, _, value in pairs}
    text = parts.get(b"Text", b"")
    if not is_hex(text) or len(text) > 16 or parts.get(b"Data", text) != text:
        return None
    bias = int(text, 16)
    return bias - (1 << 64) if bias >> 63 else bias


class Features:
    """A qSupported reply: what the stub can do. `values` holds `name=value`; `yes` holds `name+`."""

    __slots__ = ("values", "yes")

    def __init__(self, yes: frozenset[str] = frozenset(), values: Mapping[str, str] | None = None) -> None:
        self.yes = yes
        self.values: Mapping[str, str] = values or {}

    def __contains__(self, name: object) -> bool:
        return name in self.yes

    @property
    def packet_size(self) -> int | None:
        """The longest payload the stub takes and sends, in bytes; `None` where it does not say or lies."""
        digits = self.values.get("PacketSize", "").encode("ascii", "replace")
        size = int(digits, 16) if is_hex(digits) else 0
        return size if size >= 16 else None


def lists_features(reply: bytes) -> bool:
    """Whether a reply can be one to qSupported: empty, or a list of `name=value`, `name+`, `name-`."""
    items = reply.split(b";")
    return all(not item or b"=" in item or item[-1:] in b"+-?" for item in items)


def parse_features(reply: bytes) -> Features:
    """Parse a qSupported reply; unknown and malformed items are skipped, as the protocol asks."""
    yes: set[str] = set()
    values: dict[str, str] = {}
    for item in reply.decode("latin-1").split(";"):
        name, equals, value = item.partition("=")
        if equals:
            values[name] = value
        elif item.endswith("+"):
            yes.add(item[:-1])
    return Features(frozenset(yes), values)
