"""The fuzzer of the symbols engine, guided by coverage: `pip install 'unidbg[fuzz]'` brings atheris.

`python -m tests.fuzz.guided [-max_total_time=60] [options of libFuzzer]`. The engine alone is instrumented;
it is imported whole before anything else imports a part of it.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from typing import Any

atheris: Any = importlib.import_module("atheris")

with atheris.instrument_imports(include=["unidbg_symbols"]):
    for module in pkgutil.walk_packages(
        importlib.import_module("unidbg_symbols").__path__, "unidbg_symbols."
    ):
        importlib.import_module(module.name)


def main() -> None:
    """Fuzz until libFuzzer ends it."""
    from tests.fuzz.symbols import from_bytes
    from tests.unit.symbols.builds import build
    from tests.unit.symbols.test_damage import SUBJECTS

    for flavour in SUBJECTS:
        build(*flavour)
    atheris.Setup([*sys.argv, "-len_control=0", "-max_len=256"], from_bytes)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
