"""`unidbg run`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from unidbg.cli.command import Command, examples
from unidbg.cli.options import Settings, guest_settings
from unidbg.cli.parameters import ForwardType

if TYPE_CHECKING:
    from unidbg.target.guests import Forward


@click.command(
    "run",
    cls=Command,
    epilog=examples(
        "unidbg run app.elf",
        "unidbg run app.elf --detach --append 'console=ttyS0' --memory 256M",
        "unidbg run httpd.elf --forward 8080:80 --forward udp:7",
        "unidbg run app.elf -- -device virtio-rng-pci",
    ),
)
@click.argument("image", type=click.Path(exists=True, dir_okay=False), required=False, metavar="[IMAGE]")
@click.argument("arguments", nargs=-1, metavar="[-- QEMU-ARGUMENTS...]")
@click.option("--name", metavar="NAME", help="Its @NAME; else made from the file's name.")
@click.option(
    "--machine",
    type=click.Choice(["q35", "microvm", "virt"]),
    help="QEMU's machine; q35, and virt for an image of another architecture.",
)
@click.option("--memory", metavar="SIZE", help="Its memory: 64M, 1G; 64M where nothing else says.")
@click.option(
    "--cpus", type=click.IntRange(1, 255), metavar="N", help="How many vCPUs; 1 where nothing else says."
)
@click.option("--append", metavar="TEXT", help="The kernel's command line.")
@click.option(
    "--initrd", type=click.Path(exists=True, dir_okay=False), metavar="FILE", help="An initial RAM disk."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), metavar="PORT", help="Of the stub; else 1234 or the next free."
)
@click.option("--net", is_flag=True, help="Give it a network: a virtio card on QEMU's user network.")
@click.option(
    "--forward",
    "forwards",
    type=ForwardType(),
    multiple=True,
    metavar="[tcp:|udp:][PORT:]GUEST-PORT",
    help="Lead PORT of 127.0.0.1, else a free one, to a port of the guest; repeatable. Includes --net.",
)
@click.option("--paused", is_flag=True, help="Do not let it go: it stands before its first instruction.")
@click.option("--detach", is_flag=True, help="Do not attach.")
@guest_settings
def command(
    image: str | None,
    arguments: tuple[str, ...],
    name: str | None,
    machine: str | None,
    memory: str | None,
    cpus: int | None,
    append: str | None,
    initrd: str | None,
    port: int | None,
    net: bool,
    forwards: tuple[Forward, ...],
    paused: bool,
    detach: bool,
    settings: Settings,
) -> None:
    """Start an image in QEMU and attach to it.

    Loopback only, with an accelerator that is proven to work, its console in a log, and lines for several
    clients at once. The guest stays when you leave: `unidbg stop @NAME` ends it. What no option says stands
    under [run] in unidbg.toml. Without a terminal the overview is printed instead. An image that was linked
    as a Linux process (samples/build/hosted) is started as such, without QEMU.
    """
    from unidbg.cli.launching import Wishes, run

    network = forwards if net or forwards else None
    wishes = Wishes(image, name, machine, memory, cpus, append, initrd, paused, port, network, arguments)
    sys.exit(run(wishes, settings, detach=detach))
