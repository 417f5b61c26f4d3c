"""`unidbg stub copy` and `unidbg stub build`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from unidbg.cli.command import Command, examples
from unidbg.cli.options import Settings, plain_settings
from unidbg.cli.out import present

if TYPE_CHECKING:
    AnyType = click.ParamType[Any]
else:
    AnyType = click.ParamType  # subscriptable since click 8.2 only

FOLDER = click.Path(file_okay=False, path_type=Path)


class ArchitectureType(AnyType):
    """An architecture that there is a stub for."""

    name = "ARCH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from unidbg.cli.kit.building import ALIASES
        from unidbg.cli.kit.sources import architectures

        name, known = ALIASES.get(str(value), str(value)), architectures()
        if name not in known:
            self.fail(f"there is no stub for {value}; there is one for: {', '.join(known)}", param, ctx)
        return name

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from unidbg.cli.kit.sources import architectures

        return [CompletionItem(name) for name in architectures() if name.startswith(incomplete)]


class StubGroup(click.Group):
    """A group whose examples stay as typed."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        Command.format_epilog(self, ctx, formatter)  # type: ignore[arg-type]


@click.group(
    "stub", cls=StubGroup, epilog=examples("unidbg stub copy third_party/unidbg", "unidbg stub build x86_64")
)
def command() -> None:
    """Get the stub that a kernel links: its sources, or objects.

    The stub makes a kernel debuggable over a serial line. PORTING.md beside the sources says how to put it
    in.
    """


@command.command("copy", cls=Command, epilog=examples("unidbg stub copy third_party/unidbg"))
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--force", is_flag=True, help="Overwrite files that are there and differ.")
@plain_settings
def copy_command(folder: Path, force: bool, settings: Settings) -> None:
    """Copy sources, headers, a Makefile and the porting guide into DIR.

    They are free-standing C without dependencies, to be kept in your own tree. Files of yours in DIR stay.
    """
    from unidbg.cli.kit.copying import copy

    present(lambda: copy(folder, force=force), settings)


@command.command(
    "build",
    cls=Command,
    epilog=examples(
        "unidbg stub build x86_64",
        "unidbg stub build x86_64 --output out --cc clang",
        "unidbg stub build x86_64 --without trace",
    ),
)
@click.argument("architecture", metavar="ARCH", type=ArchitectureType())
@click.option("--output", metavar="DIR", type=FOLDER, help="Where to; unidbg-ARCH where not given.")
@click.option("--cc", metavar="COMPILER", help="The C compiler; $CC or gcc where not given.")
@click.option("--observe", is_flag=True, help="Leave out all code that changes the guest.")
@click.option("--minimal", is_flag=True, help="Registers, memory, breakpoints and steps alone.")
@click.option("--without", multiple=True, metavar="NAME", help="Leave a feature out; repeatable.")
@plain_settings
def build_command(
    architecture: str,
    output: Path | None,
    cc: str | None,
    observe: bool,
    minimal: bool,
    without: tuple[str, ...],
    settings: Settings,
) -> None:
    """Build the objects that a kernel links, with their headers.

    unidbg.o is the stub, entry.o has entries for exceptions, note.o is for probes.
    """
    from unidbg.cli.kit.building import build

    folder = output or Path(f"unidbg-{architecture}")
    options = {"OBSERVE": "1" if observe else "", "MINIMAL": "1" if minimal else ""}
    chosen = {name: value for name, value in options.items() if value} | _left_out(without)
    present(lambda: build(architecture, folder, compiler=cc, options=chosen), settings)


def _left_out(names: tuple[str, ...]) -> dict[str, str]:
    """The variable of make; ConfigError for a feature that there is none of."""
    from unidbg.cli.kit.sources import features
    from unidbg.errors import ConfigError

    unknown = [name for name in names if name not in features()]
    if unknown:
        raise ConfigError(f"the stub has no feature {unknown[0]!r} to leave out: {', '.join(features())}")
    return {"WITHOUT": " ".join(names)} if names else {}
