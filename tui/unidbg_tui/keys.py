"""The keys, in one table: bindings, footer and help are made of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """`keys` as Textual names them, `action`, `says` for the help, `label` for the footer (`""`: none)."""

    keys: str
    action: str
    says: str
    label: str = ""
    display: str = ""


KEYS: dict[str, tuple[Key, ...]] = {
    "Views": (
        Key("1,2,3,4,5,6,7,8,9,0", "", "the view with that number", display="1 .. 9, 0"),
        Key("colon", "command", "a view by its name, or a command", "command", ":"),
        Key("right_square_bracket", "beside(1)", "the next view", display="]"),
        Key("left_square_bracket", "beside(-1)", "the view before", display="["),
        Key("backspace", "last_view", "the view you came from", display="backspace"),
        Key("enter", "", "on the overview: open the tile under the cursor", display="enter"),
    ),
    "Reading": (
        Key("p,space", "pause", "stop reading, and go on; the guest runs on either way", "pause", "p"),
        Key("r", "reread", "read once now, paused or not", display="r"),
        Key("plus,equals_sign", "rate(1)", "read more often", display="+"),
        Key("minus", "rate(-1)", "read less often", display="-"),
        Key("comma", "step(-1)", "one snapshot back in time", display=","),
        Key("full_stop", "step(1)", "one snapshot forward", display="."),
    ),
    "Finding": (
        Key(
            "slash",
            "filter",
            "show only what matches (regex; a leading ! inverts)",
            "filter",
            "/",
        ),
        Key("ampersand", "hide", "hide what does not match, or show it too", display="&"),
        Key("n", "match(1)", "the next match", display="n"),
        Key("N", "match(-1)", "the match before", display="N"),
        Key("escape", "clear", "end the filter, the looking back, this help", display="esc"),
    ),
    "Moving and sorting": (
        Key("j,down", "", "down, also by the arrow keys", display="j k h l"),
        Key("g", "", "to the top, to the end", display="g G"),
        Key("ctrl+d", "", "half a page down, up", display="ctrl-d ctrl-u"),
        Key("tab", "", "the next table", display="tab"),
        Key("less_than_sign", "", "sort by the next column to the left, right", display="< >"),
        Key(
            "A", "", "sort by the column with that letter underlined; twice: reversed", display="shift-letter"
        ),
    ),
    "Log": (
        Key("f", "follow", "follow the newest line", display="f"),
        Key("w", "wrap", "wrap long lines", display="w"),
    ),
    "Taking along": (
        Key("y", "copy", "copy the row (OSC 52)", "copy", "y"),
        Key("Y", "copy_all", "copy the whole view", display="Y"),
        Key("s,ctrl+s", "screenshot", "save a picture of the screen (SVG)", display="s"),
        Key("i", "about", "where these facts come from: target, images, way of reading", display="i"),
        Key("m", "mouse", "give the mouse back to the terminal, and take it", display="m"),
        Key("t", "next_theme", "the next theme", display="t"),
        Key("question_mark", "help", "this help", "help", "?"),
        Key("q", "leave", "leave; the guest runs on", "quit", "q"),
    ),
}
