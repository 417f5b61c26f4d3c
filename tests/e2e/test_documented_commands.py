"""Every `unidbg` command that the documentation shows is run, against a guest of the documented name.

The addresses that pages use (`:1234`, `localhost:1234`, `@hello`) all stand for one guest here, which listens
where the kernel let it; the files that they name are there, and are its image. `@httpd` is another one, which
has a network, and `@crash` one that dies.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.documents import Documented, commands

UNIDBG = str(Path(sys.executable).with_name("unidbg"))
IMAGE = "samples/build/x86_64/hello.elf"
STARTS = ("run", "stop")
SECONDS = 30


class Place(NamedTuple):
    """A folder that looks as the documentation says, and what stands for the documented targets there."""

    folder: Path
    address: str
    network: str
    dead: str = ""

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [UNIDBG, *words],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    def words(self, documented: Documented) -> list[str]:
        """The command as it must be typed here."""
        there = {":1234", "localhost:1234", "@hello"}
        stands_for = {**dict.fromkeys(there, self.address), "@httpd": self.network, "@crash": self.dead}
        return [stands_for.get(word, word) for word in documented.words[1:]]

    def start(self, name: str, *words: str) -> str:
        """A guest of that name; where its stub listens."""
        started = self.run("run", "--detach", "--name", name, "--json", *words)
        assert started.returncode == 0, started.stderr
        [guest] = json.loads(started.stdout)["data"]["guests"]
        [stub] = [line["url"] for line in guest["lines"] if line["kind"] == "stub"]
        return str(stub)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, sample: Callable[[str], Path]) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("documented")
    (folder / IMAGE).parent.mkdir(parents=True)
    for name in (IMAGE, "app.dbg", "app.elf"):
        shutil.copy(sample("hello"), folder / name)
    (folder / "console.log").write_text("panic at 0x100099\n")
    place = Place(folder, "", "")
    try:
        hello = place.start("documented", IMAGE)
        made = place.run("dump", "@documented", "-o", "hello.core")
        assert made.returncode == 0, made.stderr
        httpd = place.start("documented-httpd", str(sample("httpd")), "--net")
        crash = place.start("documented-crash", str(sample("crash")), "--append", "crash=null-write")
        yield place._replace(address=hello, network=httpd, dead=crash)
    finally:
        place.run("stop", "@documented", "@documented-httpd", "@documented-crash")


@pytest.mark.parametrize("documented", [c for c in commands("unidbg") if c.words[1] not in STARTS], ids=str)
def test_documented_commands_answer(documented: Documented, place: Place) -> None:
    words = place.words(documented)
    if any(word.startswith("--watch") for word in words):
        answer_again_and_again(place, words)
        return
    done = place.run(*words)
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout.strip() or "--pcapng" in words
    if "--json" in words:
        assert json.loads(done.stdout)["schema"] == 1


def answer_again_and_again(place: Place, words: list[str]) -> None:
    """The command shows the view twice, and Ctrl-C ends it."""
    command = subprocess.Popen(
        [UNIDBG, *words, "--json"],
        cwd=place.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert command.stdout is not None
        assert [json.loads(command.stdout.readline())["schema"] for _ in range(2)] == [1, 1]
        command.send_signal(signal.SIGINT)
        assert command.wait(SECONDS) == 130
    finally:
        command.kill()
        command.communicate()


def test_documented_guests_start_and_end(place: Place) -> None:
    started = [list(c.words[1:]) for c in commands("unidbg") if c.words[1] == "run"]
    assert ["run", IMAGE] in started
    done = place.run("run", IMAGE)
    try:
        assert done.returncode == 0, done.stderr
        assert "@hello" in done.stderr
        assert done.stdout.strip()
    finally:
        ended = place.run("stop", "@hello")
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("hosted", ["", "1"])
def test_the_demo_leaves_nothing_behind(sample: Callable[[str], Path], hosted: str) -> None:
    sample("hosted" if hosted else "httpd")
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [root / ".ci" / "demo"],
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        | {"HOSTED": hosted},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "heap" in done.stdout.lower()
    assert ("as a Linux process" in done.stdout) == bool(hosted)
    left = subprocess.run([UNIDBG, "ls", "--json"], capture_output=True, text=True, check=True)
    assert "demo" not in [guest["name"] for guest in json.loads(left.stdout)["data"]["guests"]]
