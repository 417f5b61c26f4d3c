"""Probes of what unidbg's own stub adds."""

from __future__ import annotations

from unidbg.conform.guest import Guest
from unidbg.conform.outcome import Outcome, judged, no, probe, yes
from unidbg.rsp.unidbgstub import STOOD_QUERY, STOP_QUERY, lease_request, parse_stood, parse_stub_stop
from unidbg.target.breakin import LEASE

OURS = "unidbg"


@probe(OURS, "ABI")
def abi(guest: Guest) -> Outcome:
    version = guest.target.stub.abi
    return yes(str(version)) if version else no()


@probe(OURS, "lease: a client that vanishes leaves nothing behind")
def lease(guest: Guest) -> Outcome:
    reply = guest.ask(lease_request(int(1000 * LEASE)))
    return judged(reply, reply == b"OK", "OK")


@probe(OURS, "the reason of a stop")
def reason(guest: Guest) -> Outcome:
    reply = guest.ask(STOP_QUERY)
    stop = parse_stub_stop(reply)
    return judged(reply, stop is not None and bool(stop.kind), "a kind")


@probe(OURS, "how long the guest stood")
def stood(guest: Guest) -> Outcome:
    reply = guest.ask(STOOD_QUERY)
    return judged(reply, parse_stood(reply) is not None, "a time")
