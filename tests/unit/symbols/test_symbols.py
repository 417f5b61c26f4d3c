"""Symbol tables: every symbol equals what nm says, by name and by address."""

from __future__ import annotations

import pytest
from unidbg_symbols import Image
from unidbg_symbols.errors import SymbolNotFound

from tests.unit.symbols.builds import FLAVOURS, IDS, build, have, image, run

GCC = ("gcc", "-gdwarf-5", "-O0")


def nm(path: str) -> list[tuple[int, str, str]]:
    """(address, letter, name) of the symbols that nm lists."""
    rows = (line.split() for line in run(["nm", path]).splitlines())
    return [(int(row[0], 16), row[1], row[2]) for row in rows if len(row) == 3]


@pytest.mark.parametrize("flavour", FLAVOURS, ids=IDS)
def test_every_symbol_equals_nm(flavour: tuple[str, ...]) -> None:
    if not have(flavour[0]):
        pytest.skip(f"no {flavour[0]}")
    opened = image(*flavour)
    for address, letter, name in nm(str(build(*flavour))):
        found = opened.symbols_named(name)
        assert address in {symbol.address for symbol in found}
        if letter in "TDBR":
            assert opened.symbol(name).address == address
        if letter in "TtDdBbRr" and not name.startswith("$"):
            owner = opened.symbol_at(address)
            assert owner is not None
            assert owner.address == address


def test_the_index_answers_like_the_search() -> None:
    names = sorted({name for _, _, name in nm(str(build(*GCC)))})
    cold = {name: Image.open(build(*GCC)).symbols_named(name) for name in names}
    warm = image(*GCC)
    for _ in range(2):
        for name in names:
            assert warm.symbols_named(name) == cold[name]


def test_a_symbol_reaches_as_far_as_its_size() -> None:
    opened = image(*GCC)
    walk = opened.symbol("walk")
    assert walk.kind == "func"
    assert walk.section == ".text"
    for offset in (0, 1, walk.size - 1):
        assert opened.symbol_at(walk.address + offset) == walk
    after = opened.symbol_at(walk.address + walk.size)
    assert after is None or after.name != "walk"
    assert opened.symbol_at(0) is None
    assert opened.symbol_at((1 << 64) - 1) is None


def test_labels_reach_to_the_next_and_do_not_hide_functions() -> None:
    opened = image("gcc", sources=("labels.S",))
    names = {
        opened.symbol("sized").address + 2: "sized",
        opened.symbol("inside").address: "sized",
        opened.symbol("unsized").address + 3: "unsized",
        opened.symbol("last").address + 1: "last",
    }
    for address, name in names.items():
        owner = opened.symbol_at(address)
        assert owner is not None
        assert owner.name == name
    text = opened.section(".text")
    assert text is not None
    assert opened.symbol_at(text.addr + text.size) is None


def test_a_global_is_preferred_to_a_static_and_to_a_weak_one() -> None:
    opened = image("gcc", sources=("labels.S",))
    assert [symbol.binding for symbol in opened.symbols_named("unsized")] == ["global"]
    here = opened.symbol_at(opened.symbol("strong_name").address)
    assert here is not None
    assert here.name == "strong_name"


def test_an_unknown_symbol_names_what_is_near() -> None:
    with pytest.raises(SymbolNotFound, match="did you mean other_walk") as caught:
        image(*GCC).symbol("other_wlk")
    assert caught.value.name == "other_wlk"
    assert image(*GCC).symbols_named("") == ()


def test_all_symbols_are_listed() -> None:
    opened = image(*GCC)
    assert {symbol.name for symbol in opened.symbols()} >= {"walk", "root", "helper", "_start"}
