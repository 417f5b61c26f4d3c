"""Checks as a pipeline has them: `unidbg check` and the fixtures of the pytest plugin, over booted guests."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.guests import UNIDBG

PYTEST = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider")
FILE = """\
suppress = [{check = "lazy-initializer-pending", reason = "not needed", until = 2099-12-31}]
[conditions]
"heap.allocated_bytes" = {max = "1 MiB"}
"rings.*.stuck" = false
"threads.*.stack_margin_bytes" = {min = "1 KiB"}
[growth]
"heap.failed" = {max = 0}
[load]
command = "curl -sf http://127.0.0.1:$UNIDBG_PORT_80/ -o /dev/null"
"""
TESTS = """\
import urllib.request
import pytest

def get(guest):
    return urllib.request.urlopen(f"http://127.0.0.1:{guest.port(80)}/", timeout=20).read()

@pytest.mark.parametrize("number", range(4))
def test_serves(number, unidbg_guest, unidbg_session):
    unidbg_session.remember()
    assert get(unidbg_guest)
    unidbg_session.wait_until("net.protocols.tcp.received", min=1)
    unidbg_session.no_new_findings()
    assert unidbg_session.value("app.name") == "httpd"

@pytest.mark.unidbg(append="health=fail")
def test_is_sick(unidbg_guest, unidbg_session, unidbg_dump):
    unidbg_session.wait_until("orchestration.health.failed", timeout=60, min=1)
    assert unidbg_dump().stat().st_size > 4096
    unidbg_session.no_new_findings()

def test_needs_no_guest():
    pass
"""


@pytest.fixture
def place(tmp_path: Path, sample: Callable[[str], Path]) -> Path:
    """A folder of a project that has httpd for its unikernel."""
    image = sample("httpd")
    (tmp_path / "unidbg.toml").write_text(
        f'[run]\nimage = "{image}"\nforward = ["80"]\nready = "port:80"\nmemory = "64M"\n'
    )
    (tmp_path / "test_httpd.py").write_text(TESTS)
    (tmp_path / "checks.toml").write_text(FILE)
    return tmp_path


def run(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, cwd=place, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180, check=False
    )


def guests() -> list[str]:
    done = subprocess.run([UNIDBG, "ls", "--json"], capture_output=True, text=True, check=True)
    return [guest["image"] for guest in json.loads(done.stdout)["data"]["guests"]]


def image(sample: Callable[[str], Path], name: str = "httpd") -> str:
    return str(sample(name))


def test_a_green_run_and_what_it_writes(place: Path, sample: Callable[[str], Path]) -> None:
    words = ("checks.toml", "--junitxml", "out.xml", "--sarif", "out.sarif", "--json")
    done = run(place, UNIDBG, "check", image(sample), *words)
    assert done.returncode == 0, done.stdout + done.stderr
    data = json.loads(done.stdout)["data"]
    outcomes = {verdict["check"]: verdict["outcome"] for verdict in data["verdicts"]}
    assert outcomes["condition:rings.*.stuck"] == "ok"
    assert outcomes["growth:heap.failed"] == "ok"
    assert outcomes["loop-starved"] == "ok"
    assert outcomes["lazy-initializer-pending"] == "suppressed"
    assert "found" not in {outcomes[name] for name in ("heap-leaks", "heap-integrity", "text-changed")}
    names = [case.get("name") for case in ET.parse(place / "out.xml").iter("testcase")]
    assert len(names) == len(outcomes)
    log = json.loads((place / "out.sarif").read_text())
    assert log["version"] == "2.1.0"
    assert log["runs"][0]["tool"]["driver"]["name"] == "unidbg"


def test_a_red_run_says_where(place: Path, sample: Callable[[str], Path]) -> None:
    (place / "checks.toml").write_text('[conditions]\n"app.name" = "other"\n')
    done = run(place, UNIDBG, "check", image(sample), "checks.toml", "-v", "-k", "condition")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "app.name is 'httpd', not 'other'" in done.stdout
    assert "1 failed" in done.stdout


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[conditions]\n"heap.cont" = 1\n', "checks.toml:2: heap.cont"),
        ("[load]\ncommand = 'exit 3'\n", "the load failed with 3"),
        ('builtin = false\n[conditions]\n"heap.pages.oops" = 1\n', "no field `oops`"),
    ],
)
def test_what_cannot_be_answered_is_2(
    place: Path, sample: Callable[[str], Path], text: str, words: str
) -> None:
    (place / "checks.toml").write_text(text)
    done = run(place, UNIDBG, "check", image(sample), "checks.toml")
    assert done.returncode == 2, done.stdout + done.stderr
    assert words in done.stdout + done.stderr


def test_a_baseline_makes_what_is_known_pass(place: Path, sample: Callable[[str], Path]) -> None:
    (place / "checks.toml").write_text('builtin = false\n[conditions]\n"app.name" = "other"\n')
    words = (UNIDBG, "check", image(sample), "checks.toml", "--baseline", "known.json")
    assert run(place, *words).returncode == 2
    assert run(place, *words, "--write-baseline").returncode == 0
    done = run(place, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "suppressed" in done.stdout


def test_the_fixtures_green_red_and_in_parallel(place: Path) -> None:
    done = run(place, *PYTEST, "-n", "2", "-rA", "test_httpd.py")
    assert "5 passed" in done.stdout, done.stdout + done.stderr
    assert "1 failed" in done.stdout
    assert "health-check" in done.stdout
    (core,) = place.glob("unidbg-artifacts/*is_sick*/*/guest.core")
    (diagnosis,) = place.glob("unidbg-artifacts/*is_sick*/*/diagnosis.md")
    assert (core.parent / "console.log").read_text()
    assert "health-check" in diagnosis.read_text()
    shown = run(place, UNIDBG, "app", str(core), "--json")
    assert json.loads(shown.stdout)["data"]["name"] == "httpd"
    assert str(place) not in " ".join(guests())


HANGING = """
import pathlib, time
def test_hangs(unidbg_guest):
    pathlib.Path("pid").write_text(str(unidbg_guest.record.pid))
    time.sleep(600)
"""


@pytest.mark.parametrize("words", [(), ("-n", "1")], ids=["alone", "xdist"])
def test_a_killed_run_leaves_no_guest_behind(place: Path, words: tuple[str, ...]) -> None:
    (place / "test_httpd.py").write_text(HANGING)
    tests = subprocess.Popen([*PYTEST, *words, "test_httpd.py"], cwd=place, stdout=subprocess.DEVNULL)
    try:
        pid = wait_for(lambda: int((place / "pid").read_text() or 0) if (place / "pid").exists() else 0)
        tests.send_signal(signal.SIGKILL)
        tests.wait()
        wait_for(lambda: not alive(pid))
    finally:
        tests.kill()
        tests.wait()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(ask: Callable[[], int], timeout: float = 60.0) -> int:
    deadline = time.monotonic() + timeout
    while not (found := ask()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def test_the_plugin_is_found_by_its_entry_point() -> None:
    from importlib.metadata import entry_points

    found = [point.value for point in entry_points(group="pytest11") if point.name == "unidbg"]
    assert found == ["unidbg.testing.plugin"]


READY = Path(__file__).parents[2] / "samples" / "ci"


def test_the_folder_that_users_copy(tmp_path: Path, sample: Callable[[str], Path]) -> None:
    """As a new user would: copied into an empty repository, with the image where its page says."""
    shutil.copytree(READY, tmp_path, dirs_exist_ok=True)
    (tmp_path / "build").mkdir()
    shutil.copy(sample("httpd"), tmp_path / "build" / "httpd.elf")
    checked = run(tmp_path, UNIDBG, "check", "build/httpd.elf", "--sarif", "unidbg.sarif")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    tested = run(tmp_path, *PYTEST, "tests")
    assert "2 passed" in tested.stdout, tested.stdout + tested.stderr


def test_a_leak_turns_the_run_red_with_its_call_site(tmp_path: Path, sample: Callable[[str], Path]) -> None:
    (tmp_path / "unidbg.toml").write_text('[run]\nappend = "callsites"\n')
    done = run(tmp_path, UNIDBG, "check", str(sample("leaky")), "-k", "heap-leaks", "--json")
    assert done.returncode == 1, done.stdout + done.stderr
    findings = json.loads(done.stdout)["data"]["findings"]
    assert findings
    assert all(finding["location"]["symbol"] for finding in findings)
