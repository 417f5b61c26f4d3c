"""Probes of what makes the guest run: steps, breakpoints, watchpoints, conditions, break-in."""

from __future__ import annotations

from contextlib import suppress

from unidbg.conform.guest import Guest
from unidbg.conform.outcome import YES, Outcome, no, probe, untested, wrong, yes
from unidbg.conform.track import AFTER_LOAD, AFTER_STORE, LAST, Track, tried
from unidbg.errors import TargetTimeout
from unidbg.rsp.replies import error_text, is_error
from unidbg.rsp.stop import StopReply, parse_stop_reply

RUNNING, BREAKPOINTS = "running", "breakpoints"
SIGTRAP, SIGINT = 5, 2
NEVER, ALWAYS = b";X3,220027", b";X3,220127"
"""Conditions in bytecode: const8 0 (or 1), end."""
HELLO = b"22002200" + b"34000006" + b"hello\0".hex().encode() + b"27"
"""A command in bytecode: function 0, channel 0, printf of no arguments and 6 bytes, end."""
BREAK_IN = 2.0
GOING = 0.1


def _at(track: Track, stop: StopReply, expected: int) -> Outcome:
    """Whether the guest stopped by SIGTRAP at an offset."""
    if stop.signal != SIGTRAP:
        return wrong(f"signal {stop.signal} where 5 was expected")
    return YES if track.pc == expected else wrong(f"it stands at +{track.pc}, not at +{expected}")


@probe(RUNNING, "vCont? lists c, C, s, S")
def vcont(guest: Guest) -> Outcome:
    letters = guest.target.stub.vcont
    if not letters:
        return no()
    missing = [letter for letter in "cCsS" if letter not in letters]
    return wrong(f"without {', '.join(missing)} debuggers do not use it") if missing else YES


@probe(RUNNING, "steps one instruction", required=True)
def step(guest: Guest) -> Outcome:
    return tried(guest, lambda track: _at(track, track.step(), 1))


@probe(RUNNING, "steps through a range (vCont;r)")
def step_range(guest: Guest) -> Outcome:
    if "r" not in guest.target.stub.vcont:
        return no()

    def attempt(track: Track) -> Outcome:
        action = b"r%x,%x" % (track.at, track.at + AFTER_STORE)
        return _at(track, track.run(track.vcont(action)), AFTER_STORE)

    return tried(guest, attempt)


def _break(track: Track, kind: int, offset: int, more: bytes = b"") -> bytes:
    return track.guest.ask(b"Z%d,%x,1%b" % (kind, track.at + offset, more))


def _unbreak(track: Track, kind: int, offset: int) -> bytes:
    return track.guest.ask(b"z%d,%x,1" % (kind, track.at + offset))


def _breakpoint(guest: Guest, kind: int, word: str) -> Outcome:
    def attempt(track: Track) -> Outcome:
        reply = _break(track, kind, 2)
        if reply != b"OK":
            return no(error_text(reply) if is_error(reply) else "")
        try:
            stop = track.go()
            outcome = _at(track, stop, 2)
        finally:
            removed = _unbreak(track, kind, 2)
        if outcome is YES and removed != b"OK":
            return wrong("it cannot be removed")
        if outcome is YES and word in guest.features and stop.reason != word:
            return wrong(f"{word}+ promises that the stop reply says so")
        return outcome

    return tried(guest, attempt)


@probe(BREAKPOINTS, "Z0: software", required=True)
def software(guest: Guest) -> Outcome:
    return _breakpoint(guest, 0, "swbreak")


@probe(BREAKPOINTS, "Z1: hardware")
def hardware(guest: Guest) -> Outcome:
    return _breakpoint(guest, 1, "hwbreak")


@probe(BREAKPOINTS, "memory shows what was there before Z0")
def hidden(guest: Guest) -> Outcome:
    def attempt(track: Track) -> Outcome:
        before = guest.peek(track.at, 4)
        if _break(track, 0, 2) != b"OK":
            return untested("there is no Z0")
        try:
            return YES if guest.peek(track.at, 4) == before else no("breakpoints are seen in memory")
        finally:
            _unbreak(track, 0, 2)

    return tried(guest, attempt)


@probe(BREAKPOINTS, "Z0 twice is once")
def twice(guest: Guest) -> Outcome:
    def attempt(track: Track) -> Outcome:
        if _break(track, 0, 2) != b"OK":
            return untested("there is no Z0")
        _break(track, 0, 2)
        _unbreak(track, 0, 2)
        if _break(track, 0, LAST) != b"OK":
            return wrong("no further one can be set")
        try:
            return _at(track, track.go(), LAST)
        finally:
            _unbreak(track, 0, LAST)
            _unbreak(track, 0, 2)

    return tried(guest, attempt)


@probe(BREAKPOINTS, "? leaves breakpoints alone")
def survive_question(guest: Guest) -> Outcome:
    def attempt(track: Track) -> Outcome:
        if _break(track, 0, 2) != b"OK" or _break(track, 1, LAST) not in (b"OK", b""):
            return untested("there is no Z0")
        guest.ask(b"?")
        _break(track, 0, LAST)
        try:
            stop = track.go()
            return YES if track.pc == 2 and stop.signal == SIGTRAP else no("they are deleted")
        finally:
            _unbreak(track, 0, 2)
            _unbreak(track, 0, LAST)
            _unbreak(track, 1, LAST)

    return tried(guest, attempt)


def _watchpoint(guest: Guest, kind: int, words: tuple[str, ...], *expected: int) -> Outcome:
    """A stop behind the access, at one of the offsets, and the reply says what it was."""

    def attempt(track: Track) -> Outcome:
        place = b"%d,%x,8" % (kind, track.data)
        reply = guest.ask(b"Z" + place)
        if reply != b"OK":
            return no(error_text(reply) if is_error(reply) else "")
        _break(track, 0, LAST)
        try:
            stop = track.go()
            outcome = _at(track, stop, track.pc if track.pc in expected else expected[0])
        finally:
            guest.ask(b"z" + place)
            _unbreak(track, 0, LAST)
        if outcome is YES and (stop.reason not in words or stop.address != track.data):
            return wrong(f"the stop reply does not say {words[0]}:{track.data:x}")
        return outcome

    return tried(guest, attempt)


@probe(BREAKPOINTS, "Z2: watches writes")
def watch_writes(guest: Guest) -> Outcome:
    return _watchpoint(guest, 2, ("watch",), AFTER_STORE)


@probe(BREAKPOINTS, "Z3: watches reads")
def watch_reads(guest: Guest) -> Outcome:
    """x86 has no watchpoint for reads alone: one that also stops at writes will do."""
    return _watchpoint(guest, 3, ("rwatch",), AFTER_LOAD, AFTER_STORE)


@probe(BREAKPOINTS, "Z4: watches both")
def watch_both(guest: Guest) -> Outcome:
    return _watchpoint(guest, 4, ("awatch", "watch"), AFTER_STORE)


@probe(BREAKPOINTS, "conditions run in the stub")
def conditions(guest: Guest) -> Outcome:
    if "ConditionalBreakpoints" not in guest.features:
        return no()

    def attempt(track: Track) -> Outcome:
        if _break(track, 0, 1, NEVER) != b"OK" or _break(track, 0, 2, ALWAYS) != b"OK":
            return wrong("offered, but refused")
        try:
            return _at(track, track.go(), 2)
        finally:
            _unbreak(track, 0, 1)
            _unbreak(track, 0, 2)

    return tried(guest, attempt)


@probe(BREAKPOINTS, "commands run in the stub (dprintf)")
def commands(guest: Guest) -> Outcome:
    if "BreakpointCommands" not in guest.features:
        return no()

    def attempt(track: Track) -> Outcome:
        guest.target.link.take_output()
        if _break(track, 0, 1, b";cmds:0,X%x,%b" % (len(HELLO) // 2, HELLO)) != b"OK":
            return wrong("offered, but refused")
        _break(track, 0, 2)
        try:
            outcome = _at(track, track.go(), 2)
        finally:
            _unbreak(track, 0, 1)
            _unbreak(track, 0, 2)
        said = guest.target.link.take_output()
        if outcome is YES and not said:
            return yes("what they print does not come here")
        return outcome if outcome is not YES or said == b"hello" else wrong(f"it printed {said!r}")

    return tried(guest, attempt)


@probe(RUNNING, "0x03 breaks in", required=True)
def break_in(guest: Guest) -> Outcome:
    if not guest.may_run:
        return untested("the guest stood when we came")
    link = guest.target.link
    link.settle()
    link.stray_stops.clear()
    link.start(b"vCont;c" if "c" in guest.target.stub.vcont else b"c")
    with suppress(TargetTimeout):  # some stubs lose what comes before the guest really runs
        return wrong(f"the guest stopped by itself, signal {parse_stop_reply(link.stop_reply(GOING)).signal}")
    link.interrupt()
    try:
        stop = parse_stop_reply(link.stop_reply(BREAK_IN))
    except TargetTimeout:
        return wrong("the guest runs on")
    return YES if stop.signal in (SIGINT, 0, 17) else wrong(f"it stopped by signal {stop.signal}")
