"""An image: whether it is an ELF file, has symbols, debug information and an identity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from unidbg.errors import UnidbgError
from unidbg.views.host import Diagnosis

if TYPE_CHECKING:
    from unidbg_symbols import Image


def image_diagnoses(path: str) -> Iterator[Diagnosis]:
    """Of a file."""
    from unidbg_symbols import Image

    try:
        image = Image.open(path)
    except UnidbgError as error:
        yield Diagnosis("image", "failed", str(error), "give the unstripped ELF file of the guest")
        return
    with image:
        yield Diagnosis("image", "ok", f"{path}, {image.machine}, {image.bits} bits")
        yield from opened_image_diagnoses(image)


def opened_image_diagnoses(image: Image) -> Iterator[Diagnosis]:
    """Of an image that could be opened."""
    yield _symbols(image)
    yield _debug_information(image)
    yield _identity(image)


def _symbols(image: Image) -> Diagnosis:
    if image.has_symbols:
        return Diagnosis("symbols", "ok", "there")
    return Diagnosis("symbols", "failed", f"{image.path} was stripped", "give the file from before `strip`")


def _debug_information(image: Image) -> Diagnosis:
    if image.has_dwarf:
        return Diagnosis("debug information", "ok", "DWARF", essential=False)
    return Diagnosis(
        "debug information",
        "warning",
        f"{image.path} has none: no types, no lines, no probes",
        "compile with -g; the guest need not carry it, only the file on the host",
        essential=False,
    )


def _identity(image: Image) -> Diagnosis:
    if image.build_id:
        return Diagnosis("build-id", "ok", image.build_id.hex(), essential=False)
    return Diagnosis(
        "build-id",
        "warning",
        "none: the image is compared with the guest's text instead",
        "link with --build-id and keep .note.gnu.build-id in the linker script",
        essential=False,
    )
