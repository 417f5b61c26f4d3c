"""The one table of commands."""

from __future__ import annotations

import pytest

from unidbg.rsp.commands import COMMANDS, Effect, Reply, find


@pytest.mark.parametrize(
    ("payload", "prefix"),
    [
        (b"qC", b"qC"),
        (b"qCRC:0,10", b"qCRC:"),
        (b"vCont?", b"vCont?"),
        (b"vCont;c", b"vCont"),
        (b"m0,10", b"m"),
        (b"MultiMemRead:ranges:0,1;", b"MultiMemRead:"),
        (b"M0,1:00", b"M"),
        (b"D;1", b"D"),
        (b"qSupported:a+", b"qSupported"),
        (b"QUnidbgLease:1f4", b"QUnidbgLease:"),
    ],
)
def test_the_longest_prefix_wins(payload: bytes, prefix: bytes) -> None:
    command = find(payload)
    assert command is not None
    assert command.prefix == prefix


@pytest.mark.parametrize("payload", [b"", b"vContraption", b"Dx", b"qSupportedX", b"yes"])
def test_what_is_no_command_is_not_found(payload: bytes) -> None:
    assert find(payload) is None


def test_every_row_finds_itself() -> None:
    for command in COMMANDS:
        assert find(command.prefix) is command


def test_what_runs_or_writes_is_marked() -> None:
    effects = {command.prefix: command.effect for command in COMMANDS}
    assert effects[b"c"] is effects[b"D"] is effects[b"k"] is Effect.RUNS
    assert effects[b"X"] is effects[b"Z"] is effects[b"G"] is Effect.WRITES
    assert {command.reply for command in COMMANDS if command.prefix in (b"c", b"s", b"?")} == {Reply.STOP}
