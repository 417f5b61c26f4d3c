"""A system that is not Linux, as far as Python shows: run this file with the arguments of a pytest run.

`termios`, `fcntl`, `resource` and the C library's `process_vm_readv` are not to be had. First every module of
the client is imported, then pytest runs what it was given.
"""

from __future__ import annotations

import ctypes
import importlib
import pkgutil
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

BLOCKED_MODULES = frozenset({"fcntl", "resource", "termios"})
BLOCKED_FUNCTION = "process_vm_readv"
CLIENT = ("unidbg_symbols", "unidbg")
"""The packages that must import. The terminal interface needs what Textual needs."""


class Absent(MetaPathFinder):
    """Finds the blocked modules missing, before anyone finds them."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in BLOCKED_MODULES:
            raise ModuleNotFoundError(f"No module named {fullname!r} (blocked)", name=fullname)
        return None


def block() -> None:
    """Take away what other systems do not have."""
    for name in BLOCKED_MODULES:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, Absent())
    find = ctypes.CDLL.__getattr__

    def find_but(library: ctypes.CDLL, name: str) -> Any:
        if name == BLOCKED_FUNCTION:
            raise AttributeError(f"undefined symbol: {name} (blocked)")
        return find(library, name)

    ctypes.CDLL.__getattr__ = find_but  # type: ignore[method-assign]


def import_client() -> int:
    """Import every module of the client; gives their number."""
    names = []
    for package in CLIENT:
        module = importlib.import_module(package)
        names += [found.name for found in pkgutil.walk_packages(module.__path__, f"{package}.")]
    for name in names:
        if not name.endswith("__main__"):
            importlib.import_module(name)
    return len(names)


def main(arguments: list[str]) -> int:
    """Block, import, test."""
    block()
    print(f"imported {import_client()} modules")
    import pytest

    return pytest.main(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
