"""Probes of what LLDB asks besides. Last but one: they may change how the stub talks."""

from __future__ import annotations

import json

from unidbg.conform.guest import NOWHERE, Guest
from unidbg.conform.outcome import YES, Outcome, judged, no, probe, untested, wrong
from unidbg.rsp.replies import is_error

LLDB = "LLDB"


@probe(LLDB, "qHostInfo")
def host(guest: Guest) -> Outcome:
    reply = guest.ask(b"qHostInfo")
    return judged(reply, b"triple:" in reply or b"arch:" in reply or b"cputype:" in reply, "a triple")


@probe(LLDB, "qProcessInfo")
def process(guest: Guest) -> Outcome:
    reply = guest.ask(b"qProcessInfo")
    return judged(reply, b"pid:" in reply, "a pid")


@probe(LLDB, "qMemoryRegionInfo")
def region(guest: Guest) -> Outcome:
    if guest.sp is None:
        return untested("no address is known")
    reply = guest.ask(b"qMemoryRegionInfo:%x" % guest.sp)
    return judged(reply, b"start:" in reply and b"size:" in reply and b"r" in reply, "the stack's region")


@probe(LLDB, "QThreadSuffixSupported")
def suffix(guest: Guest) -> Outcome:
    reply = guest.ask(b"QThreadSuffixSupported")
    if reply != b"OK" or not guest.thread:
        return judged(reply, reply == b"OK", "OK")
    block = guest.ask(b"g;thread:%b;" % guest.thread.encode())
    return YES if block == guest.ask(b"g") else wrong("g;thread: is not what g gives")


@probe(LLDB, "QListThreadsInStopReply")
def list_in_stops(guest: Guest) -> Outcome:
    reply = guest.ask(b"QListThreadsInStopReply")
    if reply != b"OK":
        return judged(reply, False, "OK")
    return YES if b"threads:" in guest.ask(b"?") else wrong("they are not in stop replies")


@probe(LLDB, "QEnableErrorStrings: errors in words")
def error_strings(guest: Guest) -> Outcome:
    reply = guest.ask(b"QEnableErrorStrings")
    if reply != b"OK":
        return judged(reply, False, "OK")
    return YES if is_error(guest.ask(b"m%x,8" % NOWHERE)) else wrong("a bad address is no error any more")


@probe(LLDB, "jThreadsInfo")
def threads(guest: Guest) -> Outcome:
    reply = guest.ask(b"jThreadsInfo")
    if not reply:
        return no()
    try:
        found = json.loads(reply)
    except ValueError:
        return wrong("no JSON")
    return YES if isinstance(found, list) and found else wrong("no list of threads")
