"""A view as JSON: `{schema, view, provenance, data, faults}`, made from the type hints of its class.

Addresses are strings `"0x..."`, counts are integers, a part that is not to be had is `{absent, remedy}`.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import types
import typing
from collections.abc import Callable
from typing import Any

from unidbg.render.escape import escape_bytes
from unidbg.render.faults import all_faults
from unidbg.views.base import Absent, Address, Fault, Provenance, View, Word
from unidbg.views.names import view_name

SCHEMA = 1
"""Raised when a field of a view is removed, renamed or retyped."""

Encoder = Callable[[Any], Any]


def dumps(view: object) -> str:
    """`to_json` as one line of ASCII, safe on any terminal."""
    return json.dumps(to_json(view), separators=(", ", ": ")).replace("\x7f", "\\u007f")


def to_json(view: object) -> dict[str, Any]:
    """The object that `--json` prints for a view, an `Absent` or a report of the host."""
    provenance = getattr(view, "provenance", None)
    return {
        "schema": SCHEMA,
        "view": view_name(view),
        "provenance": None if provenance is None else encoder(Provenance)(provenance),
        "data": _absent(view) if isinstance(view, Absent) else _data_encoder(view)(view),
        "faults": [encoder(Fault)(fault) for fault in all_faults(view)],
    }


def _data_encoder(view: object) -> Encoder:
    hint: Any = type(view)
    return encoder(hint)


def data_fields(cls: type) -> dict[str, Any]:
    """Field names and resolved types of a view's data: all but its head."""
    hints = typing.get_type_hints(cls, include_extras=True)
    head = {"provenance", "faults"} if issubclass(cls, View) else set()
    return {field.name: hints[field.name] for field in dataclasses.fields(cls) if field.name not in head}


@functools.cache
def encoder(hint: Any) -> Encoder:
    """A function that turns a value of this type into what `json` can write."""
    if hint is Address or hint == Word:
        return hex
    if hint is str:
        return escape_bytes
    if hint in (int, bool):
        return lambda value: value
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return _tuple_encoder(arguments[0])
    if origin in (types.UnionType, typing.Union):
        return _union_encoder(arguments)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _absent if hint is Absent else _object_encoder(hint)
    raise TypeError(f"no JSON form for {hint!r}: use the vocabulary of unidbg.views")


def _object_encoder(cls: type) -> Encoder:
    @functools.cache
    def fields() -> tuple[tuple[str, Encoder], ...]:
        return tuple((name, encoder(hint)) for name, hint in data_fields(cls).items())

    return lambda value: {name: encode(getattr(value, name)) for name, encode in fields()}


def _tuple_encoder(element: Any) -> Encoder:
    encode = _late(element)
    return lambda values: [encode(value) for value in values]


def _late(hint: Any) -> Encoder:
    """Resolved at the first value: a type may contain itself (`ValueNode`)."""
    return lambda value: encoder(hint)(value)


def _union_encoder(arguments: tuple[Any, ...]) -> Encoder:
    classes = {
        hint: encoder(hint) for hint in arguments if isinstance(hint, type) and dataclasses.is_dataclass(hint)
    }
    plain = [encoder(hint) for hint in arguments if hint not in classes and hint is not type(None)]

    def encode(value: Any) -> Any:
        if value is None:
            return None
        return classes[type(value)](value) if type(value) in classes else plain[0](value)

    return encode


def _absent(value: Absent) -> dict[str, str]:
    return {"absent": escape_bytes(value.reason), "remedy": escape_bytes(value.remedy)}
