"""What the Inspect commands show: registers, instructions, memory, values, symbols, types."""

from __future__ import annotations

from unidbg.views.base import Address, Location, View, Word
from unidbg.views.record import Record, record


@record
class Register(Record):
    """A register: `value` is `None` where the target cannot tell.

    `group` is `general`, `segment`, `control` ..."""

    name: str
    value: Word | None
    size_bytes: int
    group: str
    note: str = ""


@record
class RegistersView(View):
    """The registers of one thread; `note` of a register decodes flags."""

    thread: str
    registers: tuple[Register, ...]


@record
class Instruction(Record):
    """A disassembled instruction; `target` is what a direct branch or a RIP-relative operand names.

    `source` is the text of its line, where it was asked for and the instruction before has another one.
    """

    location: Location
    bytes_hex: str
    mnemonic: str
    operands: str
    target: Location | None
    current: bool
    source: str | None = None


@record
class DisassemblyView(View):
    """Instructions in address order."""

    instructions: tuple[Instruction, ...]


@record
class MemoryDumpView(View):
    """Raw memory, as `x` shows it. `unit_bytes` is 1, 2, 4 or 8; `format` is gdb's letter.

    `pointees` are what the units point to, one for each, with format `a`; else there are none.
    """

    start: Location
    format: str
    unit_bytes: int
    data_hex: str
    pointees: tuple[Location, ...] = ()


@record
class ValueNode(Record):
    """A typed value: a leaf has `text`, a struct or array has `children`.

    `address` is `None` for registers."""

    name: str
    type: str
    address: Address | None
    text: str
    children: tuple[ValueNode, ...] = ()


@record
class ValueView(View):
    """The value of an expression."""

    expression: str
    value: ValueNode


@record
class SymbolInfo(Record):
    """A symbol of an image: link address, size, binding, source, section.

    `kind` is `func`, `object`, `notype` ..."""

    name: str
    address: Address
    size_bytes: int
    kind: str
    binding: str
    location: Location
    section: str = ""


@record
class MemberInfo(Record):
    """A member of a struct. Bit-fields have `bit_size`; a hole is a member of kind `hole` with no type."""

    name: str
    type: str
    offset_bytes: int
    size_bytes: int
    bit_offset: int | None
    bit_size: int | None
    kind: str


@record
class TypeInfo(Record):
    """A type of an image, like `ptype /o`. `declaration` is its C text."""

    name: str
    kind: str
    size_bytes: int
    members: tuple[MemberInfo, ...]
    declaration: str
    file: str | None
    line: int | None


@record
class SymbolsView(View):
    """The symbols that a name or an address stands for; several where a name is defined more than once."""

    query: str
    symbols: tuple[SymbolInfo, ...]


@record
class TypesView(View):
    """The types of a name; several where units of one image disagree."""

    query: str
    types: tuple[TypeInfo, ...]


@record
class MonitorView(View):
    """What the guest's stub, or its hypervisor, answered to a `monitor` command.

    `output` may hold newlines."""

    command: str
    output: str
