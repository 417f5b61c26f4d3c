"""The threads of a target: one document where the stub has it, else a list and a line about each."""

from __future__ import annotations

import re

from unidbg.rsp.replies import is_error, is_hex
from unidbg.rsp.threads import MAX_THREADS, parse_thread_list, parse_threads_xml, plain_thread_id
from unidbg.target.base import ThreadInfo
from unidbg.target.handshake import fetch_document
from unidbg.target.link import Link
from unidbg.target.stub import Stub

_QEMU_EXTRA = re.compile(r"(?P<name>CPU#(?P<cpu>\d+)) \[(?P<state>[^\]]*)\]")
MAX_DETAILS = 1024


def read_threads(link: Link, stub: Stub, current: str) -> list[ThreadInfo]:
    """All threads of a stopped guest; at least one."""
    if "qXfer:threads:read" in stub.features:
        document = fetch_document(link, stub, "threads")
        if document is not None:
            found = [
                ThreadInfo(entry.id, entry.name, entry.core, entry.detail)
                for entry in parse_threads_xml(document)
            ]
            return found or [ThreadInfo(current or "1")]
    ids = [] if stub.silent else _list_ids(link)
    if not ids:
        return [ThreadInfo(current or "1")]
    return [_with_detail(id_, reply) for id_, reply in zip(ids, _details(link, ids), strict=True)]


def _list_ids(link: Link) -> list[str]:
    """qfThreadInfo and its continuations, as many in flight as the line bears."""
    ids: list[str] = []
    requests = [b"qfThreadInfo"] + [b"qsThreadInfo"] * (min(8, link.window) - 1)
    while len(ids) < MAX_THREADS:
        for reply in link.request_many(requests):
            if is_error(reply):
                return ids
            found, last = parse_thread_list(reply)
            ids += [plain_thread_id(id_) for id_ in found]
            if last:
                return ids
        requests = [b"qsThreadInfo"] * min(8, link.window)
    return ids


def _details(link: Link, ids: list[str]) -> list[bytes]:
    asked = ids[:MAX_DETAILS]
    replies = link.request_many([b"qThreadExtraInfo," + id_.encode("ascii") for id_ in asked])
    return replies + [b""] * (len(ids) - len(asked))


def _with_detail(id_: str, reply: bytes) -> ThreadInfo:
    if not is_hex(reply) or len(reply) % 2 or is_error(reply):
        return ThreadInfo(id_)
    text = bytes.fromhex(reply.decode("ascii")).decode("utf-8", "replace")
    match = _QEMU_EXTRA.fullmatch(text.strip())
    if match:
        return ThreadInfo(id_, match["name"], int(match["cpu"]), match["state"])
    return ThreadInfo(id_, detail=text)
