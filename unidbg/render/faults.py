"""What could not be believed, in a view and in the views inside it."""

from __future__ import annotations

from unidbg.views.base import Fault, View


def all_faults(view: object) -> tuple[Fault, ...]:
    """The faults of a view and of the views inside it, the latter with their place in the whole."""
    if not isinstance(view, View):
        return ()
    found = list(view.faults)
    for name in view.__match_args__:
        for fault in all_faults(getattr(view, name)):
            found.append(Fault(f"{name}.{fault.where}".rstrip("."), fault.reason, fault.address))
    return tuple(found)
