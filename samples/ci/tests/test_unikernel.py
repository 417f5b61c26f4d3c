"""The unikernel from inside: it is booted for each test, driven, and looked into."""

from __future__ import annotations

from typing import Any
from urllib.request import urlopen

import pytest

REQUESTS = 20


def get(guest: Any, path: str = "/") -> bytes:
    """What the unikernel serves; its port is reached by one of this host that QEMU chose."""
    with urlopen(f"http://127.0.0.1:{guest.port(80)}{path}", timeout=20) as answer:
        body: bytes = answer.read()
    return body


def test_serving_leaks_nothing(unidbg_guest: Any, unidbg_session: Any) -> None:
    get(unidbg_guest)  # the first request fills caches
    unidbg_session.remember()
    before = unidbg_session.heap_growth()
    for _ in range(REQUESTS):
        assert get(unidbg_guest)
    unidbg_session.wait_until("net.protocols.tcp.received", min=REQUESTS)
    unidbg_session.no_new_findings()
    assert unidbg_session.heap_growth() - before < 64 << 10


@pytest.mark.unidbg(memory="96M")
def test_a_dump_tells_the_same(unidbg_guest: Any, unidbg_session: Any, unidbg_dump: Any) -> None:
    assert unidbg_session.value("app.name") == "httpd"
    assert unidbg_dump().stat().st_size > 0
