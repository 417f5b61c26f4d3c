"""`unidbg check`."""

from __future__ import annotations

import click

from unidbg.cli.command import Command, examples
from unidbg.cli.options import COLOR, IMAGE, JSON, TIMEOUT, Settings, settings
from unidbg.cli.parameters import TargetType


@click.command(
    "check",
    cls=Command,
    epilog=examples(
        "unidbg check @hello",
        "unidbg check app.elf",
        "unidbg check @hello checks.toml -v",
        "unidbg check @hello --sarif unidbg.sarif --junitxml unidbg.xml",
        "unidbg check --list",
    ),
)
@click.argument("target", type=TargetType(), metavar="TARGET|IMAGE", required=False)
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False), metavar="[FILE]...")
@click.option("--list", "listed", is_flag=True, help="List the built-in checks.")
@click.option("-k", "expression", metavar="EXPRESSION", help="Only checks whose names match, as pytest's -k.")
@click.option("-v", "verbose", count=True, help="pytest's own report of every check.")
@click.option("--junitxml", metavar="FILE", help="Write JUnit XML.")
@click.option("--sarif", "sarif_path", metavar="FILE", help="Write SARIF 2.1.0, for code scanning.")
@click.option("--github", is_flag=True, help="Print annotations for GitHub Actions.")
@click.option("--baseline", metavar="FILE", help="Findings that are known: only what is new fails.")
@click.option("--write-baseline", is_flag=True, help="Write what is found there, instead of failing.")
@click.option("--ready", metavar="WHEN", help="An IMAGE is ready by a line of its console, port:N or probe.")
@click.option(
    "--artifacts", metavar="DIR", help="Of an IMAGE that fails: diagnosis, console and dump go there."
)
@settings(IMAGE, JSON, TIMEOUT, COLOR)
def command(target: str | None, files: tuple[str, ...], settings: Settings, **options: object) -> None:
    """Check a guest, and fail when its inside is wrong.

    Of a TARGET, live or a dump; an IMAGE is booted for it, as [run] of unidbg.toml says, and ended. Without a
    FILE the built-in checks are made, and what [checks] of unidbg.toml adds. A FILE is TOML of that form:
    conditions by JSON path, growth over a load, suppressions. Exit code 0 says that nothing was found, 1 that
    something was, 2 that it could not be told.
    """
    from unidbg.cli import checking

    wishes = checking.Wishes(target, files, **options)  # type: ignore[arg-type]
    raise click.exceptions.Exit(checking.check(wishes, settings))
