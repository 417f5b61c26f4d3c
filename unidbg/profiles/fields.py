"""Members of a guest's structure by name, as docs/abi.md lists them. What cannot be believed becomes a fault.

`where` is always the path inside the view; `member` is the guest's name for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from unidbg.errors import MemoryFault
from unidbg.program.program import Program
from unidbg.program.value import Value, WrongType
from unidbg.structures import strings
from unidbg.structures.arrays import Marked, believable, elements, marked
from unidbg.structures.faults import Faults
from unidbg.views.base import Address, Location, Range

MAX_NAME = 4096

T = TypeVar("T")


class Fields:
    """One structure of the guest, read by member names."""

    def __init__(self, program: Program, value: Value, faults: Faults, path: str = "") -> None:
        self.program = program
        self.value = value
        self.faults = faults
        self.path = path

    def where(self, name: str) -> str:
        """The JSON path of field `name` of this structure."""
        return f"{self.path}.{name}" if self.path else name

    def has(self, member: str) -> bool:
        """Whether the guest's structure has the member."""
        return self.value.has_(member)

    def integer(self, member: str, field: str | None = None, *, default: int = 0) -> int:
        """An integer, pointer or boolean."""
        return self._read(member, field, lambda value: value.int_(), default)

    def number(self, value: Value, where: str) -> int:
        """A list's element as an integer."""
        try:
            return value.int_()
        except (MemoryFault, WrongType) as wrong:
            self.faults.add(self.where(where), str(wrong), value.address_)
            return 0

    def unsigned(self, member: str, field: str | None = None) -> int:
        """A count or a size: a negative one is a fault, and 0."""
        number = self.integer(member, field)
        if number >= 0:
            return number
        self.faults.add(self.where(field or member), f"{number} is negative", self._address(member))
        return 0

    def address(self, member: str, field: str | None = None) -> Address:
        """A pointer or an integer that holds an address."""
        return Address(self.integer(member, field) & 0xFFFF_FFFF_FFFF_FFFF)

    def function(self, member: str, field: str | None = None) -> Location | None:
        """Where a function pointer leads; `None` for NULL. One that leads into no code is a fault."""
        where = self.where(field or member)
        number = self.address(member, field)
        if number == 0:
            return None
        module = self.program.module_at(number)
        if self.program.modules and (module is None or not module.in_text(module.link_address(number))):
            self.faults.add(where, f"{number:#x} is not in the code of any module", number)
        return self.program.locate(number)

    def range(self, member: str, field: str | None = None) -> Range | None:
        """A struct with `start` and `end`; `None` where it is empty or cannot be read."""
        where = self.where(field or member)
        value = self._member(member, where)
        if value is None:
            return None
        part = Fields(self.program, value, self.faults, where)
        start, end = part.address("start"), part.address("end")
        if end < start:
            self.faults.add(where, f"ends at {end:#x}, before its start {start:#x}", value.address_)
            return None
        return Range(start, end) if end > start else None

    def text(self, member: str, field: str | None = None, limit: int = MAX_NAME) -> str:
        """A `char[]` or a NUL-terminated `char *`."""
        where = self.where(field or member)
        nothing: tuple[str, str | None] = ("", None)
        text, wrong = self._read(member, field, lambda value: strings.text(value, limit), nothing)
        if wrong:
            self.faults.add(where, wrong, self._address(member))
        return text

    def struct(self, member: str, path: str) -> Fields | None:
        """A struct, or a pointer to one, whose members have `path` in the view; `None` for NULL."""
        value = self._member(member, path or member)
        if value is not None and value.is_pointer_():
            value = value.deref_() if self.integer(member) else None
        if value is None:
            return None
        if not value.is_struct_():
            self.faults.add(path or member, f"`{member}` is {value.type_.name}, not a struct", value.address_)
            return None
        return Fields(self.program, value, self.faults, path)

    def items(
        self, member: str, count_member: str, field: str | None = None, *, wanted: Marked | None = None
    ) -> Iterator[Value]:
        """The elements of a list, at most `arrays.MAX_ITEMS`; those that cannot be read end it with a
        fault. With `wanted` only those, see there.
        """
        where = self.where(field or member)
        value = self._member(member, where)
        if value is None:
            return
        count = self._count(value, count_member, where)
        if count == 0 or (value.is_pointer_() and self._read(member, field, lambda v: v.int_(), 0) == 0):
            return
        if wanted is not None:
            yield from marked(value, count, wanted, self.faults, where)
        else:
            yield from elements(value, count, self.faults, where)

    def structs(
        self, member: str, count_member: str, field: str | None = None, *, wanted: Marked | None = None
    ) -> Iterator[Fields]:
        """The structs of a list, or those wanted. Their paths are those of the list's own slots; see `at`."""
        where = self.where(field or member)
        for index, value in enumerate(self.items(member, count_member, field, wanted=wanted)):
            if not value.is_struct_():
                self.faults.add(where, f"elements are {value.type_.name}, not structs", value.address_)
                return
            yield Fields(self.program, value, self.faults, f"{where}[{index}]")

    def at(self, path: str) -> Fields:
        """The same structure under another path of the view."""
        return Fields(self.program, self.value, self.faults, path)

    def _count(self, value: Value, member: str, where: str) -> int:
        count = self._read(member, None, lambda v: v.int_(), 0)
        return believable(count, member, value, self.faults, where, self._address(member))

    def _member(self, member: str, where: str) -> Value | None:
        if not self.value.has_(member):
            self.faults.add(where, f"{self.value.type_.name} has no member `{member}`", self.value.address_)
            return None
        try:
            return self.value.member_(member)
        except MemoryFault as fault:
            self.faults.add(where, f"unreadable: {fault.reason}", fault.address)
            return None

    def _read(self, member: str, field: str | None, read: Callable[[Value], T], default: T) -> T:
        where = self.where(field or member)
        value = self._member(member, where)
        if value is None:
            return default
        try:
            return read(value)
        except MemoryFault as fault:
            self.faults.add(where, f"unreadable: {fault.reason}", fault.address)
        except WrongType as wrong:
            self.faults.add(where, f"member `{member}`: {wrong}", value.address_)
        return default

    def _address(self, member: str) -> int | None:
        return self.value.member_(member).address_ if self.value.has_(member) else None
