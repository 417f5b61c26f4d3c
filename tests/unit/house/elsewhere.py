"""A system that is not Linux, as far as Python shows: run this file with the arguments of a pytest run.

`termios`, `fcntl`, `resource` and the C library's `process_vm_readv` are not to be had. First every module of
the client is imported, then pytest runs what it was given. A test that starts a guest or a
debugger is not pure: it is skipped. Compilers and the like may run: they only make what is read.
"""

from __future__ import annotations

import ctypes
import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

BLOCKED_MODULES = frozenset({"fcntl", "resource", "termios"})
BLOCKED_FUNCTION = "process_vm_readv"
IMPURE = ("gdb", "lldb", "qemu")
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

    class Popen(subprocess.Popen[Any]):
        """Starts programs that only read and write files."""

        def __init__(self, args: Any, *more: Any, **options: Any) -> None:
            program = args if isinstance(args, str) else args[0]
            if Path(program).name.startswith(IMPURE):
                pytest.skip(f"starts {program}", allow_module_level=True)
            super().__init__(args, *more, **options)

    subprocess.Popen = Popen  # type: ignore[misc]
    return pytest.main(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
