"""Guests that are Linux processes: a unikernel's image that was linked as a program, with the hosted stub."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence

from unidbg.errors import ConfigError, TargetGone
from unidbg.target import registry
from unidbg.target.registry import GuestRecord
from unidbg.transport import process
from unidbg.transport.network import Forward

MACHINE, ACCELERATOR = "hosted", "process"
PT_INTERP = 3
TAKEN = "Address already in use"


def is_hosted(image: str) -> bool:
    """Whether the image is a program for Linux: it names the loader that it wants."""
    from unidbg_symbols import Image

    return any(segment.p_type == PT_INTERP for segment in Image.open(image).segments)


def refuse(**options: object) -> None:
    """ConfigError for options that are QEMU's."""
    given = [name for name, value in options.items() if value]
    if given:
        raise ConfigError(
            f"this image is a Linux process: there is no --{given[0]} for it; give the one that QEMU boots"
        )


def start(
    name: str, folder: str, image: str, ports: Iterable[int], append: str, forwards: Sequence[Forward]
) -> GuestRecord:
    """Start it on the first port that it gets. TargetGone with its own words if it ends at once."""
    console = os.path.join(folder, "console.log")
    said = "no port is free"
    for port in ports:
        try:
            started = process.start(
                image,
                port=port,
                append=append,
                forwards=forwards,
                console=console,
                output=os.path.join(folder, "messages.log"),
            )
        except TargetGone as error:
            said = str(error)
            if TAKEN not in said:
                break
            continue
        return GuestRecord(
            name=name,
            image=image,
            pid=started.pid,
            birth=registry.birth_of(started.pid),
            machine=MACHINE,
            accelerator=ACCELERATOR,
            started=time.time(),
            log=console,
            folder=folder,
            lines={"stub": started.stub},
            forwards=started.forwards,
        )
    raise TargetGone(f"{image} could not be started: {said}")
