"""Views with numbers that no guest should have."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

ABSURD = (0, -1, (1 << 64) - 1, -(1 << 63), 1 << 60)


def absurd(value: Any, numbers: Iterator[int]) -> Any:
    """`value` with the next of `numbers` in place of each number."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [f.name for f in dataclasses.fields(value) if f.name not in ("provenance", "faults")]
        return dataclasses.replace(value, **{name: absurd(getattr(value, name), numbers) for name in fields})
    if isinstance(value, tuple):
        return tuple(absurd(item, numbers) for item in value)
    return next(numbers) if isinstance(value, int) and not isinstance(value, bool) else value
