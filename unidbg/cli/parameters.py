"""The types of what is typed: TARGET, FILE[@BIAS], SECONDS, FORMAT, with their completions."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from unidbg.cli.format import Format, parse_format

if TYPE_CHECKING:
    AnyType = click.ParamType[Any]
else:
    AnyType = click.ParamType  # subscriptable since click 8.2 only


class ImageType(AnyType):
    """`FILE[@BIAS]`: an ELF file, and run address minus link address where it cannot be found out."""

    name = "FILE[@BIAS]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int | None]:
        if isinstance(value, tuple):
            return value
        path, bias = _split_bias(str(value))
        if not os.path.exists(path):
            self.fail(f"there is no file {path!r}; give the unstripped ELF image of the guest", param, ctx)
        return path, bias

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return [CompletionItem(incomplete, type="file")]


def _split_bias(text: str) -> tuple[str, int | None]:
    path, at, number = text.rpartition("@")
    if not at or os.path.exists(text):
        return text, None
    try:
        return path, int(number, 0)
    except ValueError:
        return text, None


class ForwardType(AnyType):
    """`[tcp:|udp:][PORT:]GUEST-PORT`: a port of this host that leads to one of the guest."""

    name = "FORWARD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from unidbg.errors import ConfigError
        from unidbg.target.guests import parse_forward

        if not isinstance(value, str):
            return value
        try:
            return parse_forward(value)
        except ConfigError as error:
            self.fail(str(error), param, ctx)


class TargetType(AnyType):
    """A TARGET; what it means is the business of `unidbg.target`."""

    name = "TARGET"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from unidbg.cli.guests import guest_names

        if incomplete and not incomplete.startswith("@"):
            return [CompletionItem(incomplete, type="file")]
        return [CompletionItem(name) for name in guest_names() if name.startswith(incomplete)]


class GuestNameType(AnyType):
    """`@NAME`; the `@` may be left out where nothing else can be meant."""

    name = "@NAME"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from unidbg.cli.guests import guest_names

        return [CompletionItem(name) for name in guest_names() if name.startswith(incomplete)]


class SecondsType(AnyType):
    """A time of at least `minimum` seconds."""

    name = "SECONDS"

    def __init__(self, minimum: float) -> None:
        self.minimum = minimum

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            seconds = float(value)
        except ValueError:
            self.fail(f"{value!r} is no number of seconds", param, ctx)
        if not self.minimum <= seconds < float("inf"):
            self.fail(f"give at least {self.minimum:g} seconds, not {value}", param, ctx)
        return seconds


class NumberType(AnyType):
    """An integer, also in hexadecimal, also negative."""

    name = "N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return int(value) if isinstance(value, int) else int(str(value), 0)
        except ValueError:
            self.fail(f"{value!r} is no number; give one like 0x200000", param, ctx)


class FormatType(AnyType):
    """gdb's `16gx`."""

    name = "FORMAT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Format:
        if isinstance(value, Format):
            return value
        try:
            return parse_format(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
