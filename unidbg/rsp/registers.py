"""Register layouts: names and places of registers in `g`, from a target description or from a known size.

Source: GDB manual, "Target Descriptions". Values are integers in the byte order of the architecture, vectors
included.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from unidbg.errors import RemoteProtocolError
from unidbg.rsp.replies import as_text
from unidbg.rsp.xml import Node, XmlError, parse_xml
from unidbg.views.record import Record, record

MAX_REGISTERS = 4096
MAX_BITS = 65536
MAX_ANNEXES = 32

ARCHITECTURES = {
    "i386:x86-64": "x86_64",
    "i386:x64-32": "x86_64",
    "i386": "i386",
    "i8086": "i386",
    "aarch64": "aarch64",
    "arm": "arm",
    "riscv:rv64": "riscv64",
    "riscv:rv32": "riscv32",
    "powerpc:common64": "ppc64",
    "s390:64-bit": "s390x",
}
"""GDB's architecture names to ours (those of ELF's `machine`)."""

_ARCHITECTURE = re.compile(rb"<architecture>([^<]{1,64})</architecture>")
_BIG_ENDIAN = frozenset({"ppc64", "s390x"})


@record
class RegisterSpec(Record):
    """One register: its number on the wire, size in bytes, and the feature or group it belongs to."""

    name: str
    number: int
    size: int
    group: str = ""


class RegisterLayout:
    """All registers of a target in the order of `g`."""

    def __init__(self, architecture: str, registers: tuple[RegisterSpec, ...]) -> None:
        self.architecture = architecture
        self.registers = registers
        self.by_name: Mapping[str, RegisterSpec] = {spec.name: spec for spec in registers}
        self.by_number: Mapping[int, RegisterSpec] = {spec.number: spec for spec in registers}

    @property
    def byte_order(self) -> str:
        """`little` or `big`."""
        return "big" if self.architecture in _BIG_ENDIAN else "little"

    @property
    def size(self) -> int:
        """Bytes of a complete `g` reply."""
        return sum(spec.size for spec in self.registers)

    def value(self, raw: bytes) -> int:
        """The integer in the raw bytes of a register."""
        return int.from_bytes(raw, "big" if self.architecture in _BIG_ENDIAN else "little")

    def raw(self, spec: RegisterSpec, value: int) -> bytes:
        """The inverse of `value` for one register."""
        return value.to_bytes(spec.size, "big" if self.architecture in _BIG_ENDIAN else "little")


def parse_g(reply: bytes, layout: RegisterLayout) -> dict[str, int | None]:
    """Registers of a `g` reply: `None` for those sent as `xx`; those beyond its end are left out."""
    values: dict[str, int | None] = {}
    position = 0
    for spec in layout.registers:
        digits = reply[position : position + 2 * spec.size]
        if len(digits) < 2 * spec.size:
            break
        values[spec.name] = parse_register(digits, layout)
        position += 2 * spec.size
    return values


def parse_register(digits: bytes, layout: RegisterLayout) -> int | None:
    """The value of one register in hexadecimal; any `x` makes it unavailable."""
    if b"x" in digits:
        return None
    try:
        return layout.value(bytes.fromhex(digits.decode("ascii")))
    except ValueError:
        raise RemoteProtocolError(
            f"the stub sent a bad register: '{as_text(digits, 40)}'", data=digits
        ) from None


def parse_description(document: bytes, fetch: Callable[[str], bytes | None]) -> RegisterLayout:
    """The layout in a target description; `fetch` gets the annexes that it includes."""
    reader = _Description(fetch)
    reader.read(document)
    return RegisterLayout(reader.architecture, reader.layout())


def architecture_of(beginning: bytes) -> str:
    """The architecture that the beginning of a description names, `""` if it does not get that far."""
    match = _ARCHITECTURE.search(beginning)
    name = match[1].decode("latin-1").strip() if match else ""
    return ARCHITECTURES.get(name, name)


def includes(document: bytes) -> Sequence[str]:
    """The annexes that a description includes directly, so that they can be fetched in one go."""
    return [node.attributes.get("href", "") for node in _parse(document).all("include")]


def _parse(document: bytes) -> Node:
    try:
        return parse_xml(document)
    except XmlError as error:
        raise RemoteProtocolError(f"the stub's target description: {error}", data=document[:64]) from None


class _Description:
    """Walks a description: collects registers, and follows each annex once."""

    def __init__(self, fetch: Callable[[str], bytes | None]) -> None:
        self._fetch = fetch
        self._seen: set[str] = set()
        self._found: dict[int, RegisterSpec] = {}
        self._next_number = 0
        self.architecture = ""

    def read(self, document: bytes) -> None:
        root = _parse(document)
        self._element(root, "")

    def layout(self) -> tuple[RegisterSpec, ...]:
        return tuple(self._found[number] for number in sorted(self._found))

    def _element(self, node: Node, feature: str) -> None:
        if node.tag == "architecture":
            self.architecture = self.architecture or ARCHITECTURES.get(node.text.strip(), node.text.strip())
        elif node.tag == "include":
            self._include(node.attributes.get("href", ""))
        elif node.tag == "reg":
            self._register(node, feature)
        else:
            feature = node.attributes.get("name", feature) if node.tag == "feature" else feature
            for child in node.children:
                self._element(child, feature)

    def _include(self, annex: str) -> None:
        if annex in self._seen:
            return
        self._seen.add(annex)
        if len(self._seen) > MAX_ANNEXES:
            raise RemoteProtocolError("the stub's target description includes too many annexes")
        document = self._fetch(annex)
        if document is not None:
            self.read(document)

    def _register(self, node: Node, feature: str) -> None:
        number = _integer(node.attributes.get("regnum"), self._next_number)
        bits = _integer(node.attributes.get("bitsize"), 0)
        if not 0 < bits <= MAX_BITS or not 0 <= number <= MAX_REGISTERS:
            raise RemoteProtocolError(
                f"the stub's target description has an impossible register: {node.attributes}"
            )
        self._next_number = number + 1
        name = node.attributes.get("name", f"r{number}")
        group = node.attributes.get("group") or _group(feature)
        self._found[number] = RegisterSpec(name, number, (bits + 7) // 8, group)


def _integer(text: str | None, default: int) -> int:
    if text is None:
        return default
    return int(text) if text.isascii() and text.isdigit() else -1


def _group(feature: str) -> str:
    """A group from the feature's name: `org.gnu.gdb.i386.sse` gives `sse`; `core` means `general`."""
    last = feature.rpartition(".")[2]
    return "general" if last in ("core", "cpu", "") else last
