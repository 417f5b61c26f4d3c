"""GDB/MI: records, and a conversation that knows when an answer is complete."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unidbg.errors import LocalProtocolError
from unidbg.mi.conversation import Conversation
from unidbg.mi.records import Notice, Output, Prompt, Result, parse_record

STARTUP = b'=thread-group-added,id="i1"\n~"Reading symbols\\n"\n(gdb) \n'


def test_records() -> None:
    assert parse_record('12^done,value="a\\"b"') == Result(12, "done", {"value": 'a"b'})
    assert parse_record('*stopped,reason="breakpoint-hit"') == Notice("stopped", {"reason": "breakpoint-hit"})
    assert parse_record('~"hello\\n"') == Output("console", "hello\n")
    assert parse_record('&"warning\\n"') == Output("log", "warning\n")
    assert parse_record("the program's own words") == Output("other", "the program's own words")
    assert parse_record("(gdb) ") == Prompt()
    error = parse_record('3^error,msg="No symbol table"')
    assert isinstance(error, Result)
    assert error.error == "No symbol table"
    assert Result(1, "done").error is None


def test_an_answer_is_complete_at_the_prompt_behind_its_token() -> None:
    conversation = Conversation()
    conversation.receive_data(STARTUP)
    assert conversation.ready
    assert conversation.send("-gdb-version") == b"1-gdb-version\n"
    conversation.receive_data(b'(gdb) \n~"GNU gdb\\n"\n&"log\\n"\n')
    assert conversation.answer is None, "that prompt belongs to what came before"
    conversation.receive_data(b"7^done\n(gdb) \n")
    assert conversation.answer is None, "that result is not ours"
    conversation.receive_data(b'1^done,version="13"\n')
    assert conversation.answer is None
    conversation.receive_data(b"(gdb) \n")
    answer = conversation.answer
    assert answer is not None
    assert (answer.values["version"], answer.console, answer.log) == ("13", "GNU gdb\n", "log\n")
    assert conversation.send("next").startswith(b"2-interpreter-exec console")
    assert conversation.answer is None


def test_commands_of_the_console_are_quoted() -> None:
    conversation = Conversation()
    assert conversation.send('print "a\\n"') == b'1-interpreter-exec console "print \\"a\\\\n\\""\n'
    with pytest.raises(LocalProtocolError, match="not answered"):
        conversation.send("next")
    with pytest.raises(LocalProtocolError, match="one line"):
        Conversation().send("a\nb")


def test_stops_are_kept_until_somebody_takes_them() -> None:
    conversation = Conversation()
    conversation.receive_data(b'*running,thread-id="all"\n*stopped,reason="a"\n*stopped,reason="b"\n')
    first, second = conversation.stopped(), conversation.stopped()
    assert first is not None
    assert second is not None
    assert (first.values["reason"], second.values["reason"]) == ("a", "b")
    assert conversation.stopped() is None


@given(st.lists(st.integers(0, 90), max_size=8))
def test_fragmentation_changes_nothing(cuts: list[int]) -> None:
    wire = STARTUP + '1^done,name="naïve"\n(gdb) \n'.encode()
    conversation = Conversation()
    conversation.send("-x")
    edges = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    for start, end in pairwise(edges):
        conversation.receive_data(wire[start:end])
    assert conversation.answer is not None
    assert conversation.answer.values["name"] == "naïve"


@given(st.text(max_size=40))
def test_any_line_is_a_record(line: str) -> None:
    parse_record(line.replace("\n", "").replace("\r", ""))


@given(st.text(alphabet='^*=,{}[]"\\ab1n', max_size=40))
def test_lines_that_look_like_mi_are_parsed_or_left_as_text(rest: str) -> None:
    for start in ("1^done,", "*stopped,a={", "~", "=x,y=["):
        parse_record(start + rest)


@pytest.mark.parametrize(
    "line", ['*stopped,reason="x",a={b="c",d=[{n=",}"', "=x,y=,", '~"bad \\] escape"', "12^done,a"]
)
def test_lines_on_which_the_parser_would_hang_or_raise(line: str) -> None:
    assert parse_record(line) == Output("other", line)
