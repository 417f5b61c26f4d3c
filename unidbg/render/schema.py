"""JSON Schemas of what `--json` prints, made from the view classes; and what would break their users.

`python -m unidbg.render.schema docs/schema` writes them. It refuses a change that removes, renames or
retypes a field while `SCHEMA` stays what it is.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import types
import typing
from pathlib import Path
from typing import Any

from unidbg.render.json import SCHEMA, data_fields
from unidbg.views.base import Absent, Address, Fault, Provenance, View, Word
from unidbg.views.names import NAMES

Schema = dict[str, Any]

_ABSENT: Schema = {
    "type": "object",
    "description": "Not to be had: why, and what would provide it.",
    "properties": {"absent": {"type": "string"}, "remedy": {"type": "string"}},
    "required": ["absent", "remedy"],
    "additionalProperties": False,
}
_HEXADECIMAL: Schema = {"type": "string", "pattern": "^-?0x[0-9a-f]+$"}
_PLAIN: dict[Any, Schema] = {
    Address: _HEXADECIMAL,
    Word: _HEXADECIMAL,
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
}


def schemas() -> dict[str, Schema]:
    """The schema of every view, by its name."""
    return {name: view_schema(cls, name) for cls, name in NAMES.items()}


def view_schema(cls: type, name: str) -> Schema:
    """The schema of one `{schema, view, provenance, data, faults}`."""
    definitions: dict[str, Schema] = {}
    guest = issubclass(cls, View)
    data = _object(cls, definitions)
    properties = {
        "schema": {"const": SCHEMA},
        "view": {"const": name},
        "provenance": _of(Provenance, definitions) if guest else {"type": "null"},
        "data": {"anyOf": [data, _ABSENT]} if guest else data,
        "faults": {"type": "array", "items": _of(Fault, definitions)},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"unidbg {name} --json",
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        "$defs": dict(sorted(definitions.items())),
    }


def _of(hint: Any, definitions: dict[str, Schema]) -> Schema:
    if hint in _PLAIN:
        return _PLAIN[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return {"type": "array", "items": _of(arguments[0], definitions)}
    if origin in (types.UnionType, typing.Union):
        return {
            "anyOf": [{"type": "null"} if one is type(None) else _of(one, definitions) for one in arguments]
        }
    if hint is Absent:
        return _ABSENT
    if hint.__name__ not in definitions:
        definitions[hint.__name__] = {}
        definitions[hint.__name__] = _object(hint, definitions)
    return {"$ref": f"#/$defs/{hint.__name__}"}


def _object(cls: type, definitions: dict[str, Schema]) -> Schema:
    assert dataclasses.is_dataclass(cls)
    properties = {name: _of(hint, definitions) for name, hint in data_fields(cls).items()}
    return {
        "type": "object",
        "description": " ".join((cls.__doc__ or "").split()),
        "properties": properties,
        "required": list(properties),
    }


def breaks(old: Schema, new: Schema) -> list[str]:
    """What a reader of `old` would miss in `new`: fields that are gone or have another type."""
    before, after = dict(_fields(old)), dict(_fields(new))
    gone = [f"{path} is gone" for path in before if path not in after]
    retyped = [
        f"{path} was {before[path]} and is {after[path]}"
        for path in before
        if path in after and before[path] != after[path]
    ]
    return gone + retyped


def _fields(schema: Schema) -> typing.Iterator[tuple[str, str]]:
    """(class.field, its type as text) of all objects of a schema."""
    data = schema["properties"]["data"]
    objects = {"data": data["anyOf"][0] if "anyOf" in data else data, **schema["$defs"]}
    for name, made in objects.items():
        for field, kind in made["properties"].items():
            yield f"{name}.{field}", json.dumps(kind, sort_keys=True)


def text(schema: Schema) -> str:
    """How a schema is stored."""
    return json.dumps(schema, indent=1) + "\n"


def write(folder: Path) -> list[str]:
    """Write all schemas into `folder`, unless that breaks a reader of what is there: then say what."""
    made = schemas()
    broken = []
    for name, schema in made.items():
        path = folder / f"{name}.json"
        old = json.loads(path.read_text("utf-8")) if path.exists() else None
        if old is not None and old["properties"]["schema"] == {"const": SCHEMA}:
            broken += [f"{name}: {what}" for what in breaks(old, schema)]
    stored = {path.stem for path in folder.glob("*.json")}
    broken += [f"{name}: the view is gone" for name in sorted(stored - made.keys())]
    if not broken:
        folder.mkdir(parents=True, exist_ok=True)
        for name, schema in made.items():
            (folder / f"{name}.json").write_text(text(schema), "utf-8")
    return broken


if __name__ == "__main__":
    trouble = write(Path(sys.argv[1]))
    sys.exit("\n".join([*trouble, "raise SCHEMA in unidbg/render/json.py"]) if trouble else 0)
