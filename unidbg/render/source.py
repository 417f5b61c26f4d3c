"""Lines of source with their numbers, the one that counts marked, in the colours of their language."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from unidbg.render import cells
from unidbg.render.cells import Page
from unidbg.render.escape import escape_code
from unidbg.views.base import SourceText

THEME = "ansi_dark"
"""Only the sixteen colours of the terminal, so that they follow its theme."""


def source_lines(source: SourceText, page: Page) -> Sequence[Text]:
    """`   31    x = 1;`, with a mark at the line that counts; a note below where there is one."""
    width = len(str(source.first_line + len(source.lines)))
    mark = "\N{BLACK RIGHT-POINTING TRIANGLE}" if page.unicode else ">"
    drawn = []
    for number, text in enumerate(colored(source.lines, source.file, page), source.first_line):
        here = number == source.line
        label = Text(f"{mark if here else ' '} {number:>{width}}  ", style=cells.WARN if here else cells.DIM)
        drawn.append(Text.assemble(label, text))
    if source.note:
        drawn.append(cells.guest(f"  {source.file}: {source.note}", cells.DIM))
    return drawn


def colored(lines: Sequence[str], file: str, page: Page) -> Sequence[Text]:
    """The lines, escaped; coloured where the page takes colours and the language is known."""
    escaped = [escape_code(line) for line in lines]
    if not page.color or not escaped:
        return [Text(line) for line in escaped]
    from rich.syntax import Syntax

    whole = "\n".join(escaped)
    text = Syntax(whole, Syntax.guess_lexer(file), theme=THEME, background_color="default").highlight(whole)
    parts = list(text.split("\n", allow_blank=True))
    return [parts[number] if number < len(parts) else Text() for number in range(len(escaped))]
