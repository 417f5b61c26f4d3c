"""What makes a class of the vocabulary: a frozen, slotted dataclass that is made quickly.

`dataclasses.dataclass` looks at each field and compiles six methods for each class, and there are a hundred
classes: that would be most of what a command does before its first packet. Here all share methods that go
by the list of fields, and what `dataclasses` knows a class by is made when it is asked for.
`dataclasses.fields`, `replace`, `asdict` and `is_dataclass` work as with any dataclass.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, NoReturn, TypeVar, cast, dataclass_transform

T = TypeVar("T")

_set = object.__setattr__


class _Fields:
    """Stands for `__dataclass_fields__` until it is asked for, then gives way to it."""

    def __get__(self, instance: object, owner: type[Record]) -> dict[str, dataclasses.Field[Any]]:
        body = {"__module__": owner.__module__, "__annotations__": dict(owner._hints), **owner._defaults}
        like: type[Any] = dataclasses.dataclass(init=False, repr=False, eq=False)(type("Like", (), body))
        fields: dict[str, dataclasses.Field[Any]] = like.__dataclass_fields__
        owner.__dataclass_fields__ = fields
        return fields


class Record:
    """The base of all classes that `record` makes: equal by class and fields, hashable, not to be changed."""

    __slots__ = ()

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]
    __match_args__: ClassVar[tuple[str, ...]]
    _hints: ClassVar[Mapping[str, Any]] = {}
    _defaults: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, *values: object, **named: object) -> None:
        """Fields by position, then by name; TypeError for one that lacks, is unknown or is given twice."""
        names = self.__match_args__
        if len(values) > len(names):
            raise TypeError(f"{type(self).__name__} has {len(names)} fields, {len(values)} were given")
        for name, value in zip(names, values, strict=False):
            _set(self, name, value)
        for name in names[len(values) :]:
            if name in named:
                value = named.pop(name)
            elif name in self._defaults:
                value = self._defaults[name]
            else:
                raise TypeError(f"{type(self).__name__} needs a value for `{name}`")
            _set(self, name, value)
        if named:
            raise TypeError(f"{type(self).__name__} takes no `{next(iter(named))}`, or has it already")

    def _values(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__match_args__)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
        return f"{type(self).__name__}({shown})"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")

    def __reduce__(self) -> tuple[type[Record], tuple[object, ...]]:
        return type(self), self._values()


@dataclass_transform(frozen_default=True)
def record(cls: type[T]) -> type[T]:
    """Make a subclass of `Record` a frozen, slotted dataclass. Defaults are plain values, no factories."""
    body: dict[str, Any] = dict(cls.__dict__)
    own: Mapping[str, Any] = body.get("__annotations__", {})
    defaults = {name: body.pop(name) for name in own if name in body}
    base = cast(type[Record], cls.__base__)
    for name in ("__dict__", "__weakref__"):
        body.pop(name, None)
    hints = {**base._hints, **own}
    body |= {
        "__slots__": tuple(own),
        "__match_args__": tuple(hints),
        "__dataclass_fields__": _Fields(),
        "_hints": hints,
        "_defaults": {**base._defaults, **defaults},
    }
    made = cast(type[T], type(cls.__name__, cls.__bases__, body))
    made.__qualname__ = cls.__qualname__
    return made
