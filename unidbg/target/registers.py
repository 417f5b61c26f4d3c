"""Registers by name, through whatever layout the stub has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from unidbg.errors import RegisterUnavailable, RemoteProtocolError, TargetError
from unidbg.rsp.layouts import layout_for_size
from unidbg.rsp.registers import RegisterLayout, RegisterSpec, parse_g, parse_register
from unidbg.rsp.replies import error_text, is_error
from unidbg.target.handshake import fetch_layout
from unidbg.target.link import require

if TYPE_CHECKING:
    from unidbg.target.rsptarget import RspTarget

EXTRA = 64
"""Registers beyond `g` that are fetched one by one (`p`), at most."""


class RspRegisters:
    """The registers of each thread, kept for one stop."""

    def __init__(self, target: RspTarget) -> None:
        self._target = target
        self._known: dict[str, dict[str, int | None]] = {}
        self._generation = -1

    def read(self, thread: str) -> Mapping[str, int | None]:
        """All registers of a thread (`""`: the one that stopped); `None` for one that is unavailable."""
        with self._target.run.stopped():
            self._refresh()
            thread = thread or self._target.current_thread
            if thread not in self._known:
                self._known[thread] = self._fetch(thread)
            return dict(self._known[thread])

    def group(self, name: str) -> str:
        """The group of a register: `general`, `segment`, `sse` ..., `""` if it is not known."""
        spec = self.layout.by_name.get(name)
        return spec.group if spec else ""

    def size(self, name: str) -> int:
        """Bytes of a register, 0 if it is not known."""
        spec = self.layout.by_name.get(name)
        return spec.size if spec else 0

    def write(self, thread: str, name: str, value: int) -> None:
        """Set one register of one thread."""
        with self._target.run.stopped():
            spec = self.layout.by_name.get(name)
            if spec is None:
                raise RegisterUnavailable(name, "there is no such register")
            digits = self.layout.raw(spec, value).hex().encode("ascii")
            reply = self._ask(thread, b"P%x=%b" % (spec.number, digits))
            if not reply:
                reply = self._write_all(thread, spec, digits)
            self._known.clear()
            if reply != b"OK":
                raise TargetError(f"register {name}: {error_text(reply)}")

    def _write_all(self, thread: str, spec: RegisterSpec, digits: bytes) -> bytes:
        """`g`, one register replaced, `G`: gdbserver and Solo5 have no `P`."""
        block = self._ask(thread, b"g")
        before = 2 * sum(other.size for other in self.layout.registers if other.number < spec.number)
        require(before + len(digits) <= len(block), f"writing of register {spec.name}")
        reply = self._ask(thread, b"G" + block[:before] + digits + block[before + len(digits) :])
        require(bool(reply), "writing of registers")
        return reply

    @property
    def layout(self) -> RegisterLayout:
        """The layout: as the stub describes it, else as the size of `g` tells."""
        stub = self._target.stub
        if stub.layout is None:
            with self._target.run.stopped():
                stub.layout = fetch_layout(self._target.link, stub) or _guess_layout(self._ask("", b"g"))
        return stub.layout

    def _refresh(self) -> None:
        if self._generation != self._target.generation:
            self._known.clear()
            self._generation = self._target.generation

    def _fetch(self, thread: str) -> dict[str, int | None]:
        reply = self._ask(thread, b"g")
        if not reply or is_error(reply):
            raise TargetError(
                f"registers of thread {thread}: {error_text(reply) if reply else 'not offered'}"
            )
        layout = self.layout
        values = parse_g(reply, layout)
        self._fetch_rest(layout, values)
        return values

    def _fetch_rest(self, layout: RegisterLayout, values: dict[str, int | None]) -> None:
        """Registers that the description has and `g` does not carry."""
        rest = [spec for spec in layout.registers if spec.name not in values][:EXTRA]
        replies = self._target.link.request_many([b"p%x" % spec.number for spec in rest])
        for spec, reply in zip(rest, replies, strict=True):
            known = bool(reply) and not is_error(reply)
            values[spec.name] = parse_register(reply, layout) if known else None

    def _ask(self, thread: str, packet: bytes) -> bytes:
        before = self._target.selection.packets(thread or self._target.current_thread)
        return self._target.link.request_many([*before, packet])[-1]


def _guess_layout(reply: bytes) -> RegisterLayout:
    layout = layout_for_size(len(reply) // 2)
    if layout is None:
        raise RemoteProtocolError(
            f"the stub describes no registers and sends {len(reply) // 2} bytes of them: no known layout"
        )
    return layout
