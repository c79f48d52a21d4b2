"""Changing the edition under a schema: nothing to do on the same one, and all or nothing on another.

The project's image has the Apache edition alone, so that Community's form comes out right is not shown here; that its SQL is sound
is the linters' to say, and that a server which refuses it keeps what it had is this file's.
"""

from __future__ import annotations

import psycopg
import pytest

from core.errors import PlatformError
from infra.connections import Platform
from migrations.edition import Edition
from migrations.edition_change import change_edition
from migrations.schema.drift import drift


def test_on_the_same_edition_there_is_nothing_to_do(migrated_platform: Platform) -> None:
    change = change_edition(migrated_platform)
    assert (change.before, change.after) == (Edition.APACHE, Edition.APACHE)
    assert "nothing to do" in str(change)


def test_a_server_that_refuses_keeps_the_old_form_with_its_rows(migrated_platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(migrated_platform.postgres_url("migrator")) as connection:
        connection.execute("insert into candles_5m (symbol, bucket, open) values ('IBM', '2013-03-01', 1)")
    # As if the server had said that it is of the Community edition: the SQL is then really sent, and really refused.
    monkeypatch.setattr("migrations.edition_change.detect", lambda _: Edition.COMMUNITY)
    with pytest.raises(PlatformError, match="can't take the form of the community edition"):
        change_edition(migrated_platform)
    monkeypatch.undo()
    assert drift(migrated_platform) == []
    with psycopg.connect(migrated_platform.postgres_url("api")) as connection:
        assert connection.execute("select count(*) from candles_5m").fetchone() == (1,)


def test_without_a_schema_there_is_nothing_to_change(empty_platform: Platform) -> None:
    with pytest.raises(PlatformError, match="no schema to change"):
        change_edition(empty_platform)
