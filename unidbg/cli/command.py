"""The class of all our commands: `--watch` works with and without a value, examples stay as typed."""

from __future__ import annotations

import click

TARGETS = """\b
A TARGET is one of
  host:port  :port  [v6]:port   an RSP stub over TCP
  unix:PATH                     an RSP stub on a Unix socket
  serial:DEVICE[,BAUD]          an RSP stub on a serial line
  exec:COMMAND                  a command that speaks RSP on stdin and stdout
  qmp:PATH[,racy]               the QMP socket of a QEMU of this host, past any stub;
                                racy: never stopped
  pid:PID                       the process of any VMM, tender or hosted unikernel
  @NAME                         a guest of `unidbg run`; `unidbg ls` lists them
  FILE                          a dump of a dead guest: docs/dumps.md lists the kinds
  raw:FILE@ADDRESS              plain memory, with the address of its first byte
"""

BARE_WATCH_SECONDS = "1"


class WatchOption(click.Option):
    """`--watch[=SECONDS]`: its value is given with `=` or not at all."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """The option as it is typed."""
        record = super().get_help_record(ctx)
        return record and (record[0].replace(" [=", "[="), record[1])


class Command(click.Command):
    """A command of unidbg."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """A bare `--watch` never swallows the argument that follows it."""
        return super().parse_args(ctx, _give_watch_its_value(args))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self.epilog:
            formatter.write_paragraph()
            formatter.write(self.epilog.strip("\n") + "\n")


def _give_watch_its_value(args: list[str]) -> list[str]:
    stop = args.index("--") if "--" in args else len(args)
    head = [f"--watch={BARE_WATCH_SECONDS}" if word == "--watch" else word for word in args[:stop]]
    return head + args[stop:]


def examples(*lines: str) -> str:
    """The epilog of a command: lines as a user would type them."""
    return "\n".join(["Examples:", *(f"  {line}" for line in lines)])
