"""What only LLDB asks: JSON that parses, regions without gaps."""

from __future__ import annotations

import json

from tests.core_c.conftest import Start
from tests.support.stub_host import Host, unescape


def test_threads_as_json(start: Start, names: dict[str, int]) -> None:
    host = start("--threads").no_ack()
    host.ask(b"Z0,%x,1" % names["count"])
    host.ask(b"c")
    threads = json.loads(unescape(host.ask(b"jThreadsInfo")))
    assert [(thread["tid"], thread["reason"]) for thread in threads] == [
        (1, "breakpoint"),
        (2, "none"),
        (0x1234567, "none"),
    ]
    assert threads[0]["registers"]["16"] == names["count"].to_bytes(8, "little").hex()
    assert threads[2]["registers"] == {}


def region(host: Host, address: int) -> tuple[int, int]:
    pairs = dict(pair.split(b":") for pair in host.ask(b"qMemoryRegionInfo:%x" % address).split(b";") if pair)
    start = int(pairs[b"start"], 16)
    return start, start + int(pairs[b"size"], 16)


def test_regions_and_holes_cover_the_address_space(host: Host) -> None:
    """As LLDB walks them: each answer begins where the one before ended."""
    at = 0
    for _ in range(20):
        start, end = region(host, at)
        assert start == at
        assert end > at
        at = end
        if at == (1 << 64) - 1:
            return
    raise AssertionError("the walk does not end")


def test_errors_in_words(host: Host) -> None:
    assert host.ask(b"QAllow:WriteMem:0") == b"OK"
    assert host.ask(b"QEnableErrorStrings") == b"OK"
    assert host.ask(b"M0,1:00") == b"E01;" + b"not allowed here".hex().encode()
