"""The options and arguments that commands share. They mean the same everywhere because they are made here."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple, TypeVar

import click

from unidbg.cli.command import WatchOption
from unidbg.cli.parameters import ImageType, SecondsType, TargetType

Function = TypeVar("Function", bound=Callable[..., Any])

DEFAULT_TIMEOUT = 5.0


class Settings(NamedTuple):
    """What the shared options say."""

    images: tuple[tuple[str, int | None], ...] = ()
    json: bool = False
    watch: float | None = None
    timeout: float = DEFAULT_TIMEOUT
    color: str | None = None


JSON = click.option("--json", is_flag=True, help="Print one JSON object; with --watch one per line.")
COLOR = click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default=None,
    help="Colours; auto: on a terminal, unless NO_COLOR is set.",
)
IMAGE = click.option(
    "--image", "images", type=ImageType(), multiple=True, metavar="FILE[@BIAS]",
    help="An ELF image of the guest, with symbols; repeatable.",
)  # fmt: skip
TIMEOUT = click.option(
    "--timeout", type=SecondsType(0.1), metavar="SECONDS",
    help=f"Give up on a guest that is silent for so long; {DEFAULT_TIMEOUT:g} where nothing else says.",
)  # fmt: skip
WATCH = click.option(
    "--watch", type=SecondsType(0.05), metavar="[=SECONDS]", cls=WatchOption,
    help="Show it again and again, each second or as often as said.",
)  # fmt: skip


def target(function: Function) -> Function:
    """The first argument of what reads a guest."""
    return click.argument("target", type=TargetType())(function)


def target_or_configured(function: Function) -> Function:
    """The same where it is the only argument: it may stand in unidbg.toml or UNIDBG_TARGET instead."""
    return click.argument("target", type=TargetType(), required=False, callback=_configured_target)(function)


def _configured_target(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    from unidbg import config

    if value is not None or ctx.resilient_parsing:
        return value
    configured = config.load().text("target", "url")
    if configured is None:
        raise click.UsageError("which guest? give a TARGET: host:port, unix:PATH, @NAME ...", ctx)
    return configured


def settings(*options: Callable[[Function], Function]) -> Callable[[Function], Function]:
    """Adds the shared options, and passes what they say as one `settings`."""

    def decorate(function: Function) -> Function:
        @wraps(function)
        def with_settings(**values: Any) -> Any:
            shared = {name: values.pop(name) for name in Settings._fields if name in values}
            return function(settings=_complete(shared), **values)

        decorated: Any = with_settings
        for option in reversed(options):
            decorated = option(decorated)
        return decorated  # type: ignore[no-any-return]

    return decorate


def _complete(shared: dict[str, Any]) -> Settings:
    """What no option says stands in the configuration, else in the defaults."""
    from unidbg import config

    if "timeout" in shared and shared["timeout"] is None:
        shared["timeout"] = config.load().number("target", "timeout") or DEFAULT_TIMEOUT
    if shared.get("color") is None:
        shared["color"] = config.load().text("ui", "color") or "auto"
    return Settings(**shared)


guest_settings = settings(IMAGE, JSON, WATCH, TIMEOUT, COLOR)
"""The options of every command that reads a guest."""

plain_settings = settings(JSON, COLOR)
"""The options of what reads no guest."""


def image(function: Function) -> Function:
    """The first argument of what reads an ELF file."""
    return click.argument("image", type=click.Path(exists=True, dir_okay=False), metavar="IMAGE")(function)


THREAD = click.option("--thread", metavar="ID", help="The thread or vCPU, as `threads` names it.")
SOURCE = click.option(
    "--source", is_flag=True, help="Show the lines of source; [paths] sources maps their places."
)
