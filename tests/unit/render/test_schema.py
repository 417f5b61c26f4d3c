"""docs/schema is what the views make, and a change that breaks a reader is noticed."""

from __future__ import annotations

import json
import re
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from tests.golden import sample
from unidbg.render import schema
from unidbg.render.json import SCHEMA, to_json

DOCS = Path(__file__).parents[3] / "docs"


def test_schemas_are_as_generated() -> None:
    stored = {path.stem: path.read_text("utf-8") for path in (DOCS / "schema").glob("*.json")}
    made = {name: schema.text(one) for name, one in schema.schemas().items()}
    assert stored == made, "python -m unidbg.render.schema docs/schema"


def changed(name: str, old: str, new: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(json.dumps(schema.schemas()[name]).replace(old, new))
    return loaded


def test_what_breaks_a_reader_is_noticed(tmp_path: Path) -> None:
    now = schema.schemas()["heap"]
    assert schema.breaks(now, now) == []
    assert schema.breaks(changed("heap", '"peak_bytes"', '"most_bytes"'), now) == ["data.most_bytes is gone"]
    assert schema.breaks(now, changed("heap", "total", "whole"))[0] == "PageBitmap.total is gone"
    retyped = changed("heap", '"count": {"type": "integer"}', '"count": {"type": "string"}')
    assert schema.breaks(retyped, now)[0].startswith("data.count was")


def test_a_new_field_is_written_and_a_lost_one_refused(tmp_path: Path) -> None:
    assert schema.write(tmp_path) == []
    path = tmp_path / "heap.json"
    one = json.loads(path.read_text())
    del one["properties"]["data"]["anyOf"][0]["properties"]["count"]
    path.write_text(json.dumps(one))
    assert schema.write(tmp_path) == []
    one = json.loads(path.read_text())
    one["properties"]["data"]["anyOf"][0]["properties"]["lost"] = {"type": "integer"}
    path.write_text(json.dumps(one))
    assert schema.write(tmp_path) == ["heap: data.lost is gone"]
    (tmp_path / "old.json").write_text(json.dumps(one))
    assert "old: the view is gone" in schema.write(tmp_path)


def test_raising_the_schema_allows_it(tmp_path: Path) -> None:
    schema.write(tmp_path)
    path = tmp_path / "heap.json"
    one = json.loads(path.read_text())
    one["properties"]["data"]["anyOf"][0]["properties"]["lost"] = {"type": "integer"}
    one["properties"]["schema"] = {"const": SCHEMA - 1}
    path.write_text(json.dumps(one))
    assert schema.write(tmp_path) == []


def complaints(value: Any, one: dict[str, Any], whole: dict[str, Any], path: str = "$") -> list[str]:
    """Where `value` is not as the schema says: the few words of JSON Schema that ours are made of."""
    if "$ref" in one:
        return complaints(value, whole["$defs"][one["$ref"].rpartition("/")[2]], whole, path)
    if "anyOf" in one:
        branches = [complaints(value, branch, whole, path) for branch in one["anyOf"]]
        return [] if [] in branches else [f"{path}: none of {len(branches)}", *branches[0]]
    if "const" in one:
        return [] if value == one["const"] else [f"{path}: {value!r} is not {one['const']!r}"]
    if not isinstance(value, TYPES[one["type"]]) or (one["type"] == "integer" and isinstance(value, bool)):
        return [f"{path}: {value!r} is no {one['type']}"]
    if one["type"] == "array":
        items = (complaints(item, one["items"], whole, f"{path}[{at}]") for at, item in enumerate(value))
        return list(chain.from_iterable(items))
    if one["type"] == "object":
        odd = set(value) ^ set(one["required"])
        known = {key: each for key, each in value.items() if key not in odd}
        inner = (complaints(known[key], one["properties"][key], whole, f"{path}.{key}") for key in known)
        return [f"{path}.{key}: missing or unknown" for key in odd] + [
            text for found in inner for text in found
        ]
    pattern = one.get("pattern")
    return [] if pattern is None or re.search(pattern, value) else [f"{path}: {value!r} does not match"]


TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "null": type(None),
    "array": list,
    "object": dict,
}
TRANSCRIPTS = sorted((Path(__file__).parents[2] / "golden" / "transcripts").glob("*.json"))


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_what_is_printed_is_as_the_schema_says(path: Path) -> None:
    printed = json.loads(path.read_text("utf-8"))
    one = schema.schemas()[printed["view"]]
    assert complaints(printed, one, one) == []


def test_absence_is_as_the_schema_says() -> None:
    printed = to_json(sample.NO_LOG)
    one = schema.schemas()["log"]
    assert complaints(printed, one, one) == []
    assert complaints({**printed, "data": {"absent": 1}}, one, one) != []
