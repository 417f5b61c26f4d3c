"""A diagnosis as Markdown does nothing that the guest wants."""

from __future__ import annotations

import dataclasses

from tests.golden.findings import DIAGNOSIS
from unidbg.render.markdown import diagnosis

HOSTILE = "```\n# boo <script> [x](http://x) `tick` \x1b[2J **b**"


def test_guest_text_neither_ends_a_fence_nor_is_markup() -> None:
    view = dataclasses.replace(DIAGNOSIS, name=HOSTILE, reason=HOSTILE, log=(HOSTILE,))
    page = diagnosis(view)
    assert page.count("```") % 2 == 0
    assert page.count("```") == diagnosis(DIAGNOSIS).count("```")
    assert "\x1b" not in page
    title = page.splitlines()[0]
    for mark in ("<script>", "[x]", "**b**", "`tick`"):
        assert mark not in title
