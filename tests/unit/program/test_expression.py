"""Expressions against a guest compiled by gcc."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import types as c
from tests.support.fake_target import FakeMemory
from tests.support.kernel import Guest, kernel
from unidbg.errors import MemoryFault, SymbolError, SymbolNotFound, TypeNotFound, UnidbgError
from unidbg.program.expression import ExpressionError, evaluate, evaluate_address
from unidbg.program.program import Program
from unidbg.program.show import ALL, Shower
from unidbg.program.value import Value
from unidbg.views.inspect import ValueNode


@pytest.fixture(scope="module")
def guest() -> Guest:
    return kernel()


def number(guest: Guest, text: str) -> int | float:
    value = evaluate(guest.program, text)
    return value.float_() if "double" in value.type_.name else value.int_()


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("-7 / 2", -3),
        ("-7 % 3", -1),
        ("7 - 2 - 1", 4),
        ("1 << 4 | 1", 17),
        ("0x10 & ~1", 16),
        ("010", 8),
        ("0b101", 5),
        ("'A'", 65),
        ("'\\n'", 10),
        ("'\\x41'", 65),
        ("!0 + !5", 1),
        ("3 > 2 && 2 > 1", 1),
        ("0 || 0", 0),
        ("1 == 1.0", 1),
        ("1.5 * 2", 3.0),
        ("(int)2.9", 2),
        ("(char)0x141", 65),
        ("(unsigned char)-1", 255),
        ("0xffffffff + 1", 1 << 32),
        ("(unsigned int)0 - 1", 0xFFFFFFFF),
        ("sizeof(struct unidbg_heap)", 144),
        ("sizeof(int)", 4),
        ("sizeof heap", 144),
        ("sizeof(struct unidbg_heap *)", 8),
        ("heap.current - heap.start", 4096),
        ("loop.timers[2].deadline_ns", 9000),
        ("(&loop)->iterations", 17),
        ("loop.handlers->events", 2),
        ("*bitmap", 0xFF),
        ("bitmap[2]", 1),
        ("&bitmap[2] - bitmap", 2),
        ("((struct unidbg_timer *)loop.timers)[0].period_ns", 1000),
        ("*(unsigned long *)&heap", 0x200000),
        ("$rip == &_start", 1),
        ("$rsp + 8", 0x30F008),
        ("*(uint32_t *)((char *)&seven + 0)", 7),
        ("seven", 7),
        ("config.ports[1]", 443),
        ("(unsigned)seven << 2", 28),
    ],
)
def test_results(guest: Guest, text: str, result: float) -> None:
    assert number(guest, text) == result


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("", ExpressionError, "no expression"),
        ("1 +", ExpressionError, "at the end"),
        ("(1", ExpressionError, "`)` is missing"),
        ("1 2", ExpressionError, "operator is missing before `2`"),
        ("1 / 0", ExpressionError, "division by zero"),
        ("1 << 99", ExpressionError, "shift"),
        ("@", ExpressionError, "`@` is not understood"),
        ("hepa", SymbolNotFound, "heap"),
        ("heap.curent", SymbolError, "current"),
        ("(struct unidbg_heep *)0", TypeNotFound, "unidbg_heap"),
        ("*seven", ExpressionError, "cast"),
        ("*(void *)0", ExpressionError, "cast"),
        ("*(int *)0", MemoryFault, "0x0"),
        ("&7", ExpressionError, "no address"),
        ("tick(0)", ExpressionError, "not called"),
        ("$rop", SymbolNotFound, "rip"),
        ("heap + 1", SymbolError, "struct"),
        ("(struct unidbg_heap)7", ExpressionError, "cast"),
        ("0x1ffffffffffffffff", ExpressionError, "64 bits"),
        ("(" * 80 + "1" + ")" * 80, ExpressionError, "nested"),
        ("-" * 80 + "1", ExpressionError, "nested"),
        ("1" * 5000, ExpressionError, "longer than"),
    ],
)
def test_errors_say_what_and_where(guest: Guest, text: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error) as caught:
        evaluate(guest.program, text).bytes_()
    assert words in str(caught.value)


def test_variables_of_one_source_file(guest: Guest) -> None:
    file = guest.image.variable("seven").file.rsplit("/", 1)[-1]
    assert number(guest, f"'{file}'::seven + 1") == 8
    with pytest.raises(SymbolNotFound, match=r"other\.c"):
        evaluate(guest.program, "'other.c'::seven")


@pytest.mark.parametrize("text", ["tick+4", "tick + 0x4", "<tick+4>"])
def test_places_are_in_bytes(guest: Guest, text: str) -> None:
    assert evaluate_address(guest.program, text) == guest.at("tick") + 4


def test_places_of_objects_pointers_and_numbers(guest: Guest) -> None:
    assert evaluate_address(guest.program, "heap") == guest.at("heap")
    assert evaluate_address(guest.program, "bitmap + 1") == guest.at("bitmap") + 1
    assert evaluate_address(guest.program, "&bitmap[1]") == guest.at("bitmap") + 8
    assert evaluate_address(guest.program, "loop.handlers") == evaluate(guest.program, "loop.handlers").int_()
    assert evaluate_address(guest.program, "0x1000") == 0x1000
    assert evaluate_address(guest.program, "$rsp") == 0x30F000


def test_without_an_image_numbers_registers_and_plain_types_work(guest: Guest) -> None:
    bare = Program(guest.target)
    assert evaluate(bare, "$rsp + 1").int_() == 0x30F001
    assert evaluate(bare, f"*(uint64_t *){guest.at('heap'):#x}").int_() == 0x200000
    with pytest.raises(SymbolError, match="--image"):
        evaluate(bare, "heap")


@given(st.text(alphabet="heap.loop*&()[]->+-/%<>=!~1 0x$ripsizeof'\\a,", max_size=40))
def test_any_text_gives_a_value_or_one_of_our_errors(text: str) -> None:
    with contextlib.suppress(UnidbgError):
        evaluate(GUEST.program, text)


GUEST = kernel()


# trees


def show(guest: Guest, text: str) -> tuple[ValueNode, Shower]:
    shower = Shower(guest.program)
    return shower.node(text, evaluate(guest.program, text), "value"), shower


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("seven", "7"),
        ("(char)65", "65 'A'"),
        ("(char)200", "-56 '\udcc8'"),
        ("boot.command_line", '"console=ttyS0 [bold]"'),
        ("config.name", '<anything> "demo"'),
        ("loop.timers[0].callback", "<anything> <tick>"),
        ("tick", "<anything> <tick>"),
        ("1.5", "1.5"),
        ("(_Bool)1", "true"),
        ("(char *)4", "0x4 <unreadable>"),
    ],
)
def test_leaves(guest: Guest, text: str, shown: str) -> None:
    node, _ = show(guest, text)
    assert node.text == shown or (shown.startswith("<anything>") and node.text.endswith(shown[11:]))


def test_structs_and_arrays_are_trees(guest: Guest) -> None:
    node, shower = show(guest, "loop")
    names = [child.name for child in node.children]
    assert names[:3] == ["now_ns", "iterations", "timers_fired"]
    timers = next(child for child in node.children if child.name == "timers")
    assert [timer.name for timer in timers.children] == [f"[{i}]" for i in range(8)]
    assert timers.children[0].children[2].text == "4000"
    assert shower.faults == []


def test_unreadable_parts_are_faults(guest: Guest) -> None:
    node, shower = show(guest, "*(struct unidbg_heap *)0x9000000")
    assert node.text == "<unreadable>"
    assert shower.faults[0].where.startswith("value")


def test_trees_are_bounded(guest: Guest) -> None:
    memory = FakeMemory({0: bytes(1 << 20)})
    node = Shower(guest.program).node("huge", Value(memory, c.array(c.array(c.U16, 1000), 100), 0))
    assert len(node.children[0].children) == ALL.elements + 1
    assert node.children[0].children[-1].text == "800 more elements"
    assert node.children[-1].text == f"{100 - len(node.children) + 1} more elements"
