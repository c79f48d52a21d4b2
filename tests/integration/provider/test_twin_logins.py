"""An account's second login on real servers: the session is the account's, and nobody gets in with it before its turn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from christmas.blueprint.model import PostgresRole
from infra.provider.postgres_role import declared_inputs, twin_inputs
from tests.integration.provider.kept import Kept
from tests.support.postgres_server import ScratchServer
from tests.support.weaviate_server import ScratchWeaviate

ROLE = PostgresRole(sees_every_row=True, temporary_files_mib=64, settings=(("pgaudit.log", "none"),))


@pytest.fixture
def logins(postgres: ScratchServer) -> Iterator[tuple[Kept, Kept]]:
    """An account's two logins: its own, and the twin that has the newest password."""
    at = {"container": str(postgres.container.name), "server": str(postgres.container.id)}
    first = Kept("PostgresRole", {**at, "name": "t_backup", "password": "former-password-of-it", **declared_inputs(ROLE)})
    twin = Kept("PostgresRole", {**at, "name": "t_backup_twin", "password": "newest-password-of-it", **twin_inputs("t_backup", ROLE)})
    first.up()
    twin.up()
    # Other tests of this server close that database to everybody.
    with postgres.admin("postgres") as admin:
        admin.execute("grant connect on database postgres to t_backup")
    yield first, twin
    with postgres.admin("postgres") as admin:
        admin.execute("revoke connect on database postgres from t_backup")
    twin.destroy()
    first.destroy()


def connect(server: ScratchServer, user: str, password: str) -> psycopg.Connection:
    host, port = server.platform.endpoints["postgres"].address()
    return psycopg.connect(
        host=host, port=port, dbname="postgres", user=user, password=password, sslmode="verify-full",
        sslrootcert=str(server.platform.ca_file), autocommit=True,
    )  # fmt: skip


def test_a_session_of_the_twin_is_the_accounts(postgres: ScratchServer, logins: tuple[Kept, Kept]) -> None:
    settings = ("statement_timeout", "temp_file_limit", "pgaudit.log")
    asked = "select current_user, " + ", ".join(f"current_setting('{name}')" for name in settings)
    with connect(postgres, "t_backup", "former-password-of-it") as own, connect(postgres, "t_backup_twin", "newest-password-of-it") as twin:
        assert twin.execute(asked.encode()).fetchone() == own.execute(asked.encode()).fetchone()
        # What pools say between two clients.
        for words in ("reset all", "reset role", "set session authorization default", "discard all"):
            twin.execute(words.encode(), prepare=False)
            assert twin.execute("select current_user", prepare=False).fetchone() == ("t_backup",)
        with postgres.admin("postgres") as admin:
            admin.execute("create table t_hidden (id int); insert into t_hidden values (1); grant select on t_hidden to t_backup")
            admin.execute("alter table t_hidden enable row level security")
        try:
            # The account's role bypasses row security; the twin itself doesn't.
            assert twin.execute("select count(*) from t_hidden").fetchone() == (1,)
        finally:
            with postgres.admin("postgres") as admin:
                admin.execute("drop table t_hidden")


def test_nobody_logs_in_with_a_place_that_is_empty(postgres: ScratchServer, logins: tuple[Kept, Kept]) -> None:
    first, twin = logins
    session = connect(postgres, "t_backup", "former-password-of-it")
    first.inputs["password"] = ""
    first.up()
    with pytest.raises(psycopg.OperationalError, match=r"not permitted to log in|authentication failed"):
        connect(postgres, "t_backup", "former-password-of-it")
    connect(postgres, "t_backup_twin", "newest-password-of-it").close()
    # An open session goes on.
    assert session.execute("select current_user").fetchone() == ("t_backup",)
    session.close()
    assert (first.refresh(), twin.refresh()) == ([], [])
    with postgres.admin("postgres") as admin:
        admin.execute("alter role t_backup login password 'by hand'")
        admin.execute("alter role t_backup_twin reset role")
    assert first.refresh() == ["may log in", "has a password"]
    assert twin.refresh() == ["role is not set, not t_backup"]
    first.up()
    twin.up()
    assert (first.refresh(), twin.refresh()) == ([], [])


def test_what_a_twin_was_given_by_hand_is_found_and_taken_away(postgres: ScratchServer, logins: tuple[Kept, Kept]) -> None:
    _, twin = logins
    with postgres.admin("postgres") as admin:
        admin.execute("create table t_secret (id int); grant select on t_secret to t_backup_twin")
        admin.execute("create table t_made (id int); alter table t_made owner to t_backup_twin")
    try:
        assert twin.refresh() == ["owns something or was granted something itself in postgres"]
        twin.up()
        assert twin.refresh() == []
        with postgres.admin("postgres") as admin:
            owner = admin.execute("select tableowner from pg_tables where tablename = 't_made'").fetchone()
            may = admin.execute("select has_table_privilege('t_backup_twin', 't_secret', 'select')").fetchone()
        assert (owner, may) == (("t_backup",), (False,))
    finally:
        with postgres.admin("postgres") as admin:
            admin.execute("drop table t_secret, t_made")


def test_a_user_of_weaviate_whose_turn_it_is_not_is_not_there(weaviate: ScratchWeaviate) -> None:
    from infra.provider.weaviate_api import WeaviateApi

    platform = weaviate.platform
    api = WeaviateApi(platform.weaviate_url(), platform.ca_file.read_text(), platform.secret("root", "weaviate"))
    at: dict[str, Any] = {
        "endpoint": api.endpoint, "ca_certificate_pem": api.ca_certificate_pem, "admin_key": api.key, "server": str(weaviate.container.id),
    }  # fmt: skip
    twin = Kept("WeaviateUser", {**at, "name": "t_rag_twin", "roles": ["viewer"], "keepers": {"generation": ""}, "present": False})
    twin.up()
    assert api.get("users/db/t_rag_twin") is None
    assert (twin.refresh(), (twin.state or {})["api_key"]) == ([], "")
    twin.inputs = {**twin.inputs, "keepers": {"generation": "1"}, "present": None}
    twin.up()
    key = (twin.state or {})["api_key"]
    assert api.accepts_key(key)
    twin.inputs = {**twin.inputs, "keepers": {"generation": ""}, "present": False}
    twin.up()
    assert not api.accepts_key(key)
    api.post("users/db/t_rag_twin")
    assert twin.refresh() == ["is there, and nobody should log in as it"]
    twin.up()
    assert api.get("users/db/t_rag_twin") is None
    twin.destroy()
