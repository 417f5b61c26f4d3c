"""JSON paths of what a view holds: `timers.0.deadline_ns`, as `--json` prints it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from unidbg.views.base import Absent, Provenance, View

Leaf = str | int | bool | None


def leaves(view: object, path: str = "") -> Iterator[tuple[str, Leaf]]:
    """(path, value) of everything that is no list and no object, in the order of the fields.

    The head of a view (provenance, faults) is left out; a part that is absent gives its reason at
    `PATH.absent`.
    """
    if isinstance(view, Absent):
        yield _join(path, "absent"), view.reason
    elif isinstance(view, tuple):
        for index, item in enumerate(view):
            yield from leaves(item, _join(path, str(index)))
    elif dataclasses.is_dataclass(view) and not isinstance(view, type | Provenance):
        head = {"provenance", "faults"} if isinstance(view, View) else set()
        for field in dataclasses.fields(view):
            if field.name not in head:
                yield from leaves(getattr(view, field.name), _join(path, field.name))
    elif view is None or isinstance(view, str | int):
        yield path, view


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
