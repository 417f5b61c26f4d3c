"""The suite: every probe in its order, over one session."""

from __future__ import annotations

from importlib import import_module

from unidbg.conform.guest import Guest
from unidbg.conform.outcome import PROBES, Outcome, Probe
from unidbg.conform.raw import try_the_line
from unidbg.errors import (
    LocalProtocolError,
    ProtocolError,
    TargetError,
    TargetGone,
    TargetTimeout,
    UnidbgError,
)
from unidbg.target.dump.naming import names_dump
from unidbg.target.link import Link
from unidbg.target.opening import open_target
from unidbg.target.rsptarget import RspTarget
from unidbg.views.conformance import Capability, ConformanceReport

MODULES = ("framing", "registers", "memory", "threads", "ours", "running", "tracing", "modes", "lldb")
"""In the order in which their probes are run. What runs the guest comes late: a stub may not survive it."""


def conform(url: str, timeout: float) -> ConformanceReport:
    """Try everything at the stub that `url` names."""
    if names_dump(url):
        raise TargetError(f"{url} is a dump: there is no stub to try; give the address of a guest")
    for module in MODULES:
        import_module(f"unidbg.conform.{module}")
    raw: dict[str, str] = {}

    def before(link: Link) -> None:
        if link.line.reliable:
            raw.update(try_the_line(link))

    target = open_target(url, timeout=timeout, before=before)
    if not isinstance(target, RspTarget):
        target.close()
        raise TargetError(f"{url} is no stub: give the address of one")
    with target:
        target.run.stop()
        guest = Guest(target, raw)
        found = tuple(_try(one, guest) for one in PROBES)
        return ConformanceReport(url, target.kind, guest.architecture, _conforms(found), found)


def _try(one: Probe, guest: Guest) -> Capability:
    outcome = _outcome(one, guest)
    return Capability(one.group, one.name, outcome.verdict, one.required, outcome.detail)


def _outcome(one: Probe, guest: Guest) -> Outcome:
    try:
        return one.run(guest)
    except TargetGone:
        raise
    except TargetTimeout:
        return Outcome("wrong", "no answer")
    except (ProtocolError, LocalProtocolError) as error:
        return Outcome("wrong", str(error))
    except UnidbgError as error:
        return Outcome("untested", str(error))


def _conforms(found: tuple[Capability, ...]) -> bool:
    return not any(one.verdict == "wrong" or (one.required and one.verdict == "no") for one in found)
