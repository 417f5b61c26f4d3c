"""Private names of ours must not shadow private names of Textual's, which come and go with its versions."""

from __future__ import annotations

import pytest
from unidbg_tui.app import UnidbgApp
from unidbg_tui.keys import KEYS, Key
from unidbg_tui.widgets.bars import Said, Tabs
from unidbg_tui.widgets.blocks import ChartBlock, Facts, Why
from unidbg_tui.widgets.box import Box
from unidbg_tui.widgets.grid import Grid
from unidbg_tui.widgets.loglines import LogLines
from unidbg_tui.widgets.overview import Headline, Overview, Tile
from unidbg_tui.widgets.pane import Pane
from unidbg_tui.widgets.prompt import Prompt

OURS = (
    Box,
    ChartBlock,
    Facts,
    Grid,
    Headline,
    LogLines,
    Overview,
    Pane,
    Prompt,
    Said,
    Tabs,
    Tile,
    UnidbgApp,
    Why,
)


@pytest.mark.parametrize("key", [key for keys in KEYS.values() for key in keys if key.action], ids=str)
def test_every_key_does_something(key: Key) -> None:
    assert hasattr(UnidbgApp, f"action_{key.action.partition('(')[0]}")


@pytest.mark.parametrize("ours", OURS)
def test_private_names_are_ours_alone(ours: type) -> None:
    base = ours.__mro__[1]
    private = [name for name, value in vars(ours).items() if name.startswith("_") and callable(value)]
    assert [name for name in private if not name.startswith("__") and hasattr(base, name)] == []
