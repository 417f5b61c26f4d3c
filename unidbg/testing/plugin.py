"""The pytest plugin: the fixtures `unidbg_guest`, `unidbg_session` and `unidbg_dump`.

    @pytest.mark.unidbg(image="build/httpd.elf", net=True, ready="serving")
    def test_it_serves(unidbg_guest, unidbg_session):
        urllib.request.urlopen(f"http://127.0.0.1:{unidbg_guest.port(80)}/").read()
        unidbg_session.no_new_findings()

Options come from the marker, else from the command line, else from `[run]` of unidbg.toml. When a test fails,
the report has the diagnosis, and the console and a dump as files.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from unidbg.testing.guest import Guest
    from unidbg.testing.session import GuestSession

MARKER = (
    "unidbg(image=, machine=, memory=, cpus=, append=, initrd=, net=, forward=, arguments=, ready=, "
    "timeout=): the guest that the fixtures of unidbg boot for this test"
)
GUESTS: pytest.StashKey[list[Guest]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("unidbg", "unikernels under test")
    group.addoption("--unidbg-image", metavar="FILE", help="image for tests whose marker names none")
    group.addoption("--unidbg-machine", metavar="NAME", help="QEMU's machine, where a marker names none")
    group.addoption(
        "--unidbg-artifacts",
        metavar="DIR",
        default="unidbg-artifacts",
        help="where diagnosis, console and dump of failed tests go (unidbg-artifacts)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)


def _wishes(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Marker over command line; what neither says is looked up in unidbg.toml."""
    wishes: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers("unidbg"))):
        wishes.update(marker.kwargs)
    for name in ("image", "machine"):
        given = request.config.getoption(f"unidbg_{name}")
        if given and name not in wishes:
            wishes[name] = given
    parameter = getattr(request, "param", None)
    if isinstance(parameter, dict):
        wishes.update(parameter)
    elif parameter is not None:
        wishes["image"] = parameter
    return wishes


@pytest.fixture
def unidbg_guest(request: pytest.FixtureRequest) -> Iterator[Guest]:
    """A booted guest that is ready. It ends with the test, however that ends.

    Parametrise it indirectly with images, or with dictionaries of what the marker takes.
    """
    from unidbg.testing.guest import boot

    with boot(folder=request.path.parent, **_wishes(request)) as guest:
        request.node.stash.setdefault(GUESTS, []).append(guest)
        yield guest


@pytest.fixture
def unidbg_session(unidbg_guest: Guest) -> Iterator[GuestSession]:
    """Attached to `unidbg_guest`."""
    with unidbg_guest.session() as session:
        yield session


@pytest.fixture
def unidbg_dump(unidbg_guest: Guest, tmp_path: Path) -> Any:
    """A function that dumps `unidbg_guest` and gives the path of the core; any `unidbg` command opens it."""
    return lambda name="guest.core": unidbg_guest.dump(tmp_path / name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    guests = item.stash.get(GUESTS, [])
    if report.failed and guests and report.when != "teardown":
        from unidbg.testing.artifacts import collect

        folder = Path(str(item.config.getoption("unidbg_artifacts")))
        for guest in guests:
            report.sections.append((f"unidbg: @{guest.name}", collect(guest, folder, item.nodeid)))
    return report
