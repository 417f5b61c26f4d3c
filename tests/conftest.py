"""What all tests share: a state folder of their own, marks by folder, hypothesis profiles, built samples.

Imports nothing that another system lacks: the pure tests also run without termios, fcntl and resource.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parent.parent
LONG = os.environ.get("UNIDBG_LONG") == "1"
TIME_TO_BUILD = 300

# Derandomized: a failure is the same for everyone. `make test-long` looks further and elsewhere each time.
settings.register_profile("quick", max_examples=50, deadline=None, derandomize=True, database=None)
settings.register_profile(
    "long", max_examples=2000, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("long" if LONG else "quick")


def heed_interrupts() -> None:
    """Undo what a shell does to what it puts into the background: SIGINT is ignored, by all children too.

    Without this the tests of Ctrl-C fail under `make test &` and wherever a runner of CI does the same.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


heed_interrupts()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what boots guests, and leave out what takes minutes."""
    for item in items:
        if ROOT / "tests" / "e2e" in item.path.parents:
            item.add_marker("e2e")
        if not LONG and item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="takes minutes: UNIDBG_LONG=1 or make test-long"))


@pytest.fixture(autouse=True, scope="session")
def state_folder() -> Iterator[Path]:
    """A registry, a cache and a configuration of this process alone; short, for the paths of sockets."""
    folder = Path(tempfile.mkdtemp(prefix="unidbg-"))
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("UNIDBG_") and name != "UNIDBG_LONG"]:
            patch.delenv(name)
        for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES"):
            patch.delenv(name, raising=False)
        for name, part in (
            ("XDG_RUNTIME_DIR", "run"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_CONFIG_HOME", "etc"),
        ):
            (folder / part).mkdir(mode=0o700)
            patch.setenv(name, str(folder / part))
        yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sample() -> Callable[[str], Path]:
    """`sample("hello")` is the built image of samples/hello; built first where it is not yet."""

    def build(name: str) -> Path:
        make_samples(name)
        return ROOT / "samples" / "build" / "x86_64" / f"{name}.elf"

    return build


def make_samples(*words: str) -> None:
    """Run make in samples, one test process at a time."""
    fcntl = pytest.importorskip("fcntl")  # another system builds no samples

    (ROOT / "samples" / "build").mkdir(exist_ok=True)
    with open(ROOT / "samples" / "build" / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            ["make", "-C", ROOT / "samples", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIME_TO_BUILD,
        )
    assert done.returncode == 0, done.stdout
