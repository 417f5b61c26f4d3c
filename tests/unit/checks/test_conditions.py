"""Conditions over views: paths, quantities, what holds and what cannot be told."""

from __future__ import annotations

import contextlib
import datetime
import tomllib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.golden import sample
from tests.golden.findings import CHECKED
from unidbg.checks import baseline
from unidbg.checks.check import CannotTell
from unidbg.checks.conditions import BadCondition, Condition, look, parse
from unidbg.checks.judging import judge, needed
from unidbg.checks.paths import BadPath, check_path, values
from unidbg.checks.plan import Plan, read_plan
from unidbg.checks.quantities import NoQuantity, quantity
from unidbg.errors import ConfigError
from unidbg.views.base import Absent, Fault, View
from unidbg.views.system import HeapView


def heap_view() -> HeapView:
    view = sample.VIEWS["heap"]
    assert isinstance(view, HeapView)
    return view


HEAP = heap_view()


@pytest.mark.parametrize(
    ("value", "path", "number"),
    [
        ("1 MiB", "heap.allocated_bytes", 1 << 20),
        ("1.5KiB", "heap.allocated_bytes", 1536),
        ("50 ms", "boot.total_ns", 50_000_000),
        ("90 %", "limits.heap_used_percent", 90),
        ("1_000", "heap.count", 1000),
        (7, "heap.count", 7),
        ("-3", "heap.count", -3),
    ],
)
def test_quantities(value: object, path: str, number: int) -> None:
    assert quantity(value, path) == number


@pytest.mark.parametrize("value", ["", "MiB", "1 MiB", "1 fortnight", None, True, "1 %", "0x10"])
def test_what_is_no_quantity_of_a_count(value: object) -> None:
    with pytest.raises(NoQuantity):
        quantity(value, "heap.count")


@pytest.mark.parametrize(
    ("path", "whole"),
    [
        ("heap.allocated_bytes", "heap.allocated_bytes"),
        ("rings.*.stuck", "rings.rings.*.stuck"),
        ("threads.*.stack_margin_bytes", "threads.threads.*.stack_margin_bytes"),
        ("devices.uart0.interrupts", "devices.devices.uart0.interrupts"),
        ("security.writable_executable_pages", "security.writable_executable_pages"),
        ("orchestration.health.results.0.outcome", "orchestration.health.results.0.outcome"),
        ("net.interfaces.*.rx.dropped", "net.interfaces.*.rx.dropped"),
        ("loop.timers.*.callback.symbol", "loop.timers.*.callback.symbol"),
    ],
)
def test_paths(path: str, whole: str) -> None:
    assert check_path(path) == whole


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("heep.count", "did you mean heap"),
        ("heap.alocated_bytes", "allocated_bytes"),
        ("heap.count.more", "is a value"),
        ("heap.pages", "has parts"),
        ("security.weak", "ask each of its elements, `security.weak.*`"),
        ("rings", "has parts"),
        ("boot.phases.first.oops", "no field `oops`"),
        ("memory.guards.first.start", "by a number or *"),
    ],
)
def test_paths_that_no_view_has(path: str, words: str) -> None:
    with pytest.raises(BadPath, match=words.replace("*", r"\*")):
        check_path(path)


@given(st.text(max_size=40))
def test_any_text_is_a_path_or_none(text: str) -> None:
    with contextlib.suppress(BadPath):
        assert check_path(text)


def test_values_of_lists() -> None:
    rings = sample.VIEWS["rings"]
    found = dict(values(rings, "rings.rings.*.name"))
    assert len(found) == len(rings.rings)  # type: ignore[union-attr]
    assert list(values(rings, "rings.rings.99.name")) == []


def holds(written: str, wanted: object, view: View = HEAP) -> list[str]:
    return [found.message for found in look(parse(written, wanted), view)]


@pytest.mark.parametrize(
    ("written", "wanted", "fine"),
    [
        ("heap.count", {"max": 2000}, True),
        ("heap.count", {"max": 3}, False),
        ("heap.peak_bytes", {"min": "1 KiB", "max": "1 GiB"}, True),
        ("heap.count", 1204, True),
        ("heap.count", {"not": 1204}, False),
        ("heap.pages.free", {"min": "0"}, True),
    ],
)
def test_conditions(written: str, wanted: object, fine: bool) -> None:
    assert (holds(written, wanted) == []) is fine


def test_true_and_false_ask_whether_there_is_anything() -> None:
    rings = sample.VIEWS["rings"]
    assert isinstance(rings, View)
    broken = replace(rings, rings=(replace(rings.rings[0], stuck="no move"),))  # type: ignore[attr-defined,call-arg]
    assert holds("rings.*.stuck", False, broken) == ["rings.rings.0.stuck is 'no move', not false"]


def test_what_is_absent_or_damaged_cannot_be_told() -> None:
    condition = parse("heap.count", {"max": 1})
    for view in (
        Absent("heap", "no probe", "", sample.PROVENANCE),
        None,
        replace(HEAP, faults=(Fault("count", "negative"),)),
    ):
        with pytest.raises(CannotTell):
            list(look(condition, view))


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({}, "nothing is asked"),
        ({"most": 3}, "`most` is no condition"),
        ({"max": "1 ms"}, "does not go with"),
        ({"matches": "["}, "no regular expression"),
        ({"max": 1, "severity": "fatal"}, "severity is"),
        (1.5, "neither"),
    ],
)
def test_bad_conditions(wanted: object, words: str) -> None:
    with pytest.raises(BadCondition, match=words):
        parse("heap.count", wanted)


FILE = """\
builtin = ["heap-leaks"]
suppress = [{check = "heap-leaks", reason = "known since 1.2", until = 2027-01-31}]
[limits]
timer_overdue_ns = "250 ms"
[conditions]
"heap.allocated_bytes" = {max = "1 KiB"}
heap.count = {max = 10}
[growth]
"heap.count" = {max = 0}
[load]
command = "true"
timeout = "2 s"
"""


def plan(text: str = FILE) -> Plan:
    return read_plan("checks.toml", tomllib.loads(text), text)


def test_a_file() -> None:
    made = plan()
    assert [check.name for check in made.checks] == ["heap-leaks"]
    assert [c.written for c in made.conditions] == ["heap.allocated_bytes", "heap.count"]
    assert made.growth == (Condition("heap.count", "heap.count", maximum=0),)
    assert made.limits.timer_overdue_ns == 250_000_000
    assert made.load is not None
    assert (made.load.command, made.load.timeout_s) == ("true", 2.0)
    assert made.lines["condition:heap.allocated_bytes"] == 6
    assert made.lines["growth:heap.count"] == 9
    assert set(needed(made)) == {"leaks", "blocks", "heap"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[conditons]\n", r"checks.toml:1: there is no `conditons`; did you mean conditions"),
        ('[conditions]\n\n"heap.cont" = 1\n', r"checks.toml:3: heap.cont: .* did you mean count"),
        ('builtin = ["heap-leak"]\n', r"checks.toml:1: .*did you mean heap-leaks"),
        ('suppress = [{check = "heap-leaks"}]\n', "has no reason"),
        ('suppress = [{check = "heap-leaks", reason = "x", until = "soon"}]\n', "is no date"),
        ("[limits]\ntimer = 1\n", "limits.timer"),
        ("[limits]\ntimer_overdue_ns = '1 KiB'\n", "does not go with"),
        ("[load]\n", "needs a command"),
        ("conditions = 3\n", "is a table"),
        ("builtin = 3\n", "a list of names"),
    ],
)
def test_a_bad_file_says_where(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        plan(text)


VIEWS: dict[str, View | Absent] = {"heap": HEAP}
DAY = datetime.date(2027, 1, 1)


def test_judged() -> None:
    judgement = judge(plan(), VIEWS, {"heap": replace(HEAP, count=1000)}, today=DAY)
    assert {finding.check for finding in judgement.findings} == {
        "condition:heap.allocated_bytes",
        "condition:heap.count",
        "growth:heap.count",
    }
    outcomes = {verdict.check: verdict.outcome for verdict in judgement.verdicts}
    assert outcomes["heap-leaks"] == "unknown"
    growth = next(f for f in judgement.findings if f.check.startswith("growth"))
    assert "went from 1000 to 1204: +204" in growth.message


def test_growth_without_a_snapshot_before_cannot_be_told() -> None:
    verdicts = {v.check: v for v in judge(plan(), VIEWS).verdicts}
    assert "give a load command" in verdicts["growth:heap.count"].reason


def test_growth_of_what_is_damaged_or_not_there_cannot_be_told() -> None:
    text = 'builtin = false\n[growth]\n"heap.count" = {max = 0}\n"boot.phases.nowhere.start_ns" = {max = 0}\n'
    views = {**VIEWS, "boot": sample.VIEWS["boot"]}
    damaged = {**views, "heap": replace(HEAP, faults=(Fault("count", "unreadable"),))}
    for before, after in ((damaged, views), (views, damaged)):
        verdicts = {v.check: v for v in judge(plan(text), after, before).verdicts}
        assert verdicts["growth:heap.count"].reason == "count: unreadable"
        assert "nothing at" in verdicts["growth:boot.phases.nowhere.start_ns"].reason


def test_suppressed_until_it_expires_and_known_in_a_baseline() -> None:
    text = (
        'builtin = false\nsuppress = [{check = "condition:heap.count", reason = "lab", until = 2027-01-31}]\n'
        '[conditions]\n"heap.count" = {max = 1}\n'
    )
    made = plan(text)
    assert judge(made, VIEWS, today=DAY).findings == ()
    assert judge(made, VIEWS, today=DAY).verdicts[0].outcome == "suppressed"
    late = judge(made, VIEWS, today=datetime.date(2027, 2, 1))
    assert late.verdicts[0].outcome == "found"
    known = baseline.fingerprints(baseline.dump(late.findings), "x")
    assert judge(made, VIEWS, today=datetime.date(2027, 2, 1), known=known).findings == ()


def test_a_baseline_round_trips_and_a_bad_one_says_so() -> None:
    text = baseline.dump(CHECKED.findings)
    assert baseline.fingerprints(text, "b") == {finding.fingerprint for finding in CHECKED.findings}
    for bad in ("", "{}", '{"unidbg_baseline": 9, "findings": []}', "[]"):
        with pytest.raises(ConfigError, match="no baseline"):
            baseline.fingerprints(bad, "b")
