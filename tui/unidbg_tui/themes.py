"""Our themes: dark, light, and one for red-green colour-blind people. Textual's own are there as well."""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="unidbg",
    primary="#5ab0f6",
    secondary="#b39df3",
    accent="#f2b866",
    foreground="#d5dce6",
    background="#0e131a",
    surface="#131a23",
    panel="#1b2430",
    success="#63cf9f",
    warning="#f0a94b",
    error="#f4707a",
    dark=True,
    variables={"border": "#2f3d4f", "border-blurred": "#263241", "footer-key-foreground": "#f2b866"},
)
LIGHT = Theme(
    name="unidbg-light",
    primary="#1c6fb8",
    secondary="#6a4fc0",
    accent="#9a5b00",
    foreground="#1d2733",
    background="#f7f9fb",
    surface="#eef2f6",
    panel="#e1e8ef",
    success="#147a4d",
    warning="#9a5b00",
    error="#bb2533",
    dark=False,
    variables={"border": "#b8c4d1", "border-blurred": "#ccd5df"},
)
DEUTAN = Theme(
    name="unidbg-deutan",
    primary="#56b4e9",
    secondary="#cc79a7",
    accent="#f0e442",
    foreground="#dde3ea",
    background="#0d1117",
    surface="#131a23",
    panel="#1b2430",
    success="#56b4e9",
    warning="#f0e442",
    error="#e69f00",
    dark=True,
    variables={"border": "#2f3d4f", "border-blurred": "#263241"},
)
THEMES = (DARK, LIGHT, DEUTAN)
