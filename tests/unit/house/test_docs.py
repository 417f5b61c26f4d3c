"""The documentation says what is so: links lead somewhere, commands parse, generated pages are current."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from docs import generate
from tests.support.documents import ROOT, Documented, anchors, commands, links, pages, prose
from unidbg.cli.exits import MEANINGS
from unidbg.cli.root import COMMANDS, root

PROGRAMS = {"make", "pipx", "unidbg"}
NAMES = {name for group in COMMANDS.values() for name in group}


@pytest.mark.parametrize("page", ["commands.md", "exit-codes.md", "interface.md"])
def test_generated_pages_are_current(page: str) -> None:
    path = ROOT / "docs" / page
    assert path.read_text() == generate.pages()[path], "run make docs"


def test_every_exit_code_is_explained() -> None:
    page = (ROOT / "docs" / "exit-codes.md").read_text()
    assert all(f"| {code} |" in page for code in (*MEANINGS, 0, 1, 2, 70, 130))


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        where, _, anchor = link.partition("#")
        if "://" in where:
            continue
        path = page.parent / where if where else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(link)
    assert broken == []


def test_readers_are_told_to_type_what_is_known() -> None:
    assert {command.words[0] for command in commands("*")} <= PROGRAMS


@pytest.mark.parametrize("documented", commands("make"), ids=str)
def test_documented_targets_of_make_exist(documented: Documented) -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert all(re.search(rf"^{target}:.*## ", makefile, re.MULTILINE) for target in documented.words[1:])


@pytest.mark.parametrize("documented", commands("unidbg"), ids=str)
def test_documented_commands_parse(
    documented: Documented, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (word for word in documented.words if word.endswith((".elf", ".dbg", ".log"))):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    name, *arguments = documented.words[1:]
    with click.Context(root, info_name="unidbg") as top:
        command = root.get_command(top, name)
        assert command is not None
        command.make_context(name, arguments, parent=top).close()


def test_every_command_that_is_named_exists() -> None:
    for page in pages():
        named = set(re.findall(r"`unidbg ([a-z]+)\b", prose(page)))
        assert named <= NAMES, page


def test_the_readme_begins_with_what_it_is() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert "the unikernel debugger" in lines[0]
    assert "Android emulator" in "\n".join(lines[:5])


def test_the_changelog_names_every_command() -> None:
    page = (ROOT / "CHANGELOG.md").read_text()
    assert [name for name in NAMES if not re.search(rf"\b{name}\b", page)] == []
