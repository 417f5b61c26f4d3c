"""The table of keys as bindings of Textual."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from unidbg_tui.keys import KEYS

OURS = {key.action.partition("(")[0] for keys in KEYS.values() for key in keys} | {"view_number"}
"""Actions of single keys, which mean something else while a line is typed or a box is open."""


def bindings() -> list[BindingType]:
    """The keys of the table, with priority: what is typed ahead of a slow screen acts in its order."""
    return [
        Binding(
            key.keys,
            key.action,
            key.label or key.says,
            show=bool(key.label),
            key_display=key.display,
            priority=True,
        )
        for keys in KEYS.values()
        for key in keys
        if key.action
    ]
