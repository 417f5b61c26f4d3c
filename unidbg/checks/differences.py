"""What changed between two snapshots: views compared field by field."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from unidbg.views.base import Absent, Provenance, View
from unidbg.views.forensics import BlockGroup, Difference, GroupGrowth

Views = Mapping[str, View | Absent]
MISSING = "-"
"""What stands for a field that the other side does not have."""


def differences(before: Views, after: Views) -> tuple[Difference, ...]:
    """All fields that differ, in the order of the views."""
    found: list[Difference] = []
    for name in dict.fromkeys([*before, *after]):
        old, new = (dict(_leaves(side.get(name))) for side in (before, after))
        for path in dict.fromkeys([*old, *new]):
            if old.get(path, MISSING) != new.get(path, MISSING):
                found.append(_difference(name, path, old.get(path, MISSING), new.get(path, MISSING)))
    return tuple(found)


def grown(found: Sequence[Difference]) -> tuple[Difference, ...]:
    """Those that are numbers and became more, the most first."""
    return tuple(sorted((d for d in found if (d.delta or 0) > 0), key=lambda d: -(d.delta or 0)))


def group_growth(before: Sequence[BlockGroup], after: Sequence[BlockGroup]) -> tuple[GroupGrowth, ...]:
    """Groups of live blocks that became more, the most bytes first."""
    known = {_identity(group): group.count for group in before}
    more = [
        GroupGrowth(group.size_bytes, group.call_site, count, count * group.size_bytes)
        for group in after
        if (count := group.count - known.get(_identity(group), 0)) > 0
    ]
    return tuple(sorted(more, key=lambda group: -group.bytes))


def _identity(group: BlockGroup) -> tuple[int, str, int]:
    site = group.call_site
    return group.size_bytes, site.symbol or hex(site.address) if site else "", site.offset if site else 0


def _difference(view: str, path: str, old: object, new: object) -> Difference:
    counts = all(isinstance(value, int) and not isinstance(value, bool) for value in (old, new))
    return Difference(view, path, _text(old), _text(new), int(str(new)) - int(str(old)) if counts else None)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """(path, value) of what is no list and no object. Elements with names of their own go by them."""
    if isinstance(value, Absent):
        yield f"{path}.absent".lstrip("."), value.reason
    elif isinstance(value, tuple):
        for key, item in zip(_keys(value), value, strict=True):
            yield from _leaves(item, f"{path}.{key}".lstrip("."))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type | Provenance):
        head = {"provenance", "faults"} if isinstance(value, View) else set()
        for field in dataclasses.fields(value):
            if field.name not in head:
                yield from _leaves(getattr(value, field.name), f"{path}.{field.name}".lstrip("."))
    elif value is not None or path:
        yield path, value


def _keys(items: tuple[object, ...]) -> list[str]:
    names = [str(getattr(item, "name", "")) for item in items]
    return names if len(set(names)) == len(names) and all(names) else [str(n) for n in range(len(items))]
