"""ELF and DWARF engine of unidbg: what an image knows of itself. Knows no target.

    from unidbg_symbols import Image
    image = Image.open("kernel.elf")
    image.symbol("main").address

All addresses are link-time. Modules on the way to a first look-up import neither typing, dataclasses, enum,
re nor collections: each of them costs as much as the look-up itself.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from unidbg_symbols.image import Image

__all__ = ["Image"]


def __getattr__(name: str) -> object:
    # `unidbg.errors` imports this package for its errors alone: the engine is loaded when it is asked for.
    if name == "Image":
        from unidbg_symbols.image import Image

        return Image
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
