"""What `run` does: fill in what the project says, start the guest, attach to it, and say how to end it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from unidbg import config
from unidbg.cli import attaching, guests
from unidbg.cli.exits import ANSWERED
from unidbg.cli.options import Settings
from unidbg.cli.out import present
from unidbg.errors import ConfigError
from unidbg.render.escape import escape

if TYPE_CHECKING:
    from unidbg.target.guests import Forward


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
    network: tuple[Forward, ...] | None = None
    arguments: tuple[str, ...] = ()


def run(wishes: Wishes, settings: Settings, *, detach: bool) -> int:
    """Start, say where, attach unless `detach`. Returns the exit code."""
    from unidbg.target.guests import launch
    from unidbg.views.host import GuestsReport

    wanted = completed(wishes, config.load())
    record = launch(**wanted._asdict())
    name, led = f"@{record.name}", guests.view(record).forwards
    _say(f"{name} runs: stub {record.lines['stub']}, console in {record.log}")
    _say(*(f"{one.host} leads to its {one.protocol} port {one.guest_port}" for one in led))
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
        network=wishes.network if wishes.network is not None else _network(project),
        arguments=wishes.arguments or project.strings("run", "arguments"),
    )


def _network(project: config.Config) -> tuple[Forward, ...] | None:
    from unidbg.target.guests import parse_forward

    forwards = tuple(parse_forward(text) for text in project.strings("run", "forward"))
    return forwards if forwards or project.flag("run", "net") else None


def _of_project(project: config.Config, key: str) -> str | None:
    path = project.text("run", key)
    return None if path is None else project.resolve(path)


def _say(*lines: str) -> None:
    """On stderr: stdout is for answers."""
    for line in lines:
        print(escape(line), file=sys.stderr, flush=True)
