"""C declarations: a name inside the spelling of a type."""

from __future__ import annotations


def declare(spelling: str, name: str) -> str:
    """A declaration in C: the name goes inside a function pointer and before the brackets of an array."""
    star = spelling.find("(*")
    if star >= 0:
        inside = star + 1
        while spelling.startswith(("*", "(*"), inside):
            inside += 1
        return spelling[:inside] + name + spelling[inside:]
    bracket = spelling.find("[")
    if bracket >= 0:
        return f"{declare(spelling[:bracket].rstrip(), name)}{spelling[bracket:]}"
    return spelling + name if spelling.endswith("*") else f"{spelling} {name}".rstrip()
