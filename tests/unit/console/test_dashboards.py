"""The dashboards as Grafana gets them. That their queries have answers: tests/end_to_end/test_monitoring.py."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from christmas.blueprint.server_alarms import POSTGRES_ALARMS
from console.dashboards import contents, export, panels
from core.errors import PlatformError


def every_panel(document: dict[str, object]) -> list[dict[str, object]]:
    return [panel for panel in document["panels"] if panel["type"] != "row"]  # type: ignore[attr-defined]


def test_each_has_an_identity_of_its_own_and_asks_the_chosen_prometheus() -> None:
    documents = {name: json.loads(text) for name, text in export.documents().items()}
    assert len({document["uid"] for document in documents.values()}) == len(documents) > 4
    for name, document in documents.items():
        drawn = every_panel(document)
        assert len(drawn) >= 4, name
        for panel in drawn:
            assert panel["title"]
            targets: list[dict[str, object]] = panel["targets"]  # type: ignore[assignment]
            assert {target["datasource"]["uid"] for target in targets} == {"${datasource}"}  # type: ignore[index]
            assert len({target["refId"] for target in targets}) == len(targets)


def test_colours_begin_at_the_blueprints_bounds() -> None:
    document = json.loads(export.documents()["christmas-postgres.json"])
    (share,) = [panel for panel in every_panel(document) if panel["title"] == "Share of all connections"]
    steps = share["fieldConfig"]["defaults"]["thresholds"]["steps"]  # type: ignore[index]
    assert [(step["color"], step["value"]) for step in steps] == [
        ("green", None), ("orange", POSTGRES_ALARMS.connections_warn), ("red", POSTGRES_ALARMS.connections_critical),
    ]  # fmt: skip


def test_a_bound_that_is_not_in_the_blueprint_is_refused() -> None:
    panel = replace(contents.POSTGRES.rows[0].panels[0], warn="@postgres.nothing@")
    with pytest.raises(AttributeError):
        panels.build(replace(contents.POSTGRES, rows=(panels.Row("x", (panel,)),)))


def test_where_low_is_bad_red_is_below_orange() -> None:
    panel = panels.Panel("free", (panels.Query("x"),), warn="0.1", critical="0.03", low=True)
    built = panels.build(panels.Dashboard("x", "x", (panels.Row("x", (panel,)),))).build()
    document = json.loads(JSONEncoder().encode(built))
    steps = every_panel(document)[0]["fieldConfig"]["defaults"]["thresholds"]["steps"]  # type: ignore[index]
    assert [(step["color"], step["value"]) for step in steps] == [("red", None), ("orange", 0.03), ("green", 0.1)]


def test_they_are_written_the_same_each_time_and_a_folder_that_is_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert export.write(str(tmp_path / "new" / "folder")) == 0
    written = {path.name: path.read_text() for path in (tmp_path / "new" / "folder").iterdir()}
    assert written == export.documents()
    assert str(tmp_path / "new" / "folder" / "christmas-overview.json") in capsys.readouterr().out
    (tmp_path / "file").write_text("x")
    with pytest.raises(PlatformError, match="can't write the dashboards"):
        export.write(str(tmp_path / "file"))
