"""hello comes up on both machines, with little and with much memory, and ends when it is told to."""

from __future__ import annotations

import pytest

from tests.e2e.samples.conftest import Boot

DEBUG_EXIT = ("-device", "isa-debug-exit")


@pytest.mark.parametrize("memory", ["32M", "1G", "4G"])
def test_boots(boot: Boot, memory: str) -> None:
    guest = boot("hello", memory=memory)
    guest.wait_for(r"hello, world$")


def test_exits_with_the_status_of_the_debug_exit_device(boot: Boot) -> None:
    guest = boot("hello", "exit", extra=DEBUG_EXIT)
    guest.wait_for(r"libos: exit$")
    assert guest.wait_exit() == 1


def test_powers_off_where_there_is_no_such_device(boot: Boot) -> None:
    guest = boot("hello", "exit=50")
    guest.wait_for(r"libos: exit$")
    assert guest.wait_exit() == 0


def test_knows_its_command_line(boot: Boot) -> None:
    guest = boot("hello", "some=thing and more")
    found = guest.wait_for(r'command line "(.*)"$')
    assert found[1].startswith("some=thing and more")


def test_echoes_what_is_typed(boot: Boot) -> None:
    guest = boot("hello")
    guest.wait_for(r"hello, world$")
    guest.type_text("good morning\n")
    guest.wait_for(r'you said "good morning"$')
    guest.type_text("x" * 100 + "\nagain\n")
    guest.wait_for(r'you said "x{79}"$')
    guest.wait_for(r'you said "again"$')
