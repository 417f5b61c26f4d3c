"""pcapng files, read back by the library that writes them and, where it is installed, by tshark."""

from __future__ import annotations

import io
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.golden import sample, traffic
from unidbg.render.pcapng import packet_count, pcapng
from unidbg.structures.packets import decode
from unidbg.views.network import RingsView

pytestmark = pytest.mark.filterwarnings("ignore:Field type should not be")  # the library's own, in reading
HOSTILE = "\x1b[2J\u202e \udc80 \x00"


def read(data: bytes) -> list[Any]:
    from pcapng import FileScanner

    return list(FileScanner(io.BytesIO(data)))


@pytest.mark.filterwarnings("error")
def test_the_library_complains_of_nothing() -> None:
    assert pcapng(sample.PACKETS, "unidbg 0")


def packets(data: bytes) -> list[Any]:
    return [block for block in read(data) if type(block).__name__ == "EnhancedPacket"]


def test_every_packet_is_there_in_the_order_of_time() -> None:
    found = packets(pcapng(sample.PACKETS, "unidbg 0"))
    assert len(found) == packet_count(sample.PACKETS) == len(traffic.RECEIVED) + len(traffic.SENT)
    times = [block.timestamp_high << 32 | block.timestamp_low for block in found]
    assert times == sorted(times)
    assert {block.packet_data for block in found} == {*traffic.RECEIVED, *traffic.SENT}


def test_each_says_where_it_lay() -> None:
    last = packets(pcapng(sample.PACKETS, "unidbg 0"))[-1]
    assert last.options["opt_comment"] == "net0 rx, slot 26, done"
    assert last.interface.options["if_name"] == "net0 rx"
    assert last.timestamp == pytest.approx(12.3999)


def test_the_file_says_who_made_it_of_what() -> None:
    head = read(pcapng(sample.PACKETS, "unidbg 0"))[0]
    assert head.options["shb_userappl"] == "unidbg 0"
    assert head.options["opt_comment"].startswith("localhost:1234, hello.elf; times are the guest's clock")


def test_no_packets_are_a_file_without_packets() -> None:
    assert packets(pcapng(sample.RINGS, "unidbg 0")) == []
    assert packets(pcapng(replace(sample.RINGS, rings=()), "unidbg 0")) == []


@settings(max_examples=40)
@given(st.text(max_size=20), st.binary(max_size=80), st.integers(0, 2**64 - 1))
def test_whatever_lies_in_a_slot_can_be_written(text: str, frame: bytes, time_ns: int) -> None:
    slot = replace(traffic.slot(0, text, frame, time_ns), packet=decode(frame), length_bytes=len(frame))
    ring = replace(traffic.rings()[0], name=text + HOSTILE, direction=text, slots=(slot,))
    view = RingsView(sample.PROVENANCE, (), 0, (ring,))
    found = packets(pcapng(view, "unidbg 0"))
    assert [block.packet_data for block in found] == ([frame] if frame else [])
    assert all(block.options["opt_comment"].isprintable() for block in found)


@pytest.mark.skipif(shutil.which("tshark") is None, reason="there is no tshark")
def test_tshark_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "packets.pcapng"
    path.write_bytes(pcapng(sample.PACKETS, "unidbg 0"))
    fields = ["-T", "fields", "-e", "frame.comment", "-e", "frame.interface_name", "-e", "frame.len"]
    done = subprocess.run(
        ["tshark", "-n", "-r", path, *fields], capture_output=True, text=True, timeout=60, check=True
    )
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(rows) == packet_count(sample.PACKETS)
    assert rows[-1] == ["net0 rx, slot 26, done", "net0 rx", str(len(traffic.RECEIVED[0]))]
