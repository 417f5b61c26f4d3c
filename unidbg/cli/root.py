"""The root command: a table of commands, each loaded from its module when it is called.

The table has the one-line help too, so that `--help` and completion load nothing.
"""

from __future__ import annotations

from importlib import import_module

import click
from click.shell_completion import CompletionItem

from unidbg import __version__
from unidbg.cli.command import TARGETS

COMMANDS: dict[str, dict[str, str]] = {
    "See": {
        "attach": "Watch a guest in the terminal interface.",
        "run": "Start an image in QEMU and attach to it.",
        "ls": "List the guests that `run` started.",
        "stop": "End a guest that `run` started.",
        "overview": "Show everything at a glance.",
        "net": "Show addresses, connections and who listens.",
        "rings": "Show packet rings, virtqueues and what lies in them.",
        "cloud": "Show metadata, volumes and network cards of the cloud.",
        "orchestration": "Show health, scaling and known services.",
        "runtime": "Show drivers, buffer pools and object caches.",
        "memory": "Show memory layout and page tables.",
        "security": "Show protections: configured, and found by looking.",
        "devices": "Show devices and their interrupts.",
        "boot": "Show memory map, command line, phases and initialisers.",
        "app": "Show the application of the unikernel.",
        "heap": "Show the allocator, and who holds its blocks.",
        "loop": "Show the event loop, its timers and handlers.",
        "threads": "Show vCPUs and threads with backtraces.",
        "log": "Show the console log kept in the guest.",
    },
    "Inspect": {
        "regs": "Show the registers of a thread.",
        "bt": "Show a backtrace.",
        "dis": "Disassemble.",
        "x": "Examine memory.",
        "print": "Show the value of an expression.",
        "sym": "Look up a symbol of an image, by name or address.",
        "type": "Show the layout of a type of an image, or how it changed.",
        "symbolize": "Put names to the addresses in a log or a pipe.",
        "monitor": "Send a command to the guest's stub.",
    },
    "Forensics": {
        "diagnose": "Show the first page of an incident.",
        "leaks": "Show live heap blocks that nothing points to.",
        "whatis": "Say what an address is.",
        "diff": "Show what changed between two dumps or two moments.",
        "find": "Find bytes, a text or pointers in guest memory.",
    },
    "Dumps": {
        "dump": "Write a guest, live or dead, into one ELF core.",
        "demo": "Look into a dump that comes with unidbg: a unikernel that wrote to NULL.",
    },
    "CI": {
        "check": "Check a guest, and fail when its inside is wrong.",
        "conform": "Try what a stub can do, and print its capability table.",
    },
    "Tools": {
        "stub": "Get the stub that a kernel links: its sources, or objects.",
        "index": "Make the index of an image, for a build step.",
        "doctor": "Check what unidbg needs, and how to get it.",
    },
}
"""Group of `--help`, command, one-line help. The module is `unidbg.cli.commands.NAME`."""

_SHORT = {name: text for group in COMMANDS.values() for name, text in group.items()}


class LazyGroup(click.Group):
    """A group whose commands live in modules that are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_SHORT)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _SHORT:
            return None
        command = import_module(f"unidbg.cli.commands.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in _SHORT and not args[0].startswith("-"):
            raise click.UsageError(_unknown(args[0]), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for group, commands in COMMANDS.items():
            with formatter.section(group):
                formatter.write_dl(list(commands.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        names = [
            CompletionItem(name, help=text) for name, text in _SHORT.items() if name.startswith(incomplete)
        ]
        return names + click.Command.shell_complete(self, ctx, incomplete)


def _unknown(word: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(word, _SHORT, n=2, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else "`unidbg --help` lists the commands."
    return f"there is no command {word!r}; {hint}"


@click.group(
    cls=LazyGroup,
    epilog=TARGETS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="unidbg %(version)s")
def root() -> None:
    """The unikernel debugger: what a unikernel is doing, live and post-mortem.

    `unidbg COMMAND TARGET` reads a guest, `unidbg sym|type|symbolize IMAGE` an ELF file. Every command
    takes --help.
    """
