"""Names with scopes, as C++ and Rust write them."""

from __future__ import annotations


def split_scopes(name: str) -> list[str]:
    """`a::b<c::d>::e` at the `::` that are not inside brackets."""
    if "::" not in name:
        return [name]
    parts, depth, start, at = [], 0, 0, 0
    while at < len(name):
        character = name[at]
        if character in "<({[":
            depth += 1
        elif character in ">)}]":
            depth -= 1
        elif depth <= 0 and name.startswith("::", at):
            parts.append(name[start:at])
            at += 1
            start = at + 1
        at += 1
    parts.append(name[start:])
    return [part for part in parts if part] or [name]
