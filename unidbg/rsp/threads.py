"""Thread ids and thread lists, in the three forms that stubs offer.

Source: GDB manual, "Packets" (thread-id syntax), `qfThreadInfo`, `qThreadExtraInfo`, "Thread List Format".
"""

from __future__ import annotations

import re

from unidbg.errors import RemoteProtocolError
from unidbg.rsp.replies import as_text
from unidbg.rsp.xml import XmlError, parse_xml
from unidbg.views.record import Record, record

_THREAD_ID = re.compile(r"p(?:-1|[0-9a-f]+)(?:\.(?:-1|[0-9a-f]+))?|-1|[0-9a-f]+", re.IGNORECASE)

MAX_THREADS = 65536


@record
class ThreadEntry(Record):
    """One thread of `qXfer:threads:read`."""

    id: str
    name: str = ""
    core: int | None = None
    detail: str = ""


def valid_thread_id(text: str) -> bool:
    """`1f`, `p1.1f`, `p1`, `-1`."""
    return _THREAD_ID.fullmatch(text) is not None


def same_thread(one: str, other: str) -> bool:
    """Whether two ids name one thread: `01` and `1` do, and `p1.1` and `1` on a stub with one process."""
    return thread_key(one) == thread_key(other)


def thread_key(text: str) -> str:
    """The canonical form of an id: no process, no leading zeros."""
    bare = text.rpartition(".")[2].lower()
    return bare.lstrip("0") or "0"


def plain_thread_id(text: str) -> str:
    """`01` as `1`; an id with a process, and the empty one, stay as they are."""
    return text if not text or text.startswith("p") else thread_key(text)


def parse_thread_list(reply: bytes) -> tuple[list[str], bool]:
    """The ids of one q[fs]ThreadInfo reply, and whether it is the last. A trailing comma is forgiven."""
    if reply == b"l" or not reply:
        return [], True
    ids = [part for part in reply[1:].decode("latin-1").split(",") if part]
    if reply[:1] != b"m" or not all(valid_thread_id(part) for part in ids):
        raise RemoteProtocolError(f"the stub sent a bad thread list: '{as_text(reply)}'", data=reply)
    return ids, not ids


def parse_current_thread(reply: bytes) -> str | None:
    """The id in a `qC` reply, `None` where the stub has none."""
    text = reply[2:].decode("latin-1")
    return text if reply.startswith(b"QC") and valid_thread_id(text) else None


def parse_threads_xml(document: bytes) -> list[ThreadEntry]:
    """The threads of a `<threads>` document, in its order."""
    try:
        root = parse_xml(document)
    except XmlError as error:
        raise RemoteProtocolError(f"the stub's thread list is not XML: {error}", data=document[:64]) from None
    entries = [
        ThreadEntry(
            id=node.attributes.get("id", ""),
            name=node.attributes.get("name", ""),
            core=int(core)
            if (core := node.attributes.get("core", "")).isascii() and core.isdigit()
            else None,
            detail=node.text.strip(),
        )
        for node in root.children
        if node.tag == "thread"
    ]
    return [entry for entry in entries[:MAX_THREADS] if valid_thread_id(entry.id)]
