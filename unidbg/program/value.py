"""A typed value of the guest: (memory, type, address or bytes).

Members are attributes, our own methods end in `_`, and `v["name"]` serves members whose names clash. Pointers
are followed only when told to (`deref_`, an index). A struct is read once, then sliced.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from unidbg_symbols import types as t

from unidbg.errors import SymbolError, SymbolNotFound

if TYPE_CHECKING:
    from unidbg.target.base import AddressSpace

WHOLE_BYTES = 1024
"""Values up to this size are read in one piece; of larger ones only what is asked for."""
MAX_BYTES = 64 << 20
"""No single value is larger than this: a type that says so is damaged."""
ADDRESS_MASK = 0xFFFF_FFFF_FFFF_FFFF


class MemberNotFound(SymbolNotFound, AttributeError):  # type: ignore[misc]  # both have a `name`
    """The type has no such member; the message gives the nearest ones."""


class WrongType(SymbolError):
    """The value is not what the operation needs (a pointer, an integer, an array)."""


class Value:
    """See the module. Reading raises MemoryFault; a Value itself is never wrong about its type."""

    __slots__ = ("_address", "_bits", "_data", "_memory", "_order", "_type")

    def __init__(
        self,
        memory: AddressSpace,
        type_: t.Type,
        address: int | None = None,
        data: bytes | None = None,
        *,
        little_endian: bool = True,
        bits: tuple[int, int] | None = None,
    ) -> None:
        """`bits` is (first bit, count) inside the little-endian integer that `data` or memory holds."""
        self._memory = memory
        self._type = type_
        self._address = address
        self._data = data
        self._order: str = "<" if little_endian else ">"
        self._bits = bits

    # what it is

    @property
    def type_(self) -> t.Type:
        """The declared type, typedefs and qualifiers included."""
        return self._type

    @property
    def address_(self) -> int | None:
        """Where it lies in the guest, `None` for a value that lives in no memory (a register, a constant)."""
        return self._address

    @property
    def size_(self) -> int:
        """Bytes."""
        return self._type.size

    @property
    def memory_(self) -> AddressSpace:
        """What it is read from."""
        return self._memory

    def is_pointer_(self) -> bool:
        """True for a pointer (typedefs looked through)."""
        return isinstance(t.strip(self._type), t.PointerType)

    def is_struct_(self) -> bool:
        """True for a struct, union or class with members."""
        return isinstance(t.strip(self._type), t.StructType)

    def is_array_(self) -> bool:
        """True for an array."""
        return isinstance(t.strip(self._type), t.ArrayType)

    # reading

    def bytes_(self) -> bytes:
        """All bytes of the value, read once."""
        if self._data is None:
            self._data = self._read(self.size_)
        return self._data

    def _read(self, size: int, offset: int = 0) -> bytes:
        if self._address is None:
            raise WrongType(f"a value of type {self._type.name} lies nowhere in memory")
        if size > MAX_BYTES:
            raise WrongType(f"{self._type.name} of {size} bytes is too large to be read")
        return self._memory.read((self._address + offset) & ADDRESS_MASK, size)

    def int_(self) -> int:
        """An integer, boolean, character, enumeration or pointer as a Python int."""
        plain = t.strip(self._type)
        if not isinstance(plain, t.IntType | t.BoolType | t.EnumType | t.PointerType):
            raise WrongType(f"{self._type.name} is not an integer")
        signed = _is_signed(plain)
        data = self.bytes_()
        raw = int.from_bytes(
            data, "little" if self._order == "<" else "big", signed=signed and not self._bits
        )
        return raw if self._bits is None else _bit_field(raw, self._bits, signed)

    def __int__(self) -> int:
        return self.int_()

    __index__ = __int__

    def __bool__(self) -> bool:
        return self.int_() != 0

    def float_(self) -> float:
        """A float or double; WrongType for the sizes Python cannot hold (80-bit long double)."""
        code = {2: "e", 4: "f", 8: "d"}.get(self.size_)
        if not isinstance(t.strip(self._type), t.FloatType) or code is None:
            raise WrongType(f"{self._type.name} is not a float that can be read")
        return float(struct.unpack(self._order + code, self.bytes_())[0])

    # getting on

    def deref_(self) -> Value:
        """What a pointer points to; nothing is read of it yet."""
        plain = t.strip(self._type)
        if not isinstance(plain, t.PointerType):
            raise WrongType(f"{self._type.name} is not a pointer and cannot be followed")
        return self._at(plain.target, self.int_())

    def __getitem__(self, key: str | int) -> Value:
        return self.member_(key) if isinstance(key, str) else self.index_(key)

    def __getattr__(self, name: str) -> Value:
        if name.startswith("__") or name.endswith("_"):
            raise AttributeError(name)
        return self.member_(name)

    def has_(self, name: str) -> bool:
        """Whether the struct has the member (also inside anonymous ones)."""
        plain = t.strip(self._type)
        return isinstance(plain, t.StructType) and name in plain

    def member_(self, name: str) -> Value:
        """The member `name` of a struct or union; of a pointer never: say `deref_()`."""
        plain = t.strip(self._type)
        if not isinstance(plain, t.StructType):
            hint = "; it is a pointer, follow it first" if isinstance(plain, t.PointerType) else ""
            raise MemberNotFound(f"{self._type.name} has no members{hint}", name=name)
        if name not in plain:
            raise _no_member(plain, name)
        return self._member(plain.member(name))

    def members_(self) -> Iterator[tuple[str, Value]]:
        """(name, value) of the direct members in order; anonymous ones have the name `""`."""
        plain = t.strip(self._type)
        if isinstance(plain, t.StructType):
            for member in plain.members:
                yield member.name, self._member(member)

    def _member(self, member: t.Member) -> Value:
        offset, size = member.offset, member.type.size
        bits = None
        if member.bit_size is not None:
            offset, size, bits = bit_storage(member, self._order == "<")
        piece: bytes | None = None
        if self._data is not None or (self.size_ <= WHOLE_BYTES and self._address is not None):
            piece = self.bytes_()[offset : offset + size]
        elif bits is not None:
            piece = self._read(size, offset)
        address = None if self._address is None else (self._address + offset) & ADDRESS_MASK
        return self._make(member.type, address, piece, bits)

    def index_(self, index: int) -> Value:
        """Element `index` of an array (bounds are the caller's business) or behind a pointer."""
        plain = t.strip(self._type)
        if isinstance(plain, t.PointerType):
            target = plain.target
            return self._at(target, self.int_() + index * (target.size or 1))
        if not isinstance(plain, t.ArrayType):
            raise WrongType(f"{self._type.name} has no elements")
        size = plain.element.size
        data = None
        if self._data is not None or (0 < self.size_ <= WHOLE_BYTES and self._address is not None):
            whole = self.bytes_()
            if 0 <= index * size <= len(whole) - size:
                data = whole[index * size : (index + 1) * size]
        if self._address is None:
            if data is None:
                raise WrongType(f"index {index} lies outside {self._type.name}")
            return self._make(plain.element, None, data)
        return self._make(plain.element, (self._address + index * size) & ADDRESS_MASK, data)

    def _at(self, type_: t.Type, address: int) -> Value:
        return self._make(type_, address & ADDRESS_MASK, None)

    def _make(
        self, type_: t.Type, address: int | None, data: bytes | None, bits: tuple[int, int] | None = None
    ) -> Value:
        return Value(self._memory, type_, address, data, little_endian=self._order == "<", bits=bits)

    def cast_(self, type_: t.Type) -> Value:
        """The same address (or the same integer, for pointers and integers) as another type."""
        plain = t.strip(type_)
        scalar = isinstance(plain, t.PointerType | t.IntType | t.EnumType | t.BoolType)
        if not scalar:
            return self._make(type_, self._address, None if self._address is not None else self._data)
        number = self._address if self.is_array_() and self._address is not None else self.int_()
        return self._make(type_, None, self.pack_(type_, number))

    def pack_(self, type_: t.Type, number: int) -> bytes:
        """`number` as the bytes of `type_`, cut to its size."""
        size = type_.size or 8
        order = "little" if self._order == "<" else "big"
        return (number & ((1 << 8 * size) - 1)).to_bytes(size, order)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        where = "" if self._address is None else f" at {self._address:#x}"
        return f"<Value {self._type.name}{where}>"


def _is_signed(plain: t.Type) -> bool:
    return isinstance(plain, t.IntType | t.EnumType) and plain.signed


def _bit_field(raw: int, bits: tuple[int, int], signed: bool) -> int:
    first, count = bits
    number = raw >> first & ((1 << count) - 1)
    return number - (1 << count) if signed and count and number >> (count - 1) else number


def bit_storage(member: t.Member, little_endian: bool) -> tuple[int, int, tuple[int, int]]:
    """(byte offset, bytes, (shift, bits)) of a bit-field; of a little-endian one the fewest bytes that hold
    it.
    """
    shift, count = member.bit_offset or 0, member.bit_size or 0
    if not little_endian:
        return member.offset, member.type.size, (shift, count)
    return member.offset + shift // 8, (shift % 8 + count + 7) // 8, (shift % 8, count)


def _no_member(plain: t.StructType, name: str) -> MemberNotFound:
    from unidbg_symbols.nearest import did_you_mean, nearest

    close = nearest(name, [member.name for member in plain.members])
    return MemberNotFound(
        f"{plain.name} has no member `{name}`{did_you_mean(close)}", name=name, nearest=close
    )
