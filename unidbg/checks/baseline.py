"""A baseline: findings that are known, so that only what is new fails. A JSON file."""

from __future__ import annotations

import json
from collections.abc import Sequence

from unidbg.errors import ConfigError
from unidbg.views.findings import Finding

VERSION = 1


def dump(findings: Sequence[Finding]) -> str:
    """The baseline of these findings: sorted, one a line, so that a difference can be read."""
    rows = [
        {"fingerprint": finding.fingerprint, "check": finding.check, "message": finding.message}
        for finding in sorted(findings, key=lambda finding: (finding.check, finding.fingerprint))
    ]
    lines = ",\n".join(f"  {json.dumps(row)}" for row in rows)
    return f'{{"unidbg_baseline": {VERSION}, "findings": [\n{lines}\n]}}\n'


def fingerprints(text: str, path: str) -> frozenset[str]:
    """The fingerprints of a baseline; ConfigError for what is none."""
    try:
        data = json.loads(text)
        if data["unidbg_baseline"] != VERSION:
            raise ValueError(f"version {data['unidbg_baseline']}")
        return frozenset(str(row["fingerprint"]) for row in data["findings"])
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path}: no baseline of unidbg ({error}); write it anew with --write-baseline"
        ) from None
