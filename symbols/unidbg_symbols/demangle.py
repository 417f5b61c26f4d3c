"""Readable names of C++ and Rust symbols.

C++ goes through cxxfilt where it is installed (it asks libstdc++); without it the mangled name is shown.
Rust's own schemes are ours: v0, and the older one that looks like C++ with a hash at the end.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST = 4096
_LEGACY_ESCAPES = {
    "SP": "@", "BP": "*", "RF": "&", "LT": "<", "GT": ">", "LP": "(", "RP": ")", "C": ",",
}  # fmt: skip
_HASH = 17  # 'h' and 16 digits
_known: dict[str, str] = {}
_MOST_KNOWN = 1 << 16


def demangle(name: str) -> str:
    """The name as its language writes it; the name itself where it is not mangled or cannot be read."""
    if not name.startswith(("_Z", "_R", "__Z", "__R")) or len(name) > _LONGEST:
        return name
    found = _known.get(name)
    if found is None:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        found = _known[name] = _demangle(name)
    return found


def _demangle(name: str) -> str:
    if name.startswith(("_R", "__R")):
        from unidbg_symbols.rust_v0 import NotMangled, demangle_v0

        try:
            return demangle_v0(name)
        except NotMangled:
            return name
    return _rust_legacy(name) or _cxx(name)


def _rust_legacy(name: str) -> str:
    """`_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE` -> `core::fmt::Write::write_fmt`."""
    if not name.isascii():
        return ""
    start = name.find("_ZN") + 3
    parts = _parts(name, start)
    if len(parts) < 2 or len(parts[-1]) != _HASH or not parts[-1].startswith("h"):
        return ""
    if any(digit not in "0123456789abcdef" for digit in parts[-1][1:]):
        return ""
    return "::".join(_unescaped(part) for part in parts[:-1])


def _parts(name: str, at: int) -> list[str]:
    """The length-prefixed parts of a nested name, up to its E."""
    parts: list[str] = []
    while at < len(name) and name[at] != "E":
        start = at
        while at < len(name) and name[at].isdigit():
            at += 1
        size = int(name[start:at]) if 0 < at - start <= 5 else 0
        if not size or at + size > len(name):
            return []
        parts.append(name[at : at + size])
        at += size
    return parts if at < len(name) else []


def _unescaped(part: str) -> str:
    part = part.removeprefix("_") if part.startswith("_$") else part
    pieces = part.replace("..", "::").split("$")
    for number in range(1, len(pieces), 2):
        pieces[number] = _escape(pieces[number])
    return "".join(pieces)


def _escape(text: str) -> str:
    if text in _LEGACY_ESCAPES:
        return _LEGACY_ESCAPES[text]
    digits = text[1:]
    if text.startswith("u") and digits and all(digit in "0123456789abcdef" for digit in digits):
        value = int(digits, 16)
        return chr(value) if 0x20 <= value < 0x110000 else f"${text}$"
    return f"${text}$"


def _cxx(name: str) -> str:
    demangler = _cxxfilt()
    return demangler(name) if demangler else name


def _cxxfilt() -> Callable[[str], str] | None:
    """cxxfilt's function, None where it is not installed or finds no libstdc++."""
    try:
        import cxxfilt  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except (ImportError, OSError):
        return None

    def demangled(name: str) -> str:
        try:
            return str(cxxfilt.demangle(name))
        except cxxfilt.Error:
            return name

    return demangled
