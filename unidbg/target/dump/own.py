"""The notes of our own cores: what the guest was, besides registers that every tool reads.

Owner `unidbg`, contents JSON in UTF-8 but for the console. docs/dumps.md has the format.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from unidbg.target.base import StopReason, ThreadInfo
from unidbg.target.dump.elf import Note
from unidbg.target.dump.frames import thread_frames
from unidbg.target.dump.target import Cpu

OWNER = b"unidbg"
NT_GUEST, NT_REGISTERS, NT_CONSOLE, NT_PROBES, NT_DIGEST = 0x101, 0x102, 0x103, 0x104, 0x105
NT_FRAME, NT_IMAGES = 0x106, 0x107
"""What a dead guest that sent its core by itself has of a thread, and the images that its receiver knew."""
SCHEMA = 1


class Own(NamedTuple):
    """What our notes say. `has_physical`: the physical addresses of the headers are meant."""

    cpus: Sequence[Cpu]
    stop: StopReason | None
    image: str | None
    bias: int | None
    has_physical: bool


def own_notes(notes: Sequence[Note]) -> Own | None:
    """Our notes; `None` where the core is of another make, or they are damaged."""
    found = {note.type: note.data for note in notes if note.owner == OWNER}
    guest = _object(found.get(NT_GUEST, b""))
    if guest is None:
        return None
    values = _object(found.get(NT_REGISTERS, b"")) or {}
    frames = thread_frames(notes)
    cpus = [one._replace(registers=frames.get(one.info.id, one.registers)) for one in _cpus(guest, values)]
    images = _object(found.get(NT_IMAGES, b"")) or {}
    if "images" in images:
        guest["images"] = images["images"]
    path, bias = _image(guest)
    return Own(cpus, _stop(guest.get("stop")), path, bias, bool(guest.get("physical")))


def _object(raw: bytes) -> dict[str, Any] | None:
    if not raw:
        return None
    import json

    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _cpus(guest: dict[str, Any], values: dict[str, Any]) -> Sequence[Cpu]:
    threads = guest.get("threads")
    infos = [one for one in threads if isinstance(one, dict)] if isinstance(threads, list) else []
    return [Cpu(_info(one), _registers(values.get(str(one.get("id"))))) for one in infos]


def _info(one: dict[str, Any]) -> ThreadInfo:
    cpu = one.get("cpu")
    return ThreadInfo(
        id=str(one.get("id", "")),
        name=str(one.get("name", "")),
        cpu=cpu if isinstance(cpu, int) else None,
        detail=str(one.get("detail", "")),
    )


def _registers(found: object) -> dict[str, int | None]:
    if not isinstance(found, dict):
        return {}
    return {str(name): _integer(value) for name, value in found.items()}


def _integer(value: object) -> int | None:
    """An integer that a register can hold, written as `0x...`."""
    try:
        number = int(value, 16) if isinstance(value, str) and len(value) <= 140 else None
    except ValueError:
        return None
    return number if number is None or 0 <= number < 1 << 512 else None


def _stop(found: object) -> StopReason | None:
    if not isinstance(found, dict):
        return None
    signal = found.get("signal")
    return StopReason(
        thread=str(found.get("thread", "")),
        signal=signal if isinstance(signal, int) else 0,
        kind=str(found.get("kind", "unknown")),
        text=str(found.get("text", "")),
    )


def _image(guest: dict[str, Any]) -> tuple[str | None, int | None]:
    """The path of the first image, and its bias where it is the only one."""
    images = guest.get("images")
    first = images[0] if isinstance(images, list) and images else None
    if not isinstance(images, list) or not isinstance(first, dict):
        return None, None
    path, bias = first.get("path"), first.get("bias")
    return (
        path if isinstance(path, str) and "\0" not in path else None,
        _signed(bias) if len(images) == 1 else None,
    )


def _signed(found: object) -> int | None:
    """A bias, written as `0x...` or `-0x...`."""
    try:
        number = int(found, 16) if isinstance(found, str) and len(found) <= 20 else None
    except ValueError:
        return None
    return number if number is None or abs(number) < 1 << 64 else None
