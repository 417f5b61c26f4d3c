"""Probes of registers."""

from __future__ import annotations

from unidbg.conform.guest import PC, Guest
from unidbg.conform.outcome import YES, Outcome, judged, no, probe, untested, wrong, yes
from unidbg.rsp.registers import RegisterLayout, parse_description
from unidbg.rsp.replies import is_error, is_hex
from unidbg.target.handshake import fetch_document

REGISTERS = "registers"
SPARE = {"x86_64": "rbx", "i386": "ebx", "aarch64": "x19", "riscv64": "s1", "arm": "r4"}
"""A register that is written and put back."""


@probe(REGISTERS, "g: all", required=True)
def read_all(guest: Guest) -> Outcome:
    reply = guest.ask(b"g")
    return judged(reply, is_hex(reply.replace(b"x", b"0")) and len(reply) % 2 == 0, "hexadecimal")


def _described(guest: Guest) -> RegisterLayout | None:
    """The layout of target.xml and what it includes, `None` where there is none."""
    if "qXfer:features:read" not in guest.features:
        return None
    link, stub = guest.target.link, guest.target.stub
    document = fetch_document(link, stub, "features", "target.xml")
    if document is None:
        return None
    return parse_description(document, lambda annex: fetch_document(link, stub, "features", annex))


@probe(REGISTERS, "target.xml describes them")
def described(guest: Guest) -> Outcome:
    layout = _described(guest)
    if layout is None:
        return no()
    return yes(f"{len(layout.registers)} registers of {layout.architecture}")


@probe(REGISTERS, "g agrees with the description")
def agrees(guest: Guest) -> Outcome:
    layout = _described(guest)
    if layout is None:
        return untested("there is no description")
    got = len(guest.ask(b"g")) // 2
    return YES if got <= layout.size else wrong(f"{got} bytes, more than the {layout.size} described")


@probe(REGISTERS, "the thread's pc and stack are known", required=True)
def pc_and_sp(guest: Guest) -> Outcome:
    return YES if guest.pc is not None and guest.sp is not None else no()


@probe(REGISTERS, "p: one")
def read_one(guest: Guest) -> Outcome:
    spec = _spec(guest, PC.get(guest.architecture, "pc"))
    if spec is None or guest.pc is None:
        return untested("the pc is not known")
    layout = guest.target.registers.layout
    reply = guest.ask(b"p%x" % layout.by_name[spec].number)
    return judged(reply, reply == layout.raw(layout.by_name[spec], guest.pc).hex().encode(), "the pc")


@probe(REGISTERS, "P: write one")
def write_one(guest: Guest) -> Outcome:
    name = _spec(guest, SPARE.get(guest.architecture, ""))
    before = guest.registers.get(name or "")
    if name is None or before is None:
        return untested("no register to try it on")
    layout = guest.target.registers.layout
    spec = layout.by_name[name]
    old, new = (layout.raw(spec, value).hex().encode() for value in (before, before ^ 0x55))
    reply = guest.ask(b"P%x=%b" % (spec.number, new))
    if reply != b"OK":
        return no() if not reply or is_error(reply) else wrong("OK expected")
    seen = guest.ask(b"g")
    back = guest.ask(b"P%x=%b" % (spec.number, old))
    position = 2 * sum(other.size for other in layout.registers if other.number < spec.number)
    changed = seen[position : position + len(new)] == new
    return YES if changed and back == b"OK" else wrong("what was written cannot be read back")


@probe(REGISTERS, "G: write all")
def write_all(guest: Guest) -> Outcome:
    block = guest.ask(b"g")
    if not block or is_error(block):
        return untested("they cannot be read")
    reply = guest.ask(b"G" + block)
    return judged(reply, reply == b"OK" and guest.ask(b"g") == block, "OK and no change")


def _spec(guest: Guest, name: str) -> str | None:
    return name if guest.registers and name in guest.target.registers.layout.by_name else None
