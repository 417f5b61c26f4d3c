"""`qXfer:memory-map`: what a stub says of its memory. Source: GDB manual, "Memory Map Format"."""

from __future__ import annotations

from collections.abc import Sequence

from unidbg.rsp.xml import Node, XmlError, parse_xml
from unidbg.target.base import MemoryRegion

PERMISSIONS = {"ram": "rwx", "rom": "r-x", "flash": "r-x"}
MAX_REGIONS = 4096


def parse_memory_map(document: bytes) -> Sequence[MemoryRegion]:
    """The regions of a memory map, empty where it is damaged: it is a hint, nothing depends on it."""
    try:
        root = parse_xml(document)
    except XmlError:
        return ()
    regions = [_region(node) for node in root.all("memory")[:MAX_REGIONS]]
    return tuple(region for region in regions if region is not None)


def _region(node: Node) -> MemoryRegion | None:
    start, length = _number(node, "start"), _number(node, "length")
    if start is None or not length or start + length > 1 << 64:
        return None
    permissions = node.attributes.get("permissions") or PERMISSIONS.get(node.attributes.get("type", ""), "")
    return MemoryRegion(start, start + length, permissions)


def _number(node: Node, name: str) -> int | None:
    try:
        return int(node.attributes.get(name, ""), 0)
    except ValueError:
        return None
