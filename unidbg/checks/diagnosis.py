"""The first page of an incident, from views and the checks over them."""

from __future__ import annotations

from collections.abc import Mapping

from unidbg.checks.check import Seen
from unidbg.checks.running import run, views_needed
from unidbg.views.base import Absent, Location, Provenance, View
from unidbg.views.findings import DiagnosisView, Finding, Verdict
from unidbg.views.system import AppView, LogView, LoopView, OverviewView, Thread, ThreadsView

NEEDED = tuple(dict.fromkeys(("overview", "threads", "log", "loop", "app", *views_needed())))
LOG_LINES = 8
AT_ONE_MOMENT = "one moment does not tell"

MORE: Mapping[str, str] = {
    "blocks": "heap TARGET --blocks",
    "leaks": "leaks TARGET",
    "text": "dis TARGET",
    "probes": "doctor TARGET",
}
"""Where to look for a view that has no command of its own name; any other is `VIEW TARGET`."""

Views = Mapping[str, View | Absent]


def diagnosis(views: Views, provenance: Provenance) -> DiagnosisView:
    """What the guest is, why it stands, who is to blame, what is wrong, and where to look next."""
    findings, verdicts = run(Seen(views))
    overview, log, app = views.get("overview"), views.get("log"), views.get("app")
    loop, thread = views.get("loop"), _thread(views.get("threads"))
    return DiagnosisView(
        provenance=provenance,
        faults=(),
        name=app.name if isinstance(app, AppView) else "",
        state=overview.state if isinstance(overview, OverviewView) else "",
        reason=_reason(overview, thread),
        culprit=_culprit(thread),
        thread=thread,
        uptime_ns=loop.now_ns if isinstance(loop, LoopView) else None,
        findings=findings,
        unknown=_unknown(verdicts),
        passed=sum(verdict.outcome == "ok" for verdict in verdicts),
        next=_next(findings, thread, provenance.target),
        log=log.lines[-LOG_LINES:] if isinstance(log, LogView) else (),
    )


def _thread(view: View | Absent | None) -> Thread | None:
    """The thread that died, else the first with a reason, else the first."""
    threads = view.threads if isinstance(view, ThreadsView) else ()
    dead = next((thread for thread in threads if thread.culprit is not None), None)
    told = next((thread for thread in threads if thread.reason), None)
    return dead or told or (threads[0] if threads else None)


def _reason(overview: View | Absent | None, thread: Thread | None) -> str:
    if thread is not None and thread.reason:
        return thread.reason
    return overview.reason if isinstance(overview, OverviewView) else ""


def _culprit(thread: Thread | None) -> Location | None:
    if thread is None or thread.culprit is None or not 0 <= thread.culprit < len(thread.frames):
        return None
    return thread.frames[thread.culprit].pc


def _unknown(verdicts: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
    """What could not be told, without what a single moment never tells."""
    return tuple(v for v in verdicts if v.outcome == "unknown" and not v.reason.startswith(AT_ONE_MOMENT))


def _next(findings: tuple[Finding, ...], thread: Thread | None, target: str) -> tuple[str, ...]:
    """Commands in the order in which to type them."""
    looks = [f"bt {target}"] if thread is not None and thread.reason else []
    for finding in findings:
        looks.append(MORE.get(finding.view, f"{finding.view} TARGET").replace("TARGET", target))
    return tuple(f"unidbg {look}" for look in dict.fromkeys(looks or [f"overview {target}"]))
