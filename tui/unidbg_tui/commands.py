"""What is typed after `:`: the name of a view (any unambiguous beginning), or a command."""

from __future__ import annotations

from dataclasses import dataclass

COMMANDS = {
    "quit": "leave; the guest runs on",
    "help": "the keys",
    "pause": "stop reading",
    "resume": "go on reading",
    "refresh": "read once now",
    "rate": "rate HZ: how often to read",
    "filter": "filter REGEX: show only what matches",
    "sort": "sort COLUMN: sort the table",
    "theme": "theme NAME",
    "screenshot": "screenshot [FILE]: a picture of the screen",
}
ALIASES = {
    "q": "quit",
    "q!": "quit",
    "exit": "quit",
    "h": "help",
    "ov": "overview",
    "bt": "threads",
    "ps": "threads",
}


class CommandError(ValueError):
    """Nothing that we know; the message names what is near."""


@dataclass(frozen=True, slots=True)
class Command:
    """`verb` is a command or `view`; `argument` is the rest of the line, or the view's name."""

    verb: str
    argument: str = ""


def parse(text: str, views: tuple[str, ...]) -> Command:
    """The command in `text`. Raises `CommandError`."""
    word, _, rest = text.strip().partition(" ")
    if not word:
        raise CommandError("type the name of a view, or a command")
    name = _complete(word.lower(), views)
    return Command("view", name) if name in views else Command(name, rest.strip())


def _complete(word: str, views: tuple[str, ...]) -> str:
    known = (*views, *COMMANDS)
    if word in known:
        return word
    if (alias := ALIASES.get(word)) is not None and alias in known:
        return alias
    found = [name for name in views if name.startswith(word)] or [c for c in COMMANDS if c.startswith(word)]
    if len(found) == 1:
        return found[0]
    if found:
        raise CommandError(f"{word}: which one, {', '.join(found)}?")
    raise CommandError(f"{word}: no such view or command; views: {', '.join(views)}")


def suggestions(views: tuple[str, ...]) -> list[str]:
    """All that can be typed."""
    return [*views, *COMMANDS]
