"""Numbers with units as people write them: `1 MiB`, `50 ms`, `5 %`."""

from __future__ import annotations

import re

BYTES = {"B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
NANOSECONDS = {"ns": 1, "us": 1000, "µs": 1000, "ms": 1_000_000, "s": 1_000_000_000, "min": 60_000_000_000}
_TEXT = re.compile(r"(-?\d+(?:_\d+)*(?:\.\d+)?)\s*([A-Za-zµ%]*)")


class NoQuantity(ValueError):
    """The text is no number with a unit; the message says what would be one."""


def quantity(value: object, path: str) -> int:
    """`value` in the unit of the field at `path`: bytes, nanoseconds, or as it is."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise NoQuantity(f'{value!r} is no number; write 4096 or "4 KiB"')
    found = _TEXT.fullmatch(value.strip())
    if found is None:
        raise NoQuantity(f'{value!r} is no number with a unit; write "4 KiB" or "50 ms"')
    factor = _factor(found[2], path)
    number = found[1].replace("_", "")
    return round(float(number) * factor) if "." in number else int(number) * factor


def _factor(unit: str, path: str) -> int:
    """How many of the field's own units; NoQuantity where they do not go together."""
    units = _units(path)
    if unit in ("", "%") and (unit == "" or path.endswith("_percent")):
        return 1
    if unit not in units:
        known = ", ".join(units) or "no unit"
        raise NoQuantity(f"{unit!r} does not go with {path}; it takes {known}")
    return units[unit]


def _units(path: str) -> dict[str, int]:
    name = path.rsplit(".", 1)[-1]
    if name.endswith("_ns"):
        return NANOSECONDS
    return BYTES if name == "bytes" or name.endswith("_bytes") else {}
