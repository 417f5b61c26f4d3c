"""Taking the core that a dead guest sends by itself, over as many connections as it takes.

Nobody is attached meanwhile: a guest that lives is not disturbed, and one that knows nothing of this does not
answer, which is told to the caller.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from unidbg.errors import TargetGone, TargetTimeout

if TYPE_CHECKING:
    from unidbg.session import ImageSpec
    from unidbg.target.dump.crashfile import PartialFile
    from unidbg.target.dump.crashstream import Receiver
    from unidbg.transport.line import Line
    from unidbg.views.host import DumpReport

TICK = 0.25
"""Seconds for which the line may be silent before time is looked at."""
ANSWER = 5.0
"""Seconds that a stub may take to say that it is there."""
PAUSE = 0.5

Say = Callable[[str], None]
Tick = Callable[[int, int], None]


class NoStream(Exception):
    """The far end does not send dumps by itself."""


def receive(
    open_line: Callable[[], Line],
    path: str,
    *,
    full: bool,
    pack: bool,
    tries: int,
    images: Sequence[ImageSpec],
    say: Say,
    tick: Tick,
) -> DumpReport:
    """Wait for the guest to die, and take its core to `path`, which names those of `images` that fit.

    NoStream where nobody answers; TargetGone, after `tries` connections without a new byte, with what arrived
    in `path`.partial, where the same call goes on.
    """
    from unidbg.target.dump.crashfile import PartialFile
    from unidbg.target.dump.crashframes import FULL, MINIMAL

    with ExitStack() as stack:
        store = stack.enter_context(closing(PartialFile(path)))
        failed, known, said = 0, False, ""
        while True:
            kept = store.have
            try:
                _converse(open_line, store, FULL if full else MINIMAL, known, say, tick)
                return _finish(store, path, pack, _fitting(store.path, images, say))
            except (TargetGone, TargetTimeout) as error:
                known = known or store.have > 0
                failed = 0 if store.have > kept else failed + 1
                if failed > tries:
                    raise TargetGone(f"{error}; {_kept(store)}") from None
                now = f"{error}; {store.have} bytes arrived, trying again"
                if now != said:
                    say(now)
                said = now
                time.sleep(PAUSE)
            except KeyboardInterrupt:
                say(_kept(store))
                raise


def _kept(store: PartialFile) -> str:
    if not store.have:
        return "nothing has arrived"
    return f"what arrived is in {store.path}, which opens like any dump; the same command goes on from there"


def _converse(
    open_line: Callable[[], Line], store: PartialFile, form: int, known: bool, say: Say, tick: Tick
) -> None:
    """One connection, until all has arrived."""
    from unidbg.target.dump.crashstream import Receiver

    with closing(open_line()) as line:
        began = time.monotonic()
        receiver = Receiver(store, form, began)
        _send(line, receiver.start())
        told = False
        while not receiver.whole:
            _send(line, receiver.feed(_read(line), time.monotonic()))
            if receiver.announced is None and not known and time.monotonic() - began > ANSWER:
                raise NoStream
            if receiver.size:
                tick(store.have, receiver.size)
            told = _tell(receiver, store, told, say)


def _tell(receiver: Receiver, store: PartialFile, told: bool, say: Say) -> bool:
    """Say once that the guest lives, or what comes."""
    guest = receiver.announced
    if guest is None or (told and not (guest.dead and not store.told)):
        return told
    if not guest.dead:
        say("the guest runs: waiting for it to die")
    elif not store.told:
        store.told = True
        already = f", {store.resumed} of them are here already" if store.resumed else ""
        why = guest.text or "it does not say why"
        say(f"the guest died: {why}; its core is {receiver.size} bytes{already}")
    return True


def _read(line: Line) -> bytes:
    try:
        return line.read_some(TICK)
    except TargetTimeout:
        return b""


def _send(line: Line, data: bytes) -> None:
    while data:
        data = data[line.write_some(data) :]


def _fitting(path: str, images: Sequence[ImageSpec], say: Say) -> dict[str, object]:
    """What a core says of its images, empty where they are not its own."""
    from unidbg.cli.dumping import tell_guest
    from unidbg.errors import UnidbgError
    from unidbg.session import Session

    if not images:
        return {}
    try:
        with Session.open(path, images=images) as session:
            told = tell_guest(session, False)["images"]
            fitting = (
                [one for one in told if one["verified"] in ("build-id", "text")]
                if isinstance(told, list)
                else []
            )
    except UnidbgError as error:
        say(f"{error}; the core names no image")
        return {}
    if not fitting:
        say(f"nothing in the core says that {images[0].path} is its image; it names none")
    return {"images": fitting} if fitting else {}


def _finish(store: PartialFile, path: str, pack: bool, images: dict[str, object]) -> DumpReport:
    """The whole core under its name."""
    from unidbg.target.dump.opening import open_dump
    from unidbg.views.host import DumpReport

    memory_bytes, digest = store.finish(images)
    target = open_dump(store.path)
    try:
        vcpus = len(target.threads())
    finally:
        target.close()
    if pack:
        _pack(store.path, path)
    else:
        os.replace(store.path, path)
    return DumpReport(
        path=path,
        memory_bytes=memory_bytes,
        digest=digest.hex(),
        intact=True,
        data_bytes=min(store.data_bytes, memory_bytes),
        vcpus=vcpus,
        access="stream",
        unreadable_bytes=0,
        stopped_ns=None,
    )


def _pack(source: str, path: str) -> None:
    from unidbg.target.dump.sink import BLOCK, ZstdSink

    packed = f"{path}.{os.getpid()}.part"
    with open(source, "rb") as file, open(packed, "xb") as out:
        sink = ZstdSink(out.fileno())
        while block := file.read(BLOCK):
            sink.put(block)
        sink.end()
    os.replace(packed, path)
    os.unlink(source)
