"""Findings as annotations of GitHub Actions: one workflow command a line."""

from __future__ import annotations

from unidbg.render.escape import escape
from unidbg.render.places import Places
from unidbg.views.findings import ChecksView, Finding

COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def workflow_commands(view: ChecksView, places: Places) -> str:
    """All findings."""
    return "".join(f"{_line(finding, places)}\n" for finding in view.findings)


def _line(finding: Finding, places: Places) -> str:
    place = places.of(finding)
    where = f"file={_property(place[0])},line={place[1]}," if place else ""
    title = _property(f"unidbg {finding.check}")
    text = _data(f"{finding.message}; {finding.remedy}")
    return f"::{COMMANDS[finding.severity]} {where}title={title}::{text}"


def _data(text: str) -> str:
    return escape(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
