"""The platform's TimescaleDB alone, in a container of the tests: TLS, the blueprint's roles, a random port, gone afterwards.

The server is real and so are its accounts; only its life is short, so it doesn't wait for the disk (`fsync=off`), and archives nothing.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg
from docker.models.containers import Container
from psycopg import pq, sql

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.audited import AUDIT_ROLE
from christmas.blueprint.relational import DATABASE, EXTENSIONS, SCHEMA
from christmas.blueprint.services import TIMESCALEDB
from christmas.sealed.ring import new_ring
from core import temporary
from core.container_commands import execute
from core.container_files import owner_of
from infra.components import timescaledb_container
from infra.components.description import ServiceContainer
from infra.connections import Credentials, Endpoint, Platform
from tests.support import scratch
from tests.support.postgres_rights import give_rights, role_settings

PORT = TIMESCALEDB.ports["postgres"]
_SETTINGS = ("archive_mode = off", "jit = off", "max_wal_size = '4GB'")
_NOT_DURABLE = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")
_HBA = "local all postgres peer\nhostssl all all all scram-sha-256\n"


@dataclass(frozen=True, slots=True)
class ScratchServer:
    """A running scratch server. `platform` reaches it as the blueprint's accounts; `admin` as the superuser."""

    platform: Platform
    container: Container
    admin_password: str = field(repr=False)

    def admin(self, database: str = DATABASE) -> psycopg.Connection:
        """A superuser connection in autocommit, for what a test has to arrange from outside."""
        host, port = self.platform.endpoints["postgres"].address()
        return psycopg.connect(
            host=host,
            port=port,
            dbname=database,
            user="scratch_admin",
            password=self.admin_password,
            sslmode="verify-full",
            sslrootcert=str(self.platform.ca_file),
            autocommit=True,
        )

    def fresh_database(self, template: str = "scratch_empty") -> None:
        """Drop the platform's database and make it again as a copy of a template; the first one is as provisioning leaves it."""
        with self.admin("postgres") as connection:
            if not _exists(connection, "scratch_empty"):
                self._make_empty(connection)
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(DATABASE)))
            connection.execute(sql.SQL("create database {} template {}").format(sql.Identifier(DATABASE), sql.Identifier(template)))
            _grant_database(connection)

    def keep_as_template(self, name: str) -> None:
        """Keep the platform's database under a name to make fresh ones from; it is not there under its own name afterwards."""
        with self.admin("postgres") as connection:
            connection.execute(sql.SQL("alter database {} allow_connections false").format(sql.Identifier(DATABASE)))
            connection.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = %s and pid <> pg_backend_pid()", (DATABASE,)
            )
            connection.execute(sql.SQL("alter database {} rename to {}").format(sql.Identifier(DATABASE), sql.Identifier(name)))

    def has_template(self, name: str) -> bool:
        """Whether a database was kept under that name."""
        with self.admin("postgres") as connection:
            return _exists(connection, name)

    def _make_empty(self, connection: psycopg.Connection) -> None:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
        with self.admin() as inside:
            for extension in EXTENSIONS:
                inside.execute(sql.SQL("create extension if not exists {}").format(sql.Identifier(extension)))
            inside.execute(sql.SQL("revoke all on schema {} from public").format(sql.Identifier(SCHEMA)))
            for account in ACCOUNTS:
                if account.postgres is None:
                    continue
                name = sql.Identifier(account.name)
                inside.execute(sql.SQL("grant usage on schema {} to {}").format(sql.Identifier(SCHEMA), name))
                if account.postgres.owns_schema:
                    inside.execute(sql.SQL("alter schema {} owner to {}").format(sql.Identifier(SCHEMA), name))
        give_rights(self.container)
        self.keep_as_template("scratch_empty")


def _exists(connection: psycopg.Connection, database: str) -> bool:
    return connection.execute("select from pg_database where datname = %s", (database,)).fetchone() is not None


def _grant_database(connection: psycopg.Connection) -> None:
    """Privileges on the database itself: a copy doesn't take them over from its template."""
    database = sql.Identifier(DATABASE)
    connection.execute(sql.SQL("revoke all on database {} from public").format(database))
    connection.execute(sql.SQL("grant connect on database {} to {}").format(database, sql.Identifier(AUDIT_ROLE)))
    for account in ACCOUNTS:
        if account.postgres is None:
            continue
        name = sql.Identifier(account.name)
        connection.execute(sql.SQL("grant connect on database {} to {}").format(database, name))
        if account.postgres.temporary_tables:
            connection.execute(sql.SQL("grant temporary on database {} to {}").format(database, name))
        if account.postgres.owns_schema:
            connection.execute(sql.SQL("alter database {} owner to {}").format(database, name))


@contextlib.contextmanager
def run_scratch_server(*, durable: bool = False, memory_mib: int = 3072, settings: tuple[str, ...] = ()) -> Iterator[ScratchServer]:
    """Start a scratch server, yield it when it answers over TLS, and remove it with its data whatever happens."""
    scratch.remove_leftovers()
    authority = scratch.new_authority()
    uid, gid = owner_of(TIMESCALEDB.user).values()
    described: ServiceContainer[str] = timescaledb_container.describe(
        replace(TIMESCALEDB.limits, memory_mib=memory_mib),
        uid=uid,
        gid=gid,
        hba=_HBA,
        pgbackrest="",
        superuser_password=secrets.token_urlsafe(24),
        settings=(*_SETTINGS, *(() if durable else _NOT_DURABLE), *settings),
    )
    with temporary.folder("tests") as folder, scratch.container(described, authority) as container:
        ca_file = folder / "ca.crt"
        ca_file.write_bytes(authority.pem)
        admin_password = secrets.token_urlsafe(24)
        passwords = {account.name: secrets.token_urlsafe(24) for account in ACCOUNTS if account.postgres}
        _wait_until_ready(container)
        _make_roles(container, admin_password, passwords)
        server = ScratchServer(_platform(container, passwords, ca_file), container, admin_password)
        server.fresh_database()
        yield server


def _wait_until_ready(container: Container) -> None:
    """Asked over the network, without an account: a command in the container costs the starting server more than an answer."""
    asked = f"host=127.0.0.1 port={scratch.published(container, PORT)} sslmode=require".encode()
    scratch.wait_until(lambda: pq.PGconn.ping(asked) == pq.Ping.OK, container)


def _make_roles(container: Container, admin_password: str, passwords: dict[str, str]) -> None:
    statements = [f"create role scratch_admin superuser login password '{admin_password}';"]
    for account in ACCOUNTS:
        if account.postgres is None:
            continue
        role = account.postgres
        statements += [
            f"create role {account.name} login connection limit {role.connection_limit} password '{passwords[account.name]}';",
            *(f"alter role {account.name} set {setting} = '{value}';" for setting, value in role_settings(role).items()),
            *(f"grant {group} to {account.name};" for group in role.member_of),
            *([f"alter role {account.name} bypassrls;"] if role.sees_every_row else []),
        ]
    command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "postgres"]
    execute(str(container.name), command, user="postgres", text=" ".join(statements))


def _platform(container: Container, passwords: dict[str, str], ca_file: Path) -> Platform:
    return Platform(
        stack=str(container.name),
        endpoints={"postgres": Endpoint("127.0.0.1", scratch.published(container, PORT), TIMESCALEDB.name, PORT)},
        accounts={name: Credentials(postgres=password) for name, password in passwords.items()},
        ca_file=ca_file,
        containers={"timescaledb": str(container.name)},
        volumes={},
        network="bridge",
        embedding_profile="embedded",
        embedding_key="",
        field_keys=new_ring().as_json(),
    )


if __name__ == "__main__":
    # A server for trying things by hand: prints how to reach it, ends with Ctrl-C.
    with run_scratch_server(durable=True) as started:
        print(json.dumps({name: started.platform.postgres_url(name) for name in started.platform.accounts}), flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            time.sleep(86_400)
