"""The host build, and a line to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.stub_host import Host, HostBuild, build_host, symbols

Start = Callable[..., Host]


@pytest.fixture(scope="session")
def build() -> HostBuild:
    """Made once."""
    return build_host()


@pytest.fixture(scope="session")
def names(build: HostBuild) -> dict[str, int]:
    """Addresses of the guest's symbols."""
    return symbols(build.image)


@pytest.fixture
def start(build: HostBuild) -> Iterator[Start]:
    """Start hosts with options; all of them must end without a report of a sanitizer."""
    hosts: list[Host] = []

    def one(*options: str, tick: int = 0) -> Host:
        hosts.append(Host(build, *options, tick=tick))
        return hosts[-1]

    yield one
    for host in hosts:
        host.close()


@pytest.fixture
def host(start: Start) -> Host:
    """A host without acknowledgements, standing."""
    return start().no_ack()
