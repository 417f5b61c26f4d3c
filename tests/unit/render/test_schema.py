"""docs/schema is what the views make, and a change that breaks a reader is noticed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from unidbg.render import schema
from unidbg.render.json import SCHEMA

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
