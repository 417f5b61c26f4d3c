"""Close names for an error message: what the user may have meant."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_COMPARED = 3000


def nearest(name: str, names: Iterable[str], count: int = 3) -> tuple[str, ...]:
    """Up to `count` names: other case first, then beginning or containing it, then by similarity."""
    folded = name.casefold()
    same: dict[str, None] = {}
    partly: dict[str, None] = {}
    similar: dict[str, None] = {}
    for other in names:
        low = other.casefold()
        if low == folded:
            same[other] = None
        elif low.startswith(folded) or (len(folded) > 3 and folded in low):
            partly[other] = None
        elif low[:1] == folded[:1] and abs(len(low) - len(folded)) <= 2 and len(similar) < _MOST_COMPARED:
            similar[other] = None
    found = list(same) + sorted(partly, key=lambda other: (len(other), other))
    if len(found) < count:
        found += _by_similarity(name, similar, count)
    return tuple(found[:count])


def _by_similarity(name: str, names: Iterable[str], count: int) -> list[str]:
    from difflib import get_close_matches  # seldom needed: only on the way to an error

    return get_close_matches(name, names, count, 0.6)


def did_you_mean(names: tuple[str, ...]) -> str:
    """`; did you mean a, b?`, or nothing."""
    return f"; did you mean {', '.join(names)}?" if names else ""
