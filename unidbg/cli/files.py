"""Answers that are files: whole or not at all."""

from __future__ import annotations

import os
import sys

from unidbg.cli.exits import Unanswered
from unidbg.cli.out import forget_stdout

STDOUT = "-"


def write_file(path: str, data: bytes) -> None:
    """Write `data` to the file `path`, or to stdout for `-`.

    A file that was there stays as it was if anything goes wrong. OSError names the file.
    """
    if path == STDOUT:
        _to_stdout(data)
    elif os.path.exists(path) and not os.path.isfile(path):
        _to_device(path, data)
    else:
        _replace(os.path.realpath(path), data)


def _to_stdout(data: bytes) -> None:
    if sys.stdout.isatty():
        raise Unanswered("this is no text for a terminal", "give a FILE, or send it into a pipe")
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        forget_stdout()
        raise Unanswered(f"the answer could not be written: {error.strerror}") from None


def _to_device(path: str, data: bytes) -> None:
    """A pipe or a device has no place beside it for a half-written file."""
    with open(path, "wb") as file:
        file.write(data)


def _replace(path: str, data: bytes) -> None:
    beside = f"{path}.{os.getpid()}.new"
    try:
        with open(beside, "xb") as file:
            file.write(data)
        os.replace(beside, path)
    except OSError as error:
        raise _named(error, path) from error
    finally:
        if os.path.exists(beside):
            os.remove(beside)


def _named(error: OSError, path: str) -> OSError:
    """The same error, of the file that the user named."""
    return OSError(error.errno, error.strerror, path)
