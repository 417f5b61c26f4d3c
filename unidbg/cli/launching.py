"""What `run` does: fill in what the project says, start the guest, attach to it, and say how to end it."""

from __future__ import annotations

import sys
from typing import NamedTuple

from unidbg import config
from unidbg.cli import attaching, guests
from unidbg.cli.exits import ANSWERED
from unidbg.cli.options import Settings
from unidbg.cli.out import present
from unidbg.errors import ConfigError
from unidbg.render.escape import escape


class Wishes(NamedTuple):
    """What the options of `run` say; `None` and empty where they say nothing."""

    image: str | None = None
    name: str | None = None
    machine: str | None = None
    memory: str | None = None
    cpus: int | None = None
    append: str | None = None
    initrd: str | None = None
    paused: bool = False
    port: int | None = None
    arguments: tuple[str, ...] = ()


def run(wishes: Wishes, settings: Settings, *, detach: bool) -> int:
    """Start, say where, attach unless `detach`. Returns the exit code."""
    from unidbg.target.guests import launch
    from unidbg.views.host import GuestsReport

    wanted = completed(wishes, config.load())
    record = launch(**wanted._asdict())
    name = f"@{record.name}"
    _say(f"{name} runs: stub {record.lines['stub']}, console in {record.log}")
    if detach:
        if settings.json:
            present(lambda: GuestsReport((guests.view(record),)), settings)
        _say(f"attach: unidbg attach {name}", f"end:    unidbg stop {name}")
        return ANSWERED
    try:
        return attaching.attach(name, settings)
    finally:
        _say(f"{name} runs on; end it with: unidbg stop {name}")


def completed(wishes: Wishes, project: config.Config) -> Wishes:
    """The wishes, with what [run] of the project says where an option does not."""
    image = wishes.image or _of_project(project, "image")
    if image is None:
        raise ConfigError("which image? give IMAGE, or `image` under [run] in unidbg.toml")
    cpus = project.number("run", "cpus")
    return wishes._replace(
        image=image,
        machine=wishes.machine or project.text("run", "machine"),
        memory=wishes.memory or project.text("run", "memory"),
        cpus=wishes.cpus or (int(cpus) if cpus is not None else None),
        append=wishes.append if wishes.append is not None else project.text("run", "append"),
        initrd=wishes.initrd or _of_project(project, "initrd"),
        arguments=wishes.arguments or project.strings("run", "arguments"),
    )


def _of_project(project: config.Config, key: str) -> str | None:
    path = project.text("run", key)
    return None if path is None else project.resolve(path)


def _say(*lines: str) -> None:
    """On stderr: stdout is for answers."""
    for line in lines:
        print(escape(line), file=sys.stderr, flush=True)
