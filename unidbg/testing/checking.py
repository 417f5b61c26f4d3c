"""What `unidbg check` runs: a plan against one guest, each check and condition a pytest item."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from unidbg.checks.judging import Judgement, judge, needed
from unidbg.checks.plan import Load, Plan
from unidbg.errors import TargetError, UnidbgError
from unidbg.session import Session
from unidbg.views.base import Absent, View
from unidbg.views.findings import ChecksView, Finding, Verdict

Views = Mapping[str, View | Absent]
FINE, FOUND, UNANSWERED = 0, 1, 2
OFF = "PYTEST_DISABLE_PLUGIN_AUTOLOAD"


class Job:
    """A plan, the session that it is held against, and what came of it. Views are read once, when the first
    item asks.
    """

    def __init__(
        self,
        plan: Plan,
        session: Session,
        *,
        known: frozenset[str] = frozenset(),
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.plan = plan
        self._session = session
        self._known = known
        self._environment = dict(environment or {})
        self._folder = folder
        self._judgement: Judgement | None = None
        self._views: Views = {}
        self._lost: UnidbgError | None = None
        self.load_failed = ""
        self.asked: list[str] = []
        """Names of the checks that ran: pytest may have deselected some."""

    @property
    def judgement(self) -> Judgement:
        """What is wrong; made once. TargetError, each time, where the guest is gone."""
        if self._lost is not None:
            raise TargetError(str(self._lost))
        if self._judgement is None:
            try:
                self._judgement = self._judge()
            except UnidbgError as error:
                self._lost = error
                raise
        return self._judgement

    def _judge(self) -> Judgement:
        """Two moments where there is a load, which may kill the guest: then the checks say how."""
        names, before = needed(self.plan), None
        began = time.monotonic_ns()
        if self.plan.load is not None:
            before = self._session.views(names)
            began = time.monotonic_ns()
            self.load_failed = self._drive(self.plan.load)
        elapsed = time.monotonic_ns() - began
        self._views = self._session.views(names)
        return judge(
            self.plan,
            self._views,
            before,
            known=self._known,
            load_failed=self.load_failed,
            elapsed_ns=elapsed,
        )

    def _drive(self, load: Load) -> str:
        """Run the load command; why it failed, or nothing."""
        child = subprocess.Popen(
            load.command,
            shell=True,
            cwd=self._folder,
            env=self._environment or None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        command = load.command.strip()
        try:
            output, _ = child.communicate(timeout=load.timeout_s)
        except subprocess.TimeoutExpired:
            return f"the load did not end within {load.timeout_s:g} s: {command}"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # what the shell has started ends with it
            child.wait()
        if child.returncode:
            said = output.strip()[-500:]
            return f"the load failed with {child.returncode}: {command}{f': {said}' if said else ''}"
        return ""

    def images(self) -> list[str]:
        """Paths of the images that the guest is seen with."""
        return [module.image.path for module in self._session.program.modules]

    def find_source(self, file: str) -> str | None:
        """Where a file that the image names is on this machine."""
        return self._session.sources.find(file)

    def verdict(self, name: str) -> Verdict:
        """The verdict of one check."""
        return next(verdict for verdict in self.judgement.verdicts if verdict.check == name)

    def findings(self, name: str) -> list[Finding]:
        """What one check found."""
        return [finding for finding in self.judgement.findings if finding.check == name]

    def view(self) -> ChecksView:
        """The answer: the findings and verdicts of the checks that ran."""
        asked = set(self.asked)
        findings = tuple(f for f in self.judgement.findings if f.check in asked)
        verdicts = tuple(v for v in self.judgement.verdicts if v.check in asked)
        return ChecksView(self._session.provenance_of(self._views), (), findings, verdicts)


class Violated(Exception):
    """A check found something; the message is what the report shows."""


class CheckItem(pytest.Item):
    """One check or condition."""

    def __init__(self, *, job: Job, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.job = job

    def runtest(self) -> None:
        """Violated for findings; skipped where a built-in check could not tell, an error for a condition."""
        self.job.asked.append(self.name)
        verdict = self.job.verdict(self.name)
        found = [finding for finding in self.job.findings(self.name) if finding.severity != "note"]
        if found:
            raise Violated("\n".join(said(finding) for finding in found))
        if verdict.outcome == "unknown":
            if ":" in self.name or self.name == "load":
                raise TargetError(f"could not tell: {verdict.reason}")
            pytest.skip(f"could not tell: {verdict.reason}")
        if verdict.outcome == "suppressed":
            pytest.skip(f"suppressed: {verdict.reason}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The finding, not our traceback."""
        if isinstance(excinfo.value, Violated | TargetError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The file of checks and the line of a condition."""
        line = self.job.plan.lines.get(self.name, 0)
        return Path(self.job.plan.path or "unidbg"), line - 1 if line else None, self.name


class CheckCollector(pytest.Collector):
    """All checks of a job."""

    def __init__(self, *, job: Job, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.job = job

    def collect(self) -> Iterable[pytest.Item]:
        """An item for each."""
        for name in self.job.plan.names():
            yield CheckItem.from_parent(self, name=name, job=self.job)


class Plugin:
    """Puts the checks of jobs in place of what pytest would collect from files."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = jobs

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> object:
        """Collect, select by -k, and say so to whoever listens."""
        items: list[pytest.Item] = []
        for job in self._jobs:
            name = os.path.relpath(job.plan.path) if job.plan.path else "built-in"
            collector = CheckCollector.from_parent(session, name=name, nodeid=name, job=job)
            items += list(session.genitems(collector))
        session.items = items
        hook = session.config.hook
        hook.pytest_collection_modifyitems(session=session, config=session.config, items=items)
        hook.pytest_collection_finish(session=session)
        session.testscollected = len(items)
        return True


NEEDLESS = (
    "cacheprovider", "debugging", "doctest", "faulthandler", "legacypath", "logging", "monkeypatch",
    "pastebin", "recwarn", "setuponly", "setupplan", "stepwise", "threadexception", "tmpdir", "unittest",
    "unraisableexception",
)  # fmt: skip
"""Parts of pytest that no check needs: they cost time, and look for faults in Python code."""


def run(jobs: Sequence[Job], arguments: Sequence[str], *, shown: bool) -> int:
    """Run the jobs by pytest; `shown`: with its own output. The exit code: 0, 1 or 2.

    Nothing of the project's own tests is run or heeded: no conftest.py, no plugins, no options of theirs.
    """
    words = [word for name in NEEDLESS for word in ("-p", f"no:{name}")]
    words += ["--noconftest", "--rootdir", ".", "-c", os.devnull, "-o", "junit_suite_name=unidbg"]
    kept = io.StringIO()
    with _bare(), contextlib.nullcontext() if shown else contextlib.redirect_stdout(kept):
        code = pytest.main([*words, *arguments], plugins=[Plugin(jobs)])
    return judged(int(code), jobs)


@contextlib.contextmanager
def _bare() -> Iterator[None]:
    """What the environment has for the pytest of the project's tests is not for this one."""
    hidden = {name: os.environ.pop(name, None) for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", OFF)}
    os.environ[OFF] = "1"
    try:
        yield
    finally:
        for name, value in hidden.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def judged(code: int, jobs: Sequence[Job]) -> int:
    """pytest's exit code and the findings as ours: without findings a failure is a question unanswered."""
    if code == pytest.ExitCode.OK:
        return UNANSWERED if any(job.load_failed for job in jobs) else FINE
    if code == pytest.ExitCode.TESTS_FAILED:
        found = any(f.severity != "note" for job in jobs for f in job.view().findings)
        return FOUND if found else UNANSWERED
    return UNANSWERED


def said(finding: Finding) -> str:
    """A finding as the report of a failed item has it."""
    place = finding.location
    at = f"\n  at {place.symbol} ({place.file}:{place.line})" if place and place.symbol else ""
    return f"{finding.severity}: {finding.message}{at}\n  do: {finding.remedy}"
