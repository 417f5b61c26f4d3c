"""`unidbg demo`."""

from __future__ import annotations

import os
import sys

import click

from unidbg.cli.attaching import attach
from unidbg.cli.command import Command, examples
from unidbg.cli.options import COLOR, JSON, Settings, settings
from unidbg.cli.out import write

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(__file__))), "demo")
CORE, IMAGE = os.path.join(FOLDER, "crash.core.gz"), os.path.join(FOLDER, "crash.elf")


@click.command("demo", cls=Command, epilog=examples("unidbg demo", "unidbg demo --path"))
@click.option("--path", "only_path", is_flag=True, help="Print the dump's path, for any other command.")
@settings(JSON, COLOR)
def command(only_path: bool, settings: Settings) -> None:
    """Look into a dump that comes with unidbg: a unikernel that wrote to NULL.

    It opens as `attach` opens a guest, with no QEMU and on any host.
    """
    if only_path:
        write(f"{CORE} --image {IMAGE}\n")
        return
    sys.exit(attach(CORE, settings._replace(images=((IMAGE, None),))))
