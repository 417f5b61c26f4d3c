"""What a peer looks like that does not speak RSP, by the first bytes it sends."""

from __future__ import annotations

from unidbg.rsp.replies import as_text

_SIGNS: tuple[tuple[bytes, str], ...] = (
    (b"SSH-", "an SSH server"),
    (b"HTTP/", "an HTTP server"),
    (b"<!DOCTYPE", "an HTTP server"),
    (b"<html", "an HTTP server"),
    (b'{"QMP"', "a QMP socket of QEMU (give it as qmp:PATH)"),
    (b"QEMU ", "QEMU's monitor"),
    (b"RFB ", "a VNC server"),
    (b"\x15\x03", "a TLS server"),
    (b"-ERR", "a Redis server"),
    (b"\xff\xfb", "a telnet server"),
    (b"\xff\xfd", "a telnet server"),
    (b"220 ", "a mail or FTP server"),
    (b"AMQP", "an AMQP server"),
    (b"{", "a JSON service (LLDB's DAP, a language server?)"),
    (b"Content-Length:", "a debug adapter (DAP), not a stub"),
)

SHOWN = 40


def looks_like(head: bytes) -> str:
    """What a peer that began with `head` is, in words."""
    text = head.lstrip(b"\r\n+")
    for sign, what in _SIGNS:
        if text.startswith(sign):
            return what
    return "the guest's console" if _is_text(text) else "something else"


def _is_text(head: bytes) -> bool:
    plain = sum(1 for code in head if 0x20 <= code < 0x7F or code in b"\r\n\t\x1b")
    return bool(head) and plain >= 0.9 * len(head)


def not_rsp(name: str, head: bytes) -> str:
    """The message for a peer that is not a stub."""
    return (
        f"{name} does not speak the GDB remote protocol: it looks like {looks_like(head)} "
        f"(it sent '{as_text(head, SHOWN)}'). Give the port of a stub: `unidbg ls` lists guests and lines"
    )
