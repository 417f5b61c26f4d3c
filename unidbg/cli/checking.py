"""What `check` does: read the plans, boot or open the guest, run the checks, write what was asked for."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from unidbg import config as configuration
from unidbg.cli import opening
from unidbg.cli.exits import ANSWERED
from unidbg.cli.files import write_file
from unidbg.cli.options import Settings
from unidbg.cli.out import present, write
from unidbg.errors import ConfigError

if TYPE_CHECKING:
    from unidbg.checks.plan import Plan
    from unidbg.render.places import Places
    from unidbg.session import Session
    from unidbg.testing.checking import Job
    from unidbg.testing.guest import Guest
    from unidbg.views.findings import ChecksView

ELF_EXECUTABLE = (2, 3)
"""e_type of what can be booted; 4 is a core."""


class Wishes(NamedTuple):
    """What the command line says."""

    target: str | None
    files: tuple[str, ...]
    listed: bool = False
    expression: str | None = None
    verbose: int = 0
    junitxml: str | None = None
    sarif_path: str | None = None
    github: bool = False
    baseline: str | None = None
    write_baseline: bool = False
    ready: str | None = None
    artifacts: str | None = None


def check(wishes: Wishes, settings: Settings) -> int:
    """The exit code."""
    if wishes.listed:
        present(_list, settings)
        return ANSWERED
    plans = read_plans(wishes)
    path, known = _baseline(wishes, plans)
    with _guest(wishes, settings) as (session, environment, guest):
        from unidbg.testing.checking import Job, run

        jobs = [
            Job(
                plan,
                session,
                known=known,
                environment={**os.environ, **environment},
                folder=Path(plan.path).parent if plan.path else None,
            )
            for plan in plans
        ]
        code = run(jobs, _arguments(wishes), shown=bool(wishes.verbose) and not settings.json)
        code = _answer(wishes, settings, jobs, code, path)
        if code != ANSWERED and wishes.artifacts and guest is not None:
            from unidbg.testing.artifacts import collect

            print(collect(guest, Path(wishes.artifacts), "check", quiet=True), file=sys.stderr)
        return code


def _list() -> object:
    from unidbg.checks.running import BUILT_IN
    from unidbg.views.host import CheckInfo, ChecksReport

    return ChecksReport(tuple(CheckInfo(c.name, c.severity, c.needs, c.text, c.remedy) for c in BUILT_IN))


def read_plans(wishes: Wishes) -> list[Plan]:
    """One for each FILE; without any, that of unidbg.toml, or just the built-in checks."""
    from unidbg.checks.plan import Plan, read_plan

    project = configuration.load()
    if wishes.files:
        return [_file(path) for path in wishes.files]
    tree = project.tree("checks")
    if not tree or project.path is None:
        return [Plan()]
    return [read_plan(project.path, tree, Path(project.path).read_text(encoding="utf-8"))]


def _file(path: str) -> Plan:
    import tomllib

    from unidbg.checks.plan import read_plan

    try:
        text = Path(path).read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        line = re.search(r"at line (\d+)", str(error))
        raise ConfigError(f"{path}{f':{line[1]}' if line else ''}: no file of checks: {error}") from None
    return read_plan(path, data.get("checks", data) if set(data) == {"checks"} else data, text)


def _baseline(wishes: Wishes, plans: list[Plan]) -> tuple[str, frozenset[str]]:
    """The path of the baseline, and what is known by it: nothing where it is about to be written."""
    from unidbg.checks.baseline import fingerprints

    named = [os.path.join(os.path.dirname(p.path), p.baseline) for p in plans if p.baseline]
    path = wishes.baseline or (named[0] if named else "")
    if wishes.write_baseline:
        if not path:
            raise ConfigError("--write-baseline needs a file: give --baseline FILE")
        return path, frozenset()
    if not path:
        return "", frozenset()
    try:
        return path, fingerprints(Path(path).read_text(encoding="utf-8"), path)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: no baseline: {error}; make it with --write-baseline") from None


@contextmanager
def _guest(wishes: Wishes, settings: Settings) -> Iterator[tuple[Session, dict[str, str], Guest | None]]:
    """The session, what the load command finds in its environment, and the guest if it is booted for us."""
    project = configuration.load()
    target = wishes.target or project.text("target", "url")
    if target is None and project.text("run", "image") is None:
        raise ConfigError(
            "what is to be checked? give a TARGET or an IMAGE, or `image` under [run] in unidbg.toml"
        )
    if target is not None and "/" in target and ":" not in target and not os.path.exists(target):
        raise ConfigError(f"there is no file {target}: build it first, or give another TARGET or IMAGE")
    if target is not None and not is_image(target):
        with opening.open_session(target, settings) as session:
            yield session, {"UNIDBG_TARGET": target}, None
        return
    from unidbg.testing.guest import boot

    ready = wishes.ready or project.text("run", "ready") or "probe"  # its first structures can be read
    with boot(image=target, folder=os.getcwd(), ready=ready) as guest:
        ports = {f"UNIDBG_PORT_{there}": str(here) for _, here, there in guest.record.forwards}
        with guest.session() as session:
            yield session.session, {"UNIDBG_TARGET": guest.stub, **ports}, guest


def is_image(path: str) -> bool:
    """Whether a TARGET is an ELF file that can be booted, not a core."""
    try:
        with open(path, "rb") as file:
            head = file.read(18)
    except OSError:
        return False
    return head[:4] == b"\x7fELF" and int.from_bytes(head[16:18], "little") in ELF_EXECUTABLE


def _arguments(wishes: Wishes) -> list[str]:
    words = ["-k", wishes.expression] if wishes.expression else []
    words += ["-" + "v" * wishes.verbose] if wishes.verbose else []
    return [*words, f"--junitxml={wishes.junitxml}"] if wishes.junitxml else words


def _answer(wishes: Wishes, settings: Settings, jobs: list[Job], code: int, baseline: str) -> int:
    """Print and write; with --write-baseline what was found is no failure."""
    from unidbg.checks import baseline as baselines
    from unidbg.testing.checking import FINE, FOUND

    view = _merged(jobs)
    if not view.verdicts:
        raise ConfigError(
            f"no check matches -k {wishes.expression!r}: `unidbg check --list` has the built-in ones"
        )
    if wishes.github:
        from unidbg.render.github import workflow_commands

        write(workflow_commands(view, _places(jobs)))
    elif settings.json or not wishes.verbose:
        present(lambda: view, settings._replace(watch=None))
    if wishes.sarif_path:
        _write_sarif(wishes.sarif_path, view, jobs)
    if wishes.write_baseline:
        write_file(baseline, baselines.dump(view.findings).encode())
        print(f"{len(view.findings)} findings are known from now on: {baseline}", file=sys.stderr)
        return FINE if code == FOUND else code
    return code


def _merged(jobs: list[Job]) -> ChecksView:
    views = [job.view() for job in jobs]
    return views[0].__class__(
        views[0].provenance,
        (),
        tuple(finding for view in views for finding in view.findings),
        tuple(verdict for view in views for verdict in view.verdicts),
    )


def _write_sarif(path: str, view: ChecksView, jobs: list[Job]) -> None:
    from unidbg.render.sarif import sarif

    rules = [(check.name, check.text, check.remedy) for job in jobs for check in job.plan.checks]
    write_file(path, sarif(view, rules, _places(jobs)).encode())


def _places(jobs: list[Job]) -> Places:
    """Source by what the image says and the project maps; else the file of checks, or the image itself."""
    from unidbg.render.places import Places, repository

    plans = [job.plan for job in jobs]
    files = [plan.path for plan in plans] + [configuration.load().path, *jobs[0].images()]
    return Places(
        repository(os.getcwd()),
        find=jobs[0].find_source,
        declared={
            name: (os.path.abspath(plan.path), plan.lines.get(name, 1))
            for plan in plans
            for name in plan.names()
            if plan.path
        },
        fallback=next((os.path.abspath(file) for file in files if file), ""),
    )
