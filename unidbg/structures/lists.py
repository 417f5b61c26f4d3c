"""Linked lists: NULL-ended, circular, and intrusive with a list head.

Each walk has a cycle guard and a cap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from unidbg_symbols import types as t

from unidbg.errors import MemoryFault
from unidbg.program.value import Value, WrongType
from unidbg.structures.faults import Faults

MAX_NODES = 4096


def follow(
    first: int,
    next_of: Callable[[int], int],
    faults: Faults,
    where: str,
    *,
    end: int = 0,
    cap: int = MAX_NODES,
) -> Iterator[int]:
    """Addresses of nodes from `first` until `end` or NULL; a cycle, a bad pointer or the cap is a fault.

    A list that comes back to its own first node is circular by design, and no fault.
    """
    seen: set[int] = set()
    at = first
    while at not in (0, end):
        if at == first and seen:
            return
        if at in seen:
            return faults.add(where, f"the list runs in a circle after {len(seen)} nodes", at)
        if len(seen) >= cap:
            return faults.add(where, f"the list has more than {cap} nodes: the rest is left out", at)
        seen.add(at)
        try:
            following = next_of(at)
        except MemoryFault as fault:
            return faults.add(f"{where}[{len(seen) - 1}]", f"the node is unreadable: {fault.reason}", at)
        yield at
        at = following


def linked(head: Value, link: str, faults: Faults, where: str, *, cap: int = MAX_NODES) -> Iterator[Value]:
    """The nodes of a list that ends in NULL or comes back to its first node.

    `head` is the pointer to the first node; `link` names the member that points to the next.
    """
    proto = head.deref_()
    for at in follow(head.int_(), _next(proto, link), faults, where, cap=cap):
        yield Value(head.memory_, proto.type_, at)


def intrusive(
    head: Value, node_type: t.Type, member: str, faults: Faults, where: str, *, cap: int = MAX_NODES
) -> Iterator[Value]:
    """The nodes of type `node_type` that hang by their `member` (a struct with `next`) on the circular list
    `head`.
    """
    plain = t.strip(node_type)
    if not isinstance(plain, t.StructType) or member not in plain:
        raise WrongType(f"{node_type.name} has no list member `{member}`")
    if head.address_ is None:
        raise WrongType("a list head lies in memory")
    offset = plain.member(member).offset
    next_of = _next(head, "next")
    for at in follow(head.next.int_(), next_of, faults, where, end=head.address_, cap=cap):
        yield Value(head.memory_, node_type, at - offset)


def _next(proto: Value, link: str) -> Callable[[int], int]:
    """Reads the pointer `link` of the node at an address."""
    plain = t.strip(proto.type_)
    if not isinstance(plain, t.StructType) or link not in plain:
        raise WrongType(f"{proto.type_.name} has no member `{link}` to follow")
    member = plain.member(link)
    return lambda at: Value(proto.memory_, member.type, at + member.offset).int_()
