"""Which images run in a guest: those given, else configured, else named by the target, else near the build.

Images that the user named must be right: a wrong one is refused. One that was only found and is wrong is left
out, and the views that miss it say so.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from unidbg.errors import ConfigError, ImageError, ImageMismatch, TargetError
from unidbg.program.module import Module
from unidbg.program.placing import place
from unidbg.target.registry import image_behind

if TYPE_CHECKING:
    from unidbg_symbols import Image

    from unidbg.config import Config
    from unidbg.target.base import Target

PC_NAMES = ("rip", "pc", "eip")


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


def find_modules(target: Target, given: Sequence[ImageSpec], config: Config) -> Found:
    """Open and verify the images; the guest must stand. ImageMismatch and ImageError for named ones."""
    named = list(given) or [_resolved(config, text) for text in config.strings("image", "files")]
    if named:
        pcs = list(program_counters(target))
        return Found(tuple(_open(target, spec, pcs) for spec in named))
    return _discover(target, config)


def _resolved(config: Config, text: str) -> ImageSpec:
    spec = ImageSpec.parse(text)
    return ImageSpec(config.resolve(spec.path), spec.bias)


def _open(target: Target, spec: ImageSpec, pcs: Sequence[int]) -> Module:
    from unidbg_symbols import Image

    image = Image.open(spec.path)
    _require_machine(image, target)
    return place(image, target.memory, bias=spec.bias, code_addresses=pcs)


def _require_machine(image: Image, target: Target) -> None:
    if target.architecture and image.machine != target.architecture:
        raise ImageMismatch(
            f"{image.path} is for {image.machine}, the guest is {target.architecture}: give its image",
            path=image.path,
            expected=image.machine,
            found=target.architecture,
        )


def _discover(target: Target, config: Config) -> Found:
    note = ""
    pcs = list(program_counters(target))
    for path in candidates(target, config):
        try:
            return Found((_open(target, ImageSpec(path), pcs),))
        except (ImageError, ImageMismatch) as error:
            note = note or f"the image that was found is of no use: {error}"
    return Found((), note)


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


MAX_THREADS = 16
