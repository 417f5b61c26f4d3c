"""The base of the engine's value objects: slots, equality and repr without the cost of importing dataclasses.

Fields are declared `Final`, so that type checkers refuse assignment; nothing in the engine changes a record.
"""

from __future__ import annotations


class Record:
    """Compared and shown by its slots, in their order."""

    __slots__: tuple[str, ...] = ()

    def _values(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={_show(name, getattr(self, name))}" for name in self.__slots__)
        return f"{type(self).__name__}({fields})"


_ADDRESSES = frozenset({"address", "addr", "vaddr", "paddr", "low", "high", "start", "end"})


def _show(name: str, value: object) -> str:
    if name in _ADDRESSES and isinstance(value, int):
        return hex(value)
    return repr(value)
