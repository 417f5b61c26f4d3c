"""A stop reply as a sentence."""

from __future__ import annotations

from dataclasses import replace

from unidbg.rsp.replies import as_text, is_hex
from unidbg.rsp.stop import SIGNAL_NAMES, StopReply
from unidbg.rsp.threads import plain_thread_id
from unidbg.rsp.unidbgstub import StubStop
from unidbg.target.base import StopReason

_SIGNAL_KINDS = {0: "unknown", 2: "interrupt", 17: "interrupt"}
_SENTENCES = {
    "swbreak": ("breakpoint", "a breakpoint was hit"),
    "hwbreak": ("breakpoint", "a hardware breakpoint was hit"),
    "watch": ("watchpoint", "a watched value was written"),
    "rwatch": ("watchpoint", "a watched value was read"),
    "awatch": ("watchpoint", "a watched value was accessed"),
}


def explain(reply: StopReply, *, stepping: bool = False, breakpoints: bool = False) -> StopReason:
    """The reason in words. `stepping` and `breakpoints` tell a bare SIGTRAP apart."""
    reply = replace(reply, thread=plain_thread_id(reply.thread))
    if reply.kind == "exited":
        return StopReason(reply.thread, reply.signal, "exited", f"the guest ended with code {reply.signal}")
    if reply.kind == "terminated":
        name = SIGNAL_NAMES.get(reply.signal, f"signal {reply.signal}")
        return StopReason(reply.thread, reply.signal, "exited", f"the guest was ended by {name}")
    if reply.reason in _SENTENCES:
        kind, text = _SENTENCES[reply.reason]
        where = "" if reply.address is None else f" at {reply.address:#x}"
        return StopReason(reply.thread, reply.signal, kind, text + where)
    return _by_signal(reply, stepping, breakpoints)


_STUB_KINDS = {
    "attach": ("interrupt", "stopped by the debugger"),
    "interrupt": ("interrupt", "stopped by the debugger"),
    "breakpoint": ("breakpoint", "a breakpoint was hit"),
    "step": ("step", "one instruction was stepped"),
    "watchpoint": ("watchpoint", "a watched value was accessed"),
    "exception": ("exception", "an exception"),
    "panic": ("exception", "the guest panicked"),
    "halt": ("exception", "the guest called the stub"),
}


def explain_stub(stop: StubStop, reply: StopReply) -> StopReason:
    """The reason as our own stub tells it, `reply` being the stop reply of the same stop."""
    plain = explain(reply)
    kind, text = _STUB_KINDS.get(stop.kind, (plain.kind, plain.text))
    if kind == "interrupt" or reply.address is not None:
        return StopReason(plain.thread, stop.signal, kind, text if kind == "interrupt" else plain.text)
    told = "" if stop.text == stop.kind else as_text(stop.text.encode(), 200)
    return StopReason(plain.thread, stop.signal, kind, told or text)


def _by_signal(reply: StopReply, stepping: bool, breakpoints: bool) -> StopReason:
    told = _own_words(reply)
    if reply.signal == 5:
        kind, text = _trap(stepping, breakpoints)
    elif reply.signal in _SIGNAL_KINDS:
        kind, text = _SIGNAL_KINDS[reply.signal], "stopped by the debugger" if reply.signal else "stopped"
    else:
        kind, text = "exception", SIGNAL_NAMES.get(reply.signal, f"signal {reply.signal}")
    return StopReason(reply.thread, reply.signal, kind, told or text)


def _trap(stepping: bool, breakpoints: bool) -> tuple[str, str]:
    if stepping:
        return "step", "one instruction was stepped"
    if breakpoints:
        return "breakpoint", "a breakpoint was hit"
    return "unknown", "stopped (SIGTRAP)"


def _own_words(reply: StopReply) -> str:
    """LLDB's `description` and our stub's: hexadecimal text in the stop reply."""
    digits = reply.extra.get("description", "").encode("latin-1")
    if not is_hex(digits) or len(digits) % 2:
        return ""
    return as_text(bytes.fromhex(digits.decode("ascii")), 200)
