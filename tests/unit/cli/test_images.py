"""What is asked of an ELF file alone, as a user types it: symbolize, type --diff, index."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from unidbg_symbols import Image

from tests.support.images import compile_image
from tests.unit.cli.support import UNIDBG, unidbg

SOURCE = """
struct pair { int first; long second; struct { char a; int b; } inner; };
enum kind { ONE = 1, TWO = 2 };
struct pair kept; enum kind chosen;
static inline __attribute__((always_inline)) int half(int n) { return n / 2; }
int __attribute__((noinline)) leaf(int n) { kept.first = n; return half(n); }
int middle(int n) { return leaf(n) + 1; }
void _start(void) { middle(1); for (;;) ; }
"""
LATER = SOURCE.replace("int first;", "int zeroth; int first;").replace("int b;", "int c; int b;").replace(
    "TWO = 2", "TWO = 3, THREE = 4"
)  # fmt: skip


@pytest.fixture(scope="module")
def path() -> Path:
    return compile_image(SOURCE)


def returned_to(path: Path, function: str, caller: str) -> int:
    """The address behind the call of `function` in `caller`."""
    shown = subprocess.run(["objdump", "-d", path], capture_output=True, text=True, check=True).stdout
    lines = shown.split(f"<{caller}>:")[1].splitlines()
    at = next(number for number, line in enumerate(lines) if f"<{function}>" in line and "call" in line)
    return int(lines[at + 1].split(":")[0], 16)


def test_a_log_gets_names_and_nothing_else_changes(path: Path, tmp_path: Path) -> None:
    address = returned_to(path, "leaf", "middle")
    log = tmp_path / "log"
    log.write_bytes(b"\x1b[1mboot\xff\r\n called from 0x%x\n12:30 0x10 (no newline)" % address)
    done = subprocess.run([*UNIDBG, "symbolize", path, log], capture_output=True, check=True)
    before, note, after = done.stdout.partition(b"(middle+")
    assert before == b"\x1b[1mboot\xff\r\n called from 0x%x " % address
    assert after.partition(b")")[2] == b"\n12:30 0x10 (no newline)"
    with Image.open(path) as image:
        line = image.line_at(address - 1)
    assert line is not None
    assert f"{os.path.basename(line.file)}:{line.line})".encode() in note + after
    assert done.stderr == b""


def test_a_pipe_is_answered_line_by_line(path: Path) -> None:
    address = returned_to(path, "leaf", "middle")
    command = [*UNIDBG, "symbolize", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line, part in (("hello\n", "hello\n"), (f"{address:#x}\n", "(middle+"), ("bye\n", "bye\n")):
            process.stdin.write(line)
            process.stdin.flush()
            assert part in process.stdout.readline()
        process.stdin.close()
        assert process.wait(30) == 0


@pytest.mark.parametrize("given", [True, False])
def test_the_bias_is_found_or_given(path: Path, tmp_path: Path, given: bool) -> None:
    bias = 0x4000_0000
    log = tmp_path / "log"
    log.write_text(
        f"0x{bias + returned_to(path, 'leaf', 'middle'):x}\nrip leaf+0x0 0x{bias + start(path):x}\n"
    )
    done = unidbg("symbolize", str(path), str(log), *(["--bias", hex(bias)] if given else []))
    assert done.returncode == 0
    assert "(middle+" in done.stdout
    assert "(leaf+0x0" in done.stdout
    assert (f"bias {bias:#x}: by the functions" in done.stderr) is not given


def start(path: Path) -> int:
    with Image.open(path) as image:
        return image.symbol("leaf").address


def test_a_log_of_another_image_says_what_to_do(path: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("0xffffffff81000000 0xffffffff82000000\n")
    done = unidbg("symbolize", str(path), str(log))
    assert (done.returncode, done.stdout) == (0, log.read_text())
    assert "--bias" in done.stderr
    done = unidbg("symbolize", str(path), str(log), "--bias", "here")
    assert done.returncode == 2
    assert "0x200000" in done.stderr


def test_json_has_what_was_found(path: Path, tmp_path: Path) -> None:
    address = returned_to(path, "leaf", "middle")
    log = tmp_path / "log"
    log.write_text(f"nothing 0x1\nat {address:#x}, kept {kept(path) + 8:#x}\n")
    data = json.loads(unidbg("symbolize", str(path), str(log), "--json").stdout)["data"]
    code, variable = data["addresses"]
    assert (code["line"], code["address"], code["frames"][-1]["symbol"]) == (2, hex(address), "middle")
    assert (variable["frames"][0]["symbol"], variable["frames"][0]["offset"]) == ("kept", 8)
    assert data["bias"] == "0x0"


def kept(path: Path) -> int:
    with Image.open(path) as image:
        return image.symbol("kept").address


def test_types_of_two_images_are_compared(path: Path) -> None:
    later = compile_image(LATER)
    done = unidbg("type", str(path), "struct pair", "--diff", str(later), "--json", "--exit-code")
    assert done.returncode == 1
    rows = {(row["what"], row["name"]): (row["before"], row["after"]) for row in
            json.loads(done.stdout)["data"]["differences"]}  # fmt: skip
    assert rows[("added", "zeroth")] == ("", "int zeroth at 0")
    assert rows[("moved", "first")] == ("0", "4")
    assert rows[("moved", "inner.b")] == ("4", "8")
    assert rows[("resized", "inner")] == ("8 bytes", "12 bytes")
    enums = unidbg("type", str(path), "enum kind", "--diff", str(later)).stdout
    assert "TWO" in enums
    assert "2 -> 3" in enums
    assert "THREE" in enums
    same = unidbg("type", str(path), "struct pair", "--diff", str(path), "--exit-code")
    assert same.returncode == 0
    assert "no difference" in same.stdout


def test_a_type_that_one_image_lacks_is_an_error_that_names_it(path: Path) -> None:
    later = compile_image(LATER.replace("struct pair", "struct couple"))
    done = unidbg("type", str(path), "struct pair", "--diff", str(later))
    assert done.returncode == 2
    assert str(later) in done.stderr
    done = unidbg("type", str(path), "struct pair", "--exit-code")
    assert done.returncode == 2
    assert "--diff" in done.stderr


def test_an_index_is_written_and_used(path: Path, tmp_path: Path) -> None:
    done = unidbg("index", str(path), "--json", XDG_CACHE_HOME=str(tmp_path))
    data = json.loads(done.stdout)["data"]
    assert Path(data["path"]).parent == tmp_path / "unidbg" / "index"
    assert Path(data["path"]).stat().st_size == data["size_bytes"]
    assert data["names"] > 3
    before = unidbg("type", str(path), "struct pair").stdout
    assert unidbg("type", str(path), "struct pair", XDG_CACHE_HOME=str(tmp_path)).stdout == before


def test_an_image_without_debug_information_has_no_index(path: Path, tmp_path: Path) -> None:
    stripped = tmp_path / "stripped.elf"
    shutil.copy(path, stripped)
    subprocess.run(["strip", stripped], check=True)
    done = unidbg("index", str(stripped))
    assert done.returncode == 2
    assert "-g" in done.stderr


def test_a_folder_that_cannot_be_written_is_said(path: Path, tmp_path: Path) -> None:
    (tmp_path / "unidbg").write_text("in the way")
    done = unidbg("index", str(path), XDG_CACHE_HOME=str(tmp_path))
    assert done.returncode == 2
    assert str(tmp_path) in done.stderr


def test_what_cannot_be_symbolized_says_why(path: Path, tmp_path: Path) -> None:
    stripped = tmp_path / "stripped.elf"
    shutil.copy(path, stripped)
    subprocess.run(["strip", stripped], check=True)
    log = tmp_path / "log"
    log.write_text("0x101000\n")
    done = unidbg("symbolize", str(stripped), str(log))
    assert (done.returncode, done.stdout) == (2, "")
    assert "has no symbols" in done.stderr
    closed = subprocess.run(
        ["sh", "-c", '"$@" <&-', "sh", *UNIDBG, "symbolize", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert closed.returncode == 2
    assert "standard input" in closed.stderr
