"""The runner of the golden transcripts serves here too."""

from __future__ import annotations

from tests.golden.conftest import session, unidbg

__all__ = ["session", "unidbg"]
