"""Variables: every one at a fixed address equals a full walk by pyelftools."""

from __future__ import annotations

import pytest
from unidbg_symbols.errors import NoDebugInfo, SymbolNotFound

from tests.unit.symbols import reference
from tests.unit.symbols.builds import FLAVOURS, IDS, build, have, image

GCC = ("gcc", "-gdwarf-5", "-O0")


@pytest.mark.parametrize("flavour", FLAVOURS, ids=IDS)
def test_every_variable_equals_a_full_walk(flavour: tuple[str, ...]) -> None:
    if not have(flavour[0]):
        pytest.skip(f"no {flavour[0]}")
    expected: dict[str, set[int]] = {}
    for name, address in reference.static_variables(build(*flavour)):
        expected.setdefault(name, set()).add(address)
    assert len(expected) >= 4
    opened = image(*flavour)
    for name, addresses in expected.items():
        found = opened.variables_named(name)
        assert {each.address for each in found} == addresses
        assert opened.variable(name).address in addresses


def test_a_global_has_type_and_place() -> None:
    root = image(*GCC).variable("root")
    assert root.type.name == "struct node"
    assert root.external
    assert root.address == image(*GCC).symbol("root").address
    assert (root.unit.rsplit("/", 1)[-1], root.line > 0) == ("shapes.c", True)


def test_statics_of_the_same_name_are_all_kept() -> None:
    found = image(*GCC).variables_named("private_count")
    assert {each.unit.rsplit("/", 1)[-1] for each in found} == {"shapes.c", "other.c"}
    assert all(not each.external for each in found)
    assert len(image(*GCC).variables_named("calls")) == 2


def test_a_declaration_is_completed_by_the_symbol_table() -> None:
    source = ("declares.c", "defines_without_debug.S")
    found = image("gcc", "-g", "-O0", sources=source).variable("from_assembler")
    assert found.type.name == "struct thing"
    assert found.address == image("gcc", "-g", "-O0", sources=source).symbol("from_assembler").address


def test_what_is_not_there_names_what_is_near() -> None:
    with pytest.raises(SymbolNotFound, match="shared_count") as caught:
        image(*GCC).variable("shared_cont")
    assert caught.value.nearest[0] == "shared_count"
    with pytest.raises(NoDebugInfo, match="-g"):
        image("gcc", "-O0").variable("root")
    with pytest.raises(NoDebugInfo, match="no debug information tells its type"):
        image("gcc", "-g", "-O0", sources=("declares.c", "defines_without_debug.S")).variable("unknown_to_c")
