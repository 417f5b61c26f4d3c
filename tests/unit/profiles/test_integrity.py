"""The image against memory, and the table of probes, over a planted guest."""

from __future__ import annotations

from tests.support.kernel import Guest, kernel
from unidbg.session import ImageSpec, Session
from unidbg.views.findings import DiagnosisView, ProbesView, TextView


def session(guest: Guest) -> Session:
    return Session.over(guest.target, images=[ImageSpec(guest.path)])


def text(guest: Guest) -> TextView:
    view = session(guest).text()
    assert isinstance(view, TextView)
    return view


def test_the_image_as_it_is() -> None:
    view = text(kernel())
    assert view.compared_bytes > 0
    assert (view.changed, view.more) == ((), False)


def test_changed_code_is_named_and_a_breakpoint_is_none() -> None:
    guest = kernel()
    guest.memory.plant(guest.at("tick"), b"\xf4")
    guest.memory.plant(guest.at("app_main"), b"\xcc")
    (change,) = text(guest).changed
    assert change.location.symbol == "tick"
    assert (change.range.end - change.range.start, change.found_hex) == (1, "f4")


def test_probes_as_they_stand() -> None:
    view = session(kernel()).probes()
    assert isinstance(view, ProbesView)
    assert {probe.kind for probe in view.probes} >= {"memory", "heap", "loop", "future"}
    assert view.faults == ()


def test_a_probe_that_leads_outside_is_a_fault() -> None:
    guest = kernel()
    record = next(p for p in _probes(guest).probes if p.kind == "heap")
    guest.memory.plant(record.address + 56, (0x7000_0000).to_bytes(8, "little"))
    (fault,) = _probes(guest).faults
    assert "outside of the image" in fault.reason
    assert fault.address == record.address


def _probes(guest: Guest) -> ProbesView:
    view = session(guest).probes()
    assert isinstance(view, ProbesView)
    return view


def test_a_diagnosis_without_an_incident_has_what_the_checks_say() -> None:
    view = session(kernel()).diagnosis()
    assert isinstance(view, DiagnosisView)
    assert view.name == "demo"
    assert view.next
    assert view.passed > 3
    assert {verdict.check for verdict in view.unknown} >= {"canary", "health-check"}


def test_a_diagnosis_without_an_image_still_answers() -> None:
    guest = kernel()
    view = Session.over(guest.target).diagnosis()
    assert view.name == ""
    assert view.passed + len(view.unknown) > 15
