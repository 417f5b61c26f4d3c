"""What an ELF file answers by itself: symbols and types, as views whose provenance is the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unidbg.errors import SymbolNotFound
from unidbg.views.base import Address, ImageIdentity, Location, Provenance
from unidbg.views.files import IndexView, TypeDifference, TypeDiffView
from unidbg.views.inspect import SymbolInfo, SymbolsView, TypesView

if TYPE_CHECKING:
    from unidbg_symbols import Image
    from unidbg_symbols.elf.symbols import Symbol


def symbols_view(path: str, query: str) -> SymbolsView:
    """The symbols named `query`, or the one around the address that it is; SymbolNotFound with near names."""
    from unidbg_symbols import Image

    with Image.open(path) as image:
        address = _address(query)
        found = _named(image, query) if address is None else (_around(image, address),)
        return SymbolsView(image_provenance(image), (), query, found)


def types_view(path: str, name: str) -> TypesView:
    """The types of that name; TypeNotFound with near names, NoDebugInfo where the image has no DWARF."""
    from unidbg_symbols import Image

    from unidbg.cli.layouts import type_infos

    with Image.open(path) as image:
        found = image.types_named(name) or (image.type(name),)
        infos = dict.fromkeys(info for one in found for info in type_infos(one))
        return TypesView(image_provenance(image), (), name, tuple(infos))


def difference_view(before: str, after: str, name: str) -> TypeDiffView:
    """How the type of that name differs between two images; TypeNotFound names the one that lacks it."""
    from unidbg_symbols import Image
    from unidbg_symbols.layouts import differences

    with Image.open(before) as old, Image.open(after) as new:
        found = differences(old.type(name), new.type(name))
        rows = tuple(TypeDifference(each.what, each.name, each.before, each.after) for each in found)
        head = image_provenance(old, new)
        return TypeDiffView(head, (), name, old.path, new.path, rows)


def index_view(path: str) -> IndexView:
    """Write the index of an image; NoDebugInfo where there is nothing to be indexed."""
    import os

    from unidbg_symbols import Image
    from unidbg_symbols.index_file import count_names

    with Image.open(path) as image:
        written = image.write_index()
        return IndexView(image_provenance(image), (), written, os.path.getsize(written), count_names(written))


def image_provenance(*images: Image) -> Provenance:
    """A file is its own target: nothing was read from a guest."""
    known = tuple(ImageIdentity(one.path, (one.build_id or b"").hex(), 0, "unverified") for one in images)
    return Provenance(images[0].path, "image", known, "", "stopped", 0, None)


def _address(query: str) -> int | None:
    try:
        return int(query, 0)
    except ValueError:
        return None


def _named(image: Image, name: str) -> tuple[SymbolInfo, ...]:
    symbols = image.symbols_named(name) or (image.symbol(name),)
    return tuple(_info(image, symbol, symbol.address) for symbol in symbols)


def _around(image: Image, address: int) -> SymbolInfo:
    symbol = image.symbol_at(address)
    if symbol is None:
        raise SymbolNotFound(
            f"{image.path}: no symbol contains {address:#x}; `unidbg sym` takes addresses of the file, "
            "so take off the bias of a guest that runs elsewhere",
            name=hex(address),
        )
    return _info(image, symbol, address)


def _info(image: Image, symbol: Symbol, address: int) -> SymbolInfo:
    line = image.line_at(address) if image.has_dwarf and symbol.kind == "func" else None
    file, number = (line.file, line.line) if line is not None else _declared(image, symbol)
    location = Location(Address(address), symbol.readable, address - symbol.address, file, number)
    return SymbolInfo(
        symbol.name,
        Address(symbol.address),
        symbol.size,
        symbol.kind,
        symbol.binding,
        location,
        symbol.section or "",
    )


def _declared(image: Image, symbol: Symbol) -> tuple[str | None, int | None]:
    """Where a variable is declared: the one at the symbol's address, for static ones share names."""
    if symbol.kind != "object" or not image.has_dwarf:
        return None, None
    for variable in image.variables_named(symbol.name):
        if variable.address == symbol.address:
            return variable.file, variable.line
    return None, None
