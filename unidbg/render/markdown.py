"""A diagnosis as Markdown, for an issue or a chat."""

from __future__ import annotations

from collections.abc import Iterator

from unidbg.render import units
from unidbg.render.escape import escape
from unidbg.views.base import Location
from unidbg.views.findings import DiagnosisView, Finding

SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\`*_[]<>#|~"})


def diagnosis(view: DiagnosisView) -> str:
    """The whole page."""
    return "\n".join(_lines(view)) + "\n"


def _lines(view: DiagnosisView) -> Iterator[str]:
    name, what = view.name or view.provenance.target, view.reason or view.state or "state not known"
    yield f"# {_plain(name)}: {_plain(what)}"
    yield ""
    yield f"- target: {_code(view.provenance.target)} by {view.provenance.access}"
    for image in view.provenance.images:
        yield f"- image: {_code(image.path)} {image.identity[:16]} ({image.verified})"
    if view.culprit is not None:
        yield f"- to blame: {_place(view.culprit)}"
    if view.uptime_ns is not None:
        yield f"- uptime: {units.duration(view.uptime_ns)}"
    if view.thread is not None and view.thread.frames:
        yield from ("", "## Backtrace", "", "```text")
        for frame in view.thread.frames:
            mark = ">" if frame.index == view.thread.culprit else " "
            yield f"{mark} #{frame.index} {frame.pc.address:#x} {_where(frame.pc)}"
        yield "```"
    yield from ("", "## Findings", "")
    yield from (_finding(finding) for finding in view.findings)
    yield f"{units.plural(view.passed, 'check')} found nothing wrong."
    if view.unknown:
        yield from ("", "## Could not tell", "")
        yield from (f"- {verdict.check}: {_plain(verdict.reason)}" for verdict in view.unknown)
    if view.log:
        yield from ("", "## Log", "", "```text", *(_fenced(line) for line in view.log), "```")
    yield from ("", "## Next", "", "```sh", *(_fenced(line) for line in view.next), "```")


def _finding(finding: Finding) -> str:
    at = f" at {_place(finding.location)}" if finding.location and finding.location.symbol else ""
    return (
        f"- **{finding.severity}** {finding.check}: {_plain(finding.message)}{at}. *{_plain(finding.remedy)}*"
    )


def _where(location: Location) -> str:
    """As text inside a fence."""
    offset = f"+{location.offset:#x}" if location.offset else ""
    line = f" ({location.file}:{location.line})" if location.file else ""
    return _fenced(f"{location.symbol or '?'}{offset}{line}")


def _place(location: Location) -> str:
    return _code(_where(location))


def _plain(text: str) -> str:
    return escape(text).translate(SPECIAL)


def _code(text: str) -> str:
    return f"`{escape(text).replace('`', chr(39))}`"


def _fenced(text: str) -> str:
    """No line of the guest ends a fence."""
    return escape(text).replace("```", "'''")
