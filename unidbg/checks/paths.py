"""JSON paths into views: `heap.allocated_bytes`, `rings.*.stuck`, `devices.uart0.interrupts`.

The first word is the view. A list is gone into by a number, by the name of an element, or by `*` for all.
Where a view has a list of its own name, that name may be left out: `rings.*` is `rings.rings.*`.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Iterator

from unidbg.views.base import Absent, Address, View, Word
from unidbg.views.names import NAMES

Value = str | int | bool | None
READ = (
    "overview", "net", "rings", "cloud", "orchestration", "runtime", "memory", "security", "devices", "boot",
    "app", "heap", "loop", "threads", "log", "blocks", "leaks", "text", "probes",
)  # fmt: skip
"""The views that are read of a guest without a question being asked, so that a path can begin with them."""
CLASSES: dict[str, type] = {name: cls for cls, name in NAMES.items() if name in READ}


class BadPath(ValueError):
    """No view has such a field. `near` are names that are close."""

    def __init__(self, message: str, near: tuple[str, ...] = ()) -> None:
        super().__init__(f"{message}; did you mean {' or '.join(near)}?" if near else message)
        self.near = near


def check_path(path: str) -> str:
    """The path with nothing left out; BadPath where no view can have it."""
    view, *rest = path.split(".")
    if view not in CLASSES:
        raise BadPath(f"there is no view `{view}`", near(view, list(CLASSES)))
    rest = _complete(CLASSES[view], view, rest)
    hint: object = CLASSES[view]
    done = view
    for word in rest:
        hint = _into(hint, word, done)
        done = f"{done}.{word}"
    if typing.get_origin(hint) is tuple:
        raise BadPath(f"`{path}` is a list: ask each of its elements, `{path}.*`")
    if _class_of(hint) is not None:
        names = list(_fields(_class_of(hint)))
        raise BadPath(f"`{path}` is no value but has parts: {', '.join(names[:12])}")
    return ".".join([view, *rest])


def values(view: View | Absent, path: str) -> Iterator[tuple[str, Value]]:
    """(path, value) of all that a complete path means in a view; nothing where an element is not there."""
    name, *rest = path.split(".")
    return _values(view, rest, name)


def _values(value: object, rest: list[str], done: str) -> Iterator[tuple[str, Value]]:
    if not rest:
        if value is None or isinstance(value, str | int):
            yield done, value
        return
    word, left = rest[0], rest[1:]
    if isinstance(value, tuple):
        for key, item in _chosen(value, word):
            yield from _values(item, left, f"{done}.{key}")
    elif value is not None and not isinstance(value, Absent):
        yield from _values(getattr(value, word), left, f"{done}.{word}")


def _chosen(items: tuple[object, ...], word: str) -> list[tuple[str, object]]:
    """Elements of a list: all, that with the number, or those of the name."""
    if word == "*":
        return [(str(number), item) for number, item in enumerate(items)]
    if word.isdigit():
        return [(word, items[int(word)])] if int(word) < len(items) else []
    return [(word, item) for item in items if getattr(item, "name", None) == word]


def _complete(cls: type, view: str, rest: list[str]) -> list[str]:
    fields = _fields(cls)
    if rest and rest[0] not in fields and view in fields and typing.get_origin(fields[view]) is tuple:
        return [view, *rest]
    return rest


def _into(hint: object, word: str, done: str) -> object:
    """The type of part `word` of a type; BadPath where it has none."""
    if typing.get_origin(hint) is tuple:
        element: object = typing.get_args(hint)[0]
        named = _class_of(element) is not None and "name" in _fields(_class_of(element))
        if word != "*" and not word.isdigit() and not named:
            raise BadPath(f"`{done}` is a list: go into it by a number or *, not by `{word}`")
        return element
    cls = _class_of(hint)
    if cls is None:
        raise BadPath(f"`{done}` is a value and has no part `{word}`")
    fields = _fields(cls)
    if word not in fields:
        raise BadPath(f"`{done}` has no field `{word}`", near(word, list(fields)))
    return fields[word]


def _class_of(hint: object) -> type | None:
    """The record behind a type, through `| None` and `| Absent`."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        found = [cls for one in typing.get_args(hint) if (cls := _class_of(one)) is not None]
        return next((cls for cls in found if cls is not Absent), None)
    if hint is Address or hint == Word:
        return None
    return hint if isinstance(hint, type) and dataclasses.is_dataclass(hint) else None


@functools.cache
def _hints(cls: type) -> dict[str, object]:
    hints = typing.get_type_hints(cls, include_extras=True)
    head = {"provenance", "faults"} if issubclass(cls, View) else set()
    return {field.name: hints[field.name] for field in dataclasses.fields(cls) if field.name not in head}


def _fields(cls: type | None) -> dict[str, object]:
    return {} if cls is None else _hints(cls)


def near(word: str, known: list[str]) -> tuple[str, ...]:
    from difflib import get_close_matches

    return tuple(get_close_matches(word, known, n=2, cutoff=0.5))
