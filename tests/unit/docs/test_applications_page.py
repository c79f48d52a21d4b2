"""docs/applications.md names every rule that the database has and the specification hasn't, and no other."""

from __future__ import annotations

import re

from christmas.blueprint.relational import TABLES
from infra.connections import ROOT
from specification.statements import facts, load

VALUES = (ROOT / "docs" / "applications.md").read_text("utf-8").split("### Values")[1].split("\n#")[0]
SCHEMA = (ROOT / "migrations" / "schema.sql").read_text("utf-8")
SPECIFIED = {table.name for table in TABLES if not table.name.startswith("candles_")}


def rules() -> dict[str, str]:
    """Name and definition of each rule of the specification's tables; those that triggers keep have none."""
    written = re.findall(r"^alter table (\w+) add constraint (\w+) (.+);$", SCHEMA, re.MULTILINE)
    kept = re.findall(r"table = '(\w+)', constraint = '(\w+)'", SCHEMA)
    return {name: definition for table, name, definition in (*written, *((*each, "") for each in kept)) if table in SPECIFIED}


def beyond_the_specification() -> set[str]:
    """What it doesn't ask for: its keys and references are left out, but for what a reference adds to deletions."""
    return {
        name
        for name, definition in rules().items()
        if name.startswith(("ck_", "uq_")) or definition.endswith("REFERENCES users(id) ON DELETE RESTRICT")
    }


def test_each_rule_has_a_row_with_what_to_write() -> None:
    named = set(re.findall(r"`((?:ck|uq|fk)_\w+)`", VALUES))
    assert len(named) > 40
    assert sorted(named) == sorted(beyond_the_specification())


def test_words_of_a_set_are_those_that_the_database_takes() -> None:
    sets = {
        name: re.findall(r"'(\w+)'::character varying", definition)
        for name, definition in rules().items()
        if "ARRAY['" in definition and "character varying" in definition
    }
    assert len(sets) == 5
    for name, words in sets.items():
        (row,) = [line for line in VALUES.splitlines() if f"`{name}`" in line]
        assert re.findall(r"`([a-z_]+)`", row.split("|")[2]) == words, name


def test_what_is_never_null_beyond_the_specification_is_told() -> None:
    turned = {row.fact.subject.partition(".")[2] for row in facts(load()) if row.fact and row.fact.kind == "nullable" and row.instead}
    said = VALUES.split("Never null")[1]
    assert len(turned) == 7
    assert {column for column in turned if f"`{column}`" not in said} == set()


def test_the_korean_page_types_the_same_and_names_the_same() -> None:
    """Of the application to start from; the tables of what differs stand in one language."""
    pages = [(ROOT / "docs" / name).read_text("utf-8") for name in ("applications.md", "applications.ko.md")]
    own = [re.split(r"^## ", page, flags=re.MULTILINE)[number] for page, number in zip(pages, (3, 3), strict=True)]
    typed = [[line.partition("  #")[0].rstrip() for line in part.splitlines() if line.startswith("$ ")] for part in own]
    assert len(typed[0]) > 6
    assert typed[0] == typed[1]
    files = [re.findall(r"^\| (`.+?`) \|", part, re.MULTILINE) for part in own]
    assert files[0] == files[1] != []
    assert [name for name in re.findall(r"`([A-Z_]{6,})`", pages[1]) if name not in pages[0]] == []
