"""Gives views their provenance: how long the guest stood is known only after they were decoded."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TypeVar

from unidbg.views.base import Absent, Provenance, View

V = TypeVar("V", bound="View | Absent")


def with_provenance(view: V, provenance: Provenance) -> V:
    """The same view, and the views inside it, with another provenance."""
    changes: dict[str, object] = {"provenance": provenance}
    for field in fields(view):
        part = getattr(view, field.name)
        if isinstance(part, View | Absent):
            changes[field.name] = with_provenance(part, provenance)
    return replace(view, **changes)  # type: ignore[arg-type]
