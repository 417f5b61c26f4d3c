"""Ethernet frames: ARP, IPv4, ICMP, UDP and TCP, decoded from bytes alone.

Sources: IEEE 802.3, RFC 826, 791, 792, 768, 9293. A frame came from the wire or from a broken guest: every
length is checked, what is cut short or contradicts itself is a field `error` of its layer, and what is not
known is payload.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import NamedTuple

from unidbg.views.network import Packet, PacketField, PacketLayer

PREVIEW_BYTES = 64
"""Bytes of a payload that are shown; all of them are in the frame."""
MAX_TAGS = 2
TAG_TYPES = (0x8100, 0x88A8)
ETHERNET_TYPES = {0x0800: "ipv4", 0x0806: "arp", 0x86DD: "ipv6"}
PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp"}
TCP_FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")
ICMP_TYPES = {
    0: "echo reply",
    3: "destination unreachable",
    5: "redirect",
    8: "echo request",
    11: "time exceeded",
    12: "parameter problem",
}
UNREACHABLE = {0: "network", 1: "host", 2: "protocol", 3: "port", 4: "fragmentation needed"}
MORE_FRAGMENTS, FRAGMENT_OFFSET, DONT_FRAGMENT = 0x2000, 0x1FFF, 0x4000


class Around(NamedTuple):
    """What the layers below say of the bytes above them; `whole`: nothing of them is missing."""

    source: bytes = b""
    destination: bytes = b""
    whole: bool = True


class Step(NamedTuple):
    """A decoded header: its fields, what it adds to the summary, and what follows it."""

    fields: Mapping[str, object]
    says: str
    above: str = ""
    rest: bytes = b""
    around: Around = Around()


Decoder = Callable[[bytes, Around], Step]


def decode(frame: bytes) -> Packet:
    """The headers of an Ethernet frame without preamble and check sequence. Total: any bytes will do."""
    layers: list[PacketLayer] = []
    says: list[str] = []
    name, rest, around = "ethernet", frame, Around()
    while name in DECODERS and (rest or name != "payload"):
        step = DECODERS[name](rest, around)
        layers.append(_layer(name, step.fields))
        says += [step.says, f"({name} checksum is bad)" if step.fields.get("checksum") == "bad" else ""]
        name, rest, around = step.above, step.rest, step.around
    return Packet(frame.hex(), tuple(layers), " ".join(filter(None, says)))


def _layer(name: str, fields: Mapping[str, object]) -> PacketLayer:
    return PacketLayer(name, tuple(PacketField(field, str(value)) for field, value in fields.items()))


def _short(name: str, data: bytes, need: int) -> Step:
    """A header that is not all there."""
    error = f"cut short: {len(data)} of {need} bytes"
    return Step({"error": error}, f"{name} {error}", "payload" if data else "", data, Around(whole=False))


# addresses and checksums


def mac(address: bytes) -> str:
    """`52:54:00:12:34:56`."""
    return address.hex(":")


def dotted(address: bytes) -> str:
    """`10.0.2.15`."""
    return ".".join(map(str, address))


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071): 0 over data that holds its own correct checksum."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f">{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def _verdict(data: bytes, around: Around, protocol: int | None = None) -> str:
    """`good`, `bad` or `unchecked`; with the pseudo-header where a protocol is given."""
    if not around.whole:
        return "unchecked"
    pseudo = b""
    if protocol is not None:
        pseudo = around.source + around.destination + struct.pack(">HH", protocol, len(data))
    return "good" if checksum(pseudo + data) == 0 else "bad"


# layers


def _ethernet(data: bytes, around: Around) -> Step:
    if len(data) < 14:
        return _short("ethernet", data, 14)
    (kind,) = struct.unpack_from(">H", data, 12)
    at, tags = 14, list[str]()
    while kind in TAG_TYPES and len(tags) < MAX_TAGS and len(data) >= at + 4:
        tag, kind = struct.unpack_from(">HH", data, at)
        tags.append(str(tag & 0xFFF))
        at += 4
    fields: dict[str, object] = {"source": mac(data[6:12]), "destination": mac(data[:6])}
    if tags:
        fields["vlan"] = ", ".join(tags)
    fields["type"] = ETHERNET_TYPES.get(kind, f"{kind:#06x}" if kind >= 0x600 else f"length {kind}")
    above = ETHERNET_TYPES.get(kind, "payload")
    if above in DECODERS and above != "payload":
        return Step(fields, "", above, data[at:])
    says = f"{fields['source']} > {fields['destination']} type {fields['type']}"
    return Step(fields, says, "payload", data[at:])


def _arp(data: bytes, around: Around) -> Step:
    if len(data) < 28:
        return _short("arp", data, 28)
    hardware, protocol, sizes, operation = struct.unpack_from(">HHHH", data)
    if (hardware, protocol, sizes) != (1, 0x0800, 0x0604):
        error = f"not Ethernet and IPv4: hardware {hardware}, protocol {protocol:#06x}, sizes {sizes:#06x}"
        return Step({"error": error}, f"arp {error}", "payload", data[8:])
    sender, target = dotted(data[14:18]), dotted(data[24:28])
    fields = {
        "operation": {1: "request", 2: "reply"}.get(operation, operation),
        "sender_mac": mac(data[8:14]),
        "sender_address": sender,
        "target_mac": mac(data[18:24]),
        "target_address": target,
    }
    said = {1: f"who has {target}? tell {sender}", 2: f"{sender} is at {fields['sender_mac']}"}
    return Step(fields, f"arp {said.get(operation, f'operation {operation}')}")


def _ipv4(data: bytes, around: Around) -> Step:
    if len(data) < 20:
        return _short("ipv4", data, 20)
    header, total = (data[0] & 15) * 4, int.from_bytes(data[2:4])
    identification, fragment, ttl, number = struct.unpack_from(">HHBB", data, 4)
    source, destination = data[12:16], data[16:20]
    fields: dict[str, object] = {"source": dotted(source), "destination": dotted(destination)}
    error = _ipv4_error(data, header, total)
    if error:
        return Step({**fields, "error": error}, f"{_between(fields)} ipv4 {error}")
    cut = len(data) < total
    fields |= {
        "protocol": PROTOCOLS.get(number, number),
        "ttl": ttl,
        "identification": f"{identification:#06x}",
        "length_bytes": total,
        "checksum": _verdict(data[:header], Around()),
    }
    if header > 20:
        fields["options"] = data[20:header].hex()
    says = "" if number in PROTOCOLS else f"{_between(fields)} protocol {number}"
    if fragment & (FRAGMENT_OFFSET | MORE_FRAGMENTS | DONT_FRAGMENT):
        fields["fragment"] = _fragment(fragment)
    if cut:
        fields["error"] = f"cut short: {len(data)} of {total} bytes"
    later = bool(fragment & FRAGMENT_OFFSET)
    if later:
        says = f"{_between(fields)} {fields['protocol']} fragment at {(fragment & FRAGMENT_OFFSET) * 8}"
    whole = not cut and not fragment & (FRAGMENT_OFFSET | MORE_FRAGMENTS)
    above = "payload" if later else PROTOCOLS.get(number, "payload")
    return Step(fields, says, above, data[header:total], Around(source, destination, whole))


def _ipv4_error(data: bytes, header: int, total: int) -> str:
    """What makes the header meaningless; empty where nothing does."""
    if data[0] >> 4 != 4:
        return f"is version {data[0] >> 4}"
    if header < 20 or header > len(data):
        return f"has a header of {header} bytes, in {len(data)}"
    return f"says {total} bytes, of which {header} are the header" if total < header else ""


def _fragment(bits: int) -> str:
    words = ["don't fragment"] if bits & DONT_FRAGMENT else []
    words += [f"at {(bits & FRAGMENT_OFFSET) * 8}"] if bits & FRAGMENT_OFFSET else []
    return ", ".join([*words, *(["more follow"] if bits & MORE_FRAGMENTS else [])])


def _between(fields: Mapping[str, object]) -> str:
    return f"{fields['source']} > {fields['destination']}"


def _ends(around: Around, source: int, destination: int) -> str:
    return f"{dotted(around.source)}:{source} > {dotted(around.destination)}:{destination}"


def _icmp(data: bytes, around: Around) -> Step:
    says = f"{dotted(around.source)} > {dotted(around.destination)} icmp"
    if len(data) < 8:
        short = _short("icmp", data, 8)
        return short._replace(says=f"{says} {short.fields['error']}")
    kind, code = data[0], data[1]
    name = ICMP_TYPES.get(kind, f"type {kind}")
    fields: dict[str, object] = {"type": name, "code": code, "checksum": _verdict(data, around)}
    said = f"{says} {name}"
    if kind in (0, 8):
        identifier, sequence = struct.unpack_from(">HH", data, 4)
        fields |= {"identifier": identifier, "sequence": sequence}
        said += f" id {identifier} seq {sequence}"
    elif kind == 3:
        said += f": {UNREACHABLE.get(code, f'code {code}')}"
    return Step(fields, _with_length(said, len(data) - 8), "payload", data[8:])


def _udp(data: bytes, around: Around) -> Step:
    if len(data) < 8:
        short = _short("udp", data, 8)
        return short._replace(says=f"{dotted(around.source)} > {dotted(around.destination)} {short.says}")
    source, destination, length, sum_ = struct.unpack_from(">HHHH", data)
    fields: dict[str, object] = {
        "source_port": source,
        "destination_port": destination,
        "length_bytes": length,
    }
    says = f"{_ends(around, source, destination)} udp"
    if length < 8 or (length > len(data) and around.whole):
        fields["error"] = f"says {length} bytes, {len(data)} are there"
        return Step(fields, f"{says} {fields['error']}", "payload", data[8:])
    fields["checksum"] = "none" if sum_ == 0 else _verdict(data[:length], around, 17)
    return Step(fields, _with_length(says, length - 8), "payload", data[8:length])


def _tcp(data: bytes, around: Around) -> Step:
    if len(data) < 20:
        short = _short("tcp", data, 20)
        return short._replace(says=f"{dotted(around.source)} > {dotted(around.destination)} {short.says}")
    source, destination, sequence, acknowledgment, bits, window = struct.unpack_from(">HHIIHH", data)
    header = (bits >> 12) * 4
    flags = [name for bit, name in enumerate(TCP_FLAGS) if bits >> bit & 1]
    fields: dict[str, object] = {
        "source_port": source,
        "destination_port": destination,
        "sequence": sequence,
        "acknowledgment": acknowledgment,
        "flags": " ".join(flags) or "none",
        "window": window,
        "checksum": _verdict(data, around, 6),
    }
    says = f"{_ends(around, source, destination)} tcp {fields['flags']}"
    if not 20 <= header <= len(data):
        fields["error"] = f"has a header of {header} bytes, in {len(data)}"
        return Step(fields, f"{says} {fields['error']}", "payload", data[20:])
    if header > 20:
        fields["options"] = _tcp_options(data[20:header])
    payload = data[header:]
    fields["payload_bytes"] = len(payload)
    said = f"{says} seq {sequence}" + (f" ack {acknowledgment}" if bits & 0x10 else "")
    return Step(fields, _with_length(f"{said} win {window}", len(payload)), "payload", payload)


def _tcp_options(data: bytes) -> str:
    """The options of RFC 9293 and 7323 by name, others by number; what is cut short ends them."""
    words, at = list[str](), 0
    while at < len(data) and data[at] != 0:
        kind = data[at]
        if kind == 1:
            at += 1
            continue
        size = data[at + 1] if at + 1 < len(data) else 0
        if size < 2 or at + size > len(data):
            return ", ".join([*words, f"option {kind} cut short"])
        words.append(_tcp_option(kind, data[at + 2 : at + size]))
        at += size
    return ", ".join(words) or "none"


def _tcp_option(kind: int, value: bytes) -> str:
    match kind, len(value):
        case 2, 2:
            return f"mss {int.from_bytes(value)}"
        case 3, 1:
            return f"window scale {value[0]}"
        case 4, 0:
            return "sack permitted"
        case 8, 8:
            return f"timestamps {int.from_bytes(value[:4])} {int.from_bytes(value[4:])}"
    return f"option {kind}" + (f" {value.hex()}" if value else "")


def _with_length(says: str, length: int) -> str:
    return f"{says} len {length}" if length else says


def _payload(data: bytes, around: Around) -> Step:
    """What no header explains: its length, and how it begins, as text where it is text."""
    begin = data[:PREVIEW_BYTES]
    is_text = all(32 <= byte < 127 or byte in b"\r\n\t" for byte in begin)
    fields: dict[str, object] = {"length_bytes": len(data)}
    fields |= {"text": begin.decode("ascii")} if is_text else {"bytes": begin.hex()}
    return Step(fields, "")


DECODERS: Mapping[str, Decoder] = {
    "ethernet": _ethernet,
    "arp": _arp,
    "ipv4": _ipv4,
    "icmp": _icmp,
    "udp": _udp,
    "tcp": _tcp,
    "payload": _payload,
}
