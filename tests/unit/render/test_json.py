"""JSON by type hints: addresses as text, absence as an object, faults of inner views in their place."""

from __future__ import annotations

import dataclasses
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.golden import sample
from tests.unit.render.test_escape import ANYTHING
from unidbg.render.faults import all_faults
from unidbg.render.json import dumps, to_json
from unidbg.views import files, findings, forensics, host, inspect, system
from unidbg.views.base import Address, Fault, View
from unidbg.views.conformance import ConformanceReport
from unidbg.views.names import NAMES, view_name


def test_an_address_is_text_and_a_count_a_number() -> None:
    data = to_json(sample.HEAP)["data"]
    assert data["start"] == "0x200000"
    assert data["count"] == 1204
    assert data["pages"]["base"] == "0x600000"


def test_a_location_is_an_object() -> None:
    timer = to_json(sample.LOOP)["data"]["timers"][0]
    assert timer["callback"] == {
        "address": "0x101a40",
        "symbol": "tick",
        "offset": 0,
        "file": "/src/samples/hello/main.c",
        "line": 31,
    }


def test_words_survive_javascript() -> None:
    xmm0 = to_json(sample.REGISTERS)["data"]["registers"][-1]
    assert xmm0["value"] == "0x10000000000000000"
    assert to_json(sample.REGISTERS)["provenance"]["images"][0]["bias"] == "0x0"


def test_absence_is_said() -> None:
    assert to_json(sample.NO_LOG)["data"] == {
        "absent": "the guest exports no log probe",
        "remedy": "add UNIDBG_PROBE(log, ...) to the kernel",
    }
    overview = dataclasses.replace(sample.OVERVIEW, log=sample.NO_LOG)
    assert to_json(overview)["data"]["log"]["absent"] == "the guest exports no log probe"
    assert to_json(sample.NO_LOG)["view"] == "log"


def test_what_is_unknown_is_null_and_not_missing() -> None:
    device = to_json(sample.DEVICES)["data"]["devices"][0]
    assert device["mmio_base"] is None


def test_faults_of_inner_views_are_found_with_their_path() -> None:
    own = Fault("reason", "not to be believed")
    overview = dataclasses.replace(sample.OVERVIEW, heap=sample.SICK_HEAP, faults=(own,))
    assert [fault.where for fault in all_faults(overview)] == [
        "reason",
        "heap.pages.free",
        "heap.current",
    ]
    assert [fault["where"] for fault in to_json(overview)["faults"]][-1] == "heap.current"
    assert "faults" not in to_json(overview)["data"]["heap"]


def test_every_view_has_a_name() -> None:
    classes = [
        cls
        for module in (system, inspect, files, forensics, findings)
        for cls in vars(module).values()
        if isinstance(cls, type) and issubclass(cls, View) and cls is not View
    ]
    assert set(classes) | {
        host.GuestsReport,
        host.DoctorReport,
        host.ChecksReport,
        host.DumpReport,
        host.KitReport,
        ConformanceReport,
    } == set(NAMES)
    assert view_name(sample.NO_APP) == "app"


@settings(max_examples=50)
@given(st.lists(ANYTHING, max_size=4), ANYTHING)
def test_any_text_makes_valid_ascii_json_of_one_line(lines: list[str], command: str) -> None:
    log = dataclasses.replace(sample.LOG, lines=tuple(lines))
    boot = dataclasses.replace(sample.BOOT, command_line=command)
    for view in (log, boot):
        text = dumps(view)
        assert text.isascii()
        assert text.isprintable()
        json.loads(text).__str__().encode("utf-8")


def test_a_value_may_contain_values() -> None:
    value = to_json(sample.VALUE)["data"]["value"]
    assert value["children"][1]["children"][0]["text"] == "1204"
    leaf = inspect.ValueNode("x", "int", Address(1), "1")
    assert dataclasses.asdict(leaf)["children"] == ()
