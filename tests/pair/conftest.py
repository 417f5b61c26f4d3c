"""The host build of the stub, behind a socket or behind a bad wire."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.stub_host import HostBuild, Served, build_host, symbols


@pytest.fixture(scope="session")
def build() -> HostBuild:
    """Made once."""
    return build_host()


@pytest.fixture(scope="session")
def names(build: HostBuild) -> dict[str, int]:
    """Addresses of the guest's symbols."""
    return symbols(build.image)


@pytest.fixture
def served(build: HostBuild) -> Iterator[Served]:
    """A guest that ticks, behind a loopback socket."""
    with Served(build, "--threads") as server:
        yield server
