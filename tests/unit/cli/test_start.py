"""What is loaded before a command runs, and what a shell gets for completion."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.unit.cli.support import UNIDBG, unidbg
from unidbg import __version__

HEAVY = {"textual", "numpy", "rich", "elftools", "capstone", "asyncio", "pygdbmi", "socket", "subprocess"}


def imported(code: str) -> set[str]:
    """The modules that a fresh Python holds after `code`."""
    asked = f"{code}\nimport sys; print('\\n'.join(sys.modules), file=sys.stderr)"
    run = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60
    )
    return set(run.stderr.split())


def test_version_is_a_constant() -> None:
    ran = unidbg("--version")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"unidbg {__version__}\n", "")


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["heap", "--help"], ["qq"]])
def test_little_is_loaded_at_start(arguments: list[str]) -> None:
    loaded = imported(f"from unidbg.cli.running import run; run({arguments})")
    assert not loaded & HEAVY
    assert "unidbg.session" not in loaded
    assert not [name for name in loaded if name.startswith("unidbg.views")]


def test_completion_loads_no_command() -> None:
    environment = {"_UNIDBG_COMPLETE": "bash_complete", "COMP_WORDS": "unidbg he", "COMP_CWORD": "1"}
    code = (
        f"import os; os.environ.update({environment})\n"
        "from unidbg.cli.running import run\n"
        "try: run([])\nexcept SystemExit: pass"
    )
    loaded = imported(code)
    assert not [name for name in loaded if name.startswith("unidbg.cli.commands.")]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    ran = unidbg(_UNIDBG_COMPLETE=f"{shell}_source")
    assert ran.returncode == 0
    assert "_UNIDBG_COMPLETE" in ran.stdout


def completions(words: str, position: int, **environment: str) -> list[str]:
    ran = unidbg(_UNIDBG_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(position), **environment)
    return [line.split(",", 1)[-1] for line in ran.stdout.splitlines() if line]


def test_commands_and_options_complete() -> None:
    assert completions("unidbg de", 1) == ["devices", "demo"]
    assert set(completions("unidbg b", 1)) == {"boot", "bt"}
    assert "--watch" in completions("unidbg heap --w", 2)
    assert completions("unidbg heap :1 --color ", 4) == ["auto", "always", "never"]


def test_a_closed_pipe_is_quiet() -> None:
    for arguments in (["--help"], ["heap", "--help"]):
        read, write = os.pipe()
        os.close(read)
        ran = subprocess.run(
            [*UNIDBG, *arguments], stdin=subprocess.DEVNULL, stdout=write, stderr=subprocess.PIPE, timeout=30
        )
        os.close(write)
        assert (ran.returncode, ran.stderr) == (0, b"")
