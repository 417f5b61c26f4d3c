"""Verdicts: findings of checks, a diagnosis, the image against memory, the table of probes."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from unidbg.render import cells, layout, units
from unidbg.render.cells import Page
from unidbg.render.tables.crash import frames
from unidbg.views.findings import (
    ChecksView,
    DiagnosisView,
    Finding,
    ProbesView,
    TextView,
    Verdict,
)
from unidbg.views.host import ChecksReport

STYLES = {"error": cells.BAD, "warning": cells.WARN, "note": cells.DIM}


def checks(view: ChecksView, page: Page) -> Sequence[RenderableType]:
    drawn: list[RenderableType] = [_count(view.verdicts)]
    if view.findings:
        drawn += [layout.BLANK, *findings(view.findings)]
    unknown = [verdict for verdict in view.verdicts if verdict.outcome == "unknown"]
    return [*drawn, layout.BLANK, _untold(unknown)] if unknown else drawn


def _count(verdicts: Sequence[Verdict]) -> Text:
    """`20 checks: 17 ok, 2 found something, 1 could not tell`."""
    counts = {
        word: sum(v.outcome == word for v in verdicts) for word in ("ok", "found", "unknown", "suppressed")
    }
    said = [f"{counts['ok']} ok"]
    said += [f"{counts['found']} found something"] if counts["found"] else []
    said += [f"{counts['unknown']} could not tell"] if counts["unknown"] else []
    said += [f"{counts['suppressed']} suppressed"] if counts["suppressed"] else []
    style = cells.BAD if counts["found"] else cells.GOOD
    return Text(f"{units.plural(len(verdicts), 'check')}: {', '.join(said)}", style=style)


def findings(items: Sequence[Finding]) -> Sequence[RenderableType]:
    """Each with what is wrong, where, and what to do."""
    rows = [
        (
            cells.guest(finding.severity, STYLES.get(finding.severity, "")),
            cells.guest(finding.check, cells.HEAD),
            _said(finding),
        )
        for finding in items
    ]
    return [layout.table(("!severity", "!check", "what"), rows)]


def _said(finding: Finding) -> Text:
    lines = [cells.guest(finding.message)]
    if finding.location is not None and finding.location.symbol is not None:
        lines.append(Text.assemble(("at ", cells.DIM), cells.place(finding.location)))
    lines.append(Text.assemble(("do: ", cells.DIM), cells.guest(finding.remedy)))
    return Text("\n").join(lines)


def _untold(verdicts: Sequence[Verdict]) -> RenderableType:
    rows = [(cells.guest(one.check, cells.DIM), cells.guest(one.reason, cells.DIM)) for one in verdicts]
    return layout.table(("!could not tell", "why"), rows)


def diagnosis(view: DiagnosisView, page: Page) -> Sequence[RenderableType]:
    drawn: list[RenderableType] = [layout.facts(_head(view)), layout.BLANK]
    if view.thread is not None and view.thread.frames:
        drawn += [frames(view.thread.frames, page, view.thread.culprit), layout.BLANK]
    if view.findings:
        drawn += [*findings(view.findings), layout.BLANK]
    passed = f"{units.plural(view.passed, 'check')} found nothing wrong"
    drawn.append(Text(passed, style=cells.DIM if view.findings else cells.GOOD))
    if view.unknown:
        drawn += [layout.BLANK, _untold(view.unknown)]
    if view.log:
        drawn += [layout.BLANK, Text("the last of the log", style=cells.HEAD)]
        drawn += [layout.unfolded(cells.guest(line)) for line in view.log]
    return [
        *drawn,
        layout.BLANK,
        Text("next", style=cells.HEAD),
        *(cells.guest(f"  {one}") for one in view.next),
    ]


def _head(view: DiagnosisView) -> list[tuple[str, RenderableType]]:
    rows: list[tuple[str, RenderableType]] = [
        ("guest", cells.guest(view.name or "no name is told", cells.HEAD)),
        ("state", cells.state(view.state or "not known", view.reason)),
    ]
    if view.culprit is not None:
        rows.append(("to blame", cells.place(view.culprit)))
    if view.uptime_ns is not None:
        rows.append(("uptime", cells.duration(view.uptime_ns)))
    return rows


def text(view: TextView, page: Page) -> Sequence[RenderableType]:
    verdict = f"{units.size(view.compared_bytes)} compared"
    if not view.changed:
        return [Text(f"{verdict}: as in the image", style=cells.GOOD)]
    rows = [
        (
            cells.address(change.range.start),
            cells.number(change.range.end - change.range.start),
            cells.guest(change.expected_hex),
            cells.guest(change.found_hex),
            cells.place(change.location),
        )
        for change in view.changed
    ]
    more = " or more" if view.more else ""
    head = Text(f"{verdict}: {units.plural(len(rows), 'difference')}{more}", style=cells.BAD)
    return [head, layout.BLANK, layout.table((">!address", ">!bytes", "image", "memory", "where"), rows)]


def probes(view: ProbesView, page: Page) -> Sequence[RenderableType]:
    rows = [
        (
            cells.guest(probe.kind, cells.HEAD),
            cells.guest(probe.name),
            cells.place(probe.object),
            cells.number(probe.object_bytes),
        )
        for probe in view.probes
    ]
    return [layout.table(("!kind", "!name", "object", ">!bytes"), rows)] if rows else [Text("no probes")]


def listed(report: ChecksReport, page: Page) -> Sequence[RenderableType]:
    rows = [
        (
            cells.guest(check.name, cells.HEAD),
            cells.guest(check.severity, STYLES.get(check.severity, "")),
            cells.guest(check.text),
        )
        for check in report.checks
    ]
    return [layout.table(("!check", "!severity", "finds"), rows)]
