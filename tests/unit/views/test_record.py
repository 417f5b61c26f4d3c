"""Classes of the vocabulary behave as frozen dataclasses do."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import pytest

from unidbg.views.base import Address, Fault, Location, Range
from unidbg.views.record import Record
from unidbg.views.system import Thread

PLACE = Location(Address(16), "main", offset=4)


def test_fields_by_position_name_and_default() -> None:
    assert (PLACE.address, PLACE.symbol, PLACE.offset, PLACE.file) == (16, "main", 4, None)
    assert [field.name for field in dataclasses.fields(PLACE)] == [
        "address",
        "symbol",
        "offset",
        "file",
        "line",
    ]


@pytest.mark.parametrize(
    ("values", "named", "words"),
    [
        ((), {}, "needs a value for `start`"),
        ((1,), {}, "needs a value for `end`"),
        ((1, 2, 3), {}, "3 were given"),
        ((1, 2), {"end": 3}, "`end`"),
        ((1,), {"ent": 2}, "`end`"),
        ((1, 2), {"ent": 2}, "no `ent`"),
    ],
)
def test_wrong_arguments(values: tuple[int, ...], named: dict[str, int], words: str) -> None:
    make: Any = Range
    with pytest.raises(TypeError, match=words):
        make(*values, **named)


def test_equal_by_class_and_fields() -> None:
    assert Range(Address(1), Address(2)) == Range(Address(1), Address(2))
    assert Range(Address(1), Address(2)) != Range(Address(1), Address(3))
    assert Range(Address(1), Address(2)) != (1, 2)
    assert len({PLACE, Location(Address(16), "main", 4), Location(Address(17))}) == 2


def test_frozen_and_slotted() -> None:
    changed: Any = PLACE
    with pytest.raises(dataclasses.FrozenInstanceError):
        changed.offset = 5
    with pytest.raises(dataclasses.FrozenInstanceError):
        del changed.offset
    assert not hasattr(PLACE, "__dict__")


def test_what_dataclasses_offers_works() -> None:
    assert dataclasses.is_dataclass(PLACE)
    assert dataclasses.replace(PLACE, offset=8).offset == 8
    thread = Thread("1", "", None, "stopped", "", ())
    assert dataclasses.asdict(thread)["state"] == "stopped"
    assert repr(Fault("a", "b")) == "Fault(where='a', reason='b', address=None)"


def test_copies_and_pickles_are_equal() -> None:
    assert copy.deepcopy(PLACE) == PLACE
    assert copy.copy(PLACE) == PLACE
    assert pickle.loads(pickle.dumps(PLACE)) == PLACE


def test_every_class_of_the_vocabulary_is_one() -> None:
    from unidbg.views import base, host, inspect, network, system

    classes = [
        found
        for module in (base, host, inspect, network, system)
        for found in vars(module).values()
        if isinstance(found, type) and found.__module__ == module.__name__
    ]
    assert len(classes) > 50
    assert all(issubclass(found, Record) and dataclasses.is_dataclass(found) for found in classes)
