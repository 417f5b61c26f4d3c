"""Fixtures of the end-to-end tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.guests import Boot, Booted, boot_guest


@pytest.fixture
def boot(sample: Callable[[str], Path]) -> Iterator[Boot]:
    """Boots guests that end with the test; a sample is waited for until it says hello."""
    with ExitStack() as guests:

        def start(
            what: str | Path,
            *,
            machine: str = "q35",
            append: str = "",
            ready: str | None = None,
            arguments: Sequence[str] = (),
        ) -> Booted:
            named = isinstance(what, str)
            image = sample(what) if isinstance(what, str) else what
            ready = ready or ("libos: " if named else None)
            return guests.enter_context(
                boot_guest(image, machine=machine, append=append, ready=ready, arguments=arguments)
            )

        yield start
