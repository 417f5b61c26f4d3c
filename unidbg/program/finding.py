"""Which images run in a guest: those given, else configured, else named by the target, else near the build.

Images that the user named must be right: a wrong one is refused. One that was only found and is wrong is left
out, and the views that miss it say so.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from unidbg.errors import ConfigError, ImageError, ImageMismatch, TargetError
from unidbg.program.mapped import mapped
from unidbg.program.module import Module
from unidbg.program.placing import Clues, place
from unidbg.target.base import Telling
from unidbg.target.registry import image_behind

if TYPE_CHECKING:
    from unidbg_symbols import Image

    from unidbg.config import Config
    from unidbg.program.scanning import Hit
    from unidbg.target.base import Target

PC_NAMES = ("rip", "pc", "eip")
MAX_THREADS = 16


class ImageSpec(NamedTuple):
    """An image file and, where the user knows it, its bias."""

    path: str
    bias: int | None = None

    @classmethod
    def parse(cls, text: str) -> ImageSpec:
        """`FILE` or `FILE@BIAS`, the bias in any base C knows; a file that has an `@` in its name wins."""
        path, at, bias = text.rpartition("@")
        if not at or os.path.exists(text):
            return cls(text)
        try:
            return cls(path, int(bias, 0))
        except ValueError:
            raise ConfigError(f"{text}: `{bias}` is no bias; write FILE@0x1000") from None


class Found(NamedTuple):
    """Verified modules; `note` says why there are none."""

    modules: tuple[Module, ...]
    note: str = ""


class Named(NamedTuple):
    """An image that the user named, opened, and the bias if that was said too."""

    image: Image
    bias: int | None


def open_named(given: Sequence[ImageSpec], config: Config) -> list[Named]:
    """The images of the option, else of the configuration; ImageError for one that is none. Asks no guest."""
    from unidbg_symbols import Image

    specs = list(given) or [_resolved(config, text) for text in config.strings("image", "files")]
    return [Named(Image.open(spec.path), spec.bias) for spec in specs]


def _resolved(config: Config, text: str) -> ImageSpec:
    spec = ImageSpec.parse(text)
    return ImageSpec(config.resolve(spec.path), spec.bias)


def find_modules(target: Target, named: Sequence[Named], config: Config) -> Found:
    """The named images, verified, else one that is found; the guest must stand.

    ImageMismatch for named ones.
    """
    clues = Clues(
        functools.cache(lambda: tuple(program_counters(target))),
        functools.cache(lambda: told(target)),
        lambda image: chain(mapped(target, image), _scanned(target, image)),
    )
    if named:
        return Found(tuple(_placed(target, image, bias, clues) for image, bias in named))
    return _discover(target, config, clues)


def _scanned(target: Target, image: Image) -> Iterator[Hit]:
    from unidbg.program.scanning import biases

    yield from biases(image, target)


def told(target: Target) -> int | None:
    """The bias as the guest's own stub tells it."""
    return target.bias() if isinstance(target, Telling) else None


def _placed(target: Target, image: Image, bias: int | None, clues: Clues) -> Module:
    if target.architecture and image.machine != target.architecture:
        raise ImageMismatch(
            f"{image.path} is for {image.machine}, the guest is {target.architecture}: give its image",
            path=image.path,
            expected=image.machine,
            found=target.architecture,
        )
    return place(image, target.memory, bias=bias, clues=clues)


def _discover(target: Target, config: Config, clues: Clues) -> Found:
    """The first candidate that runs in the guest and has symbols, else the first that runs."""
    from unidbg_symbols import Image

    note, stripped = "", None
    for path in candidates(target, config):
        try:
            module = _placed(target, Image.open(path), None, clues)
        except (ImageError, ImageMismatch) as error:
            note = note or f"the image that was found is of no use: {error}"
            continue
        if module.image.has_symbols:
            return Found((module,))
        stripped = stripped or module
    return Found((stripped,)) if stripped else Found((), note)


def candidates(target: Target, config: Config) -> Iterator[str]:
    """Files that may be the image: what the target names, unstripped siblings first; then build folders."""
    named = image_behind(target.url) or target.exec_file()
    folders = [config.resolve(folder) for folder in config.strings("paths", "build")]
    names = _with_debug(named) if named else []
    seen: set[str] = set()
    for path in [*names, *(os.path.join(f, os.path.basename(n)) for f in folders for n in names)]:
        real = os.path.realpath(path)
        if real not in seen and os.path.isfile(real):
            seen.add(real)
            yield path


def _with_debug(path: str) -> list[str]:
    base, _ = os.path.splitext(path)
    return [f"{path}.dbg", f"{base}.dbg", f"{path}.debug", path]


def program_counters(target: Target) -> Iterator[int]:
    """Where the guest's threads are: what relocated code is looked for by."""
    if target.registers is None:
        return
    try:
        for thread in target.threads()[:MAX_THREADS]:
            values = target.registers.read(thread.id)
            pc = next((values[name] for name in PC_NAMES if values.get(name) is not None), None)
            if pc is not None:
                yield pc
    except TargetError:
        return
