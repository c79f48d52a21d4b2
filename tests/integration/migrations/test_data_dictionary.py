"""The data dictionary in docs/ is what a live schema and the blueprint say now."""

from __future__ import annotations

import re

import pytest

from christmas.blueprint.relational import ROLLUPS, TABLES
from core.errors import PlatformError
from infra.connections import Platform
from migrations import lint
from migrations.schema import dictionary
from tests.support.postgres_server import ScratchServer


@pytest.fixture(scope="module")
def text(migrated_server: ScratchServer) -> str:
    with migrated_server.admin() as connection:
        return dictionary.of_live(connection)


def test_the_dictionary_in_docs_is_up_to_date(text: str) -> None:
    assert dictionary.FILE.read_text("utf-8") == text, "invoke migrate, then invoke migrate.dictionary"


def test_every_table_column_and_rule_is_in_it(text: str, migrated_server: ScratchServer) -> None:
    for name in (*(table.name for table in TABLES), *(rollup.name for rollup in ROLLUPS)):
        assert f"\n## {name}\n" in text
    columns = {column.name for table in TABLES for column in table.columns}
    assert {name for name in columns if f"| `{name}` |" not in text} == set()
    with migrated_server.admin() as connection:
        rules = connection.execute(
            "select conname from pg_constraint where connamespace = 'public'::regnamespace and contype in ('c', 'f')"
        ).fetchall()
    assert rules
    assert [name for (name,) in rules if f"| `{name}` |" not in text] == []


def test_the_diagram_has_every_foreign_key_with_its_cardinality(text: str) -> None:
    diagram = text.split("```")[1]
    assert set(re.findall(r"^    (\w+ \|\|--o\S+ \w+) ", diagram, re.MULTILINE)) == {
        "users ||--o| user_profiles",
        "users ||--o{ orders",
        "orders ||--o{ trades",
        "users ||--o{ trades",
        "users ||--o{ backtest_runs",
        "backtest_runs ||--o| backtest_results",
    }
    # Mermaid's grammar: a type and a name, then keys.
    inside = [line for line in diagram.splitlines() if line.startswith("        ")]
    assert inside
    assert all(re.fullmatch(r" {8}[a-z]\w* [a-z]\w*( (PK|FK)(, (PK|FK))?)?", line) for line in inside)


def test_a_column_without_meaning_or_of_another_type_makes_it_stale(migrated_platform: Platform, scratch_server: ScratchServer) -> None:
    with scratch_server.admin() as connection:
        before = dictionary.of_live(connection)
        connection.execute("comment on column users.email is 'Something else'")
        assert dictionary.of_live(connection) != before
        connection.execute("alter table orders alter column symbol type varchar(30)")
        assert "varchar_30 symbol" in dictionary.of_live(connection)


def test_an_empty_database_has_no_dictionary(empty_platform: Platform, scratch_server: ScratchServer) -> None:
    with scratch_server.admin() as connection, pytest.raises(PlatformError, match="no schema to describe"):
        dictionary.of_live(connection)


def test_the_linter_finds_a_dictionary_of_an_older_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lint.dictionary() == []
    monkeypatch.setattr("migrations.run.head_revision", lambda: "9999")
    assert [finding.rule for finding in lint.dictionary()] == ["dictionary"]
