"""A scratch TimescaleDB server in a container of its own: TLS, the blueprint's roles, a random port, gone afterwards.

The server is real and so are its accounts; only its life is short, so it doesn't wait for the disk (`fsync=off`).
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import os
import secrets
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import docker
import psycopg
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from docker.models.containers import Container
from psycopg import pq, sql

from airgap.images import catalog
from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.audited import AUDIT_ROLE, AUDIT_SETTINGS
from christmas.blueprint.relational import DATABASE, EXTENSIONS, SCHEMA
from christmas.blueprint.services import TIMESCALEDB
from christmas.sealed.ring import new_ring
from core import temporary
from infra.connections import Credentials, Endpoint, Platform
from tests.support.postgres_rights import give_rights, role_settings
from tests.support.scratch import published, remove_leftovers, wait_until

PROJECT_LABEL = "com.christmas.project"
TESTS_PROJECT = "christmas-tests"
OWNER_LABEL = "com.christmas.tests.owner"
UID = 1000
_DIRECTORY = "/run/christmas"

_SETTINGS = {
    "listen_addresses": "'*'",
    "ssl": "on",
    "ssl_cert_file": f"'{_DIRECTORY}/server.crt'",
    "ssl_key_file": f"'{_DIRECTORY}/server.key'",
    "shared_preload_libraries": "'timescaledb,pgaudit,pg_stat_statements'",
    "timescaledb.telemetry_level": "off",
    # As on the platform: what is audited decides what a COPY may be sent to.
    **{name: f"'{value}'" for name, value in AUDIT_SETTINGS},
    "max_connections": "60",
    "max_locks_per_transaction": "1024",
    "shared_buffers": "'512MB'",
    "max_wal_size": "'4GB'",
    "jit": "off",
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def image_reference() -> str:
    """The image that the scratch server runs: the one named for tests, else the catalogue's."""
    return os.environ.get("CHRISTMAS_TEST_TIMESCALEDB_IMAGE") or catalog.image_reference("timescaledb")


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
def run_scratch_server(*, durable: bool = False, memory: str = "3g") -> Iterator[ScratchServer]:
    """Start a scratch server, yield it when it answers over TLS, and remove it with its data whatever happens."""
    remove_leftovers()
    name = f"christmas-tests-timescaledb-{uuid.uuid4().hex[:8]}"
    with temporary.folder("tests") as folder:
        _write_settings(folder, durable=durable)
        ca_file = folder / "ca.crt"
        created = _docker(
            "create",
            "--name", name,
            "--label", f"{PROJECT_LABEL}={TESTS_PROJECT}",
            "--label", f"{OWNER_LABEL}={os.getpid()}",
            "--publish", "127.0.0.1::5432",
            "--init",  # as on the platform: the server is not the first process
            "--shm-size", "512m",
            "--memory", memory,
            "--ulimit", f"data={(TIMESCALEDB.limits.process_mib or 0) * 1024 * 1024}",
            "--cap-drop", "ALL",
            "--security-opt", "no-new-privileges",
            "--no-healthcheck",  # asks by a command every few seconds, and nobody looks
            image_reference(),
            "postgres", "-c", f"config_file={_DIRECTORY}/postgresql.conf", "-c", f"hba_file={_DIRECTORY}/pg_hba.conf",
        )  # fmt: skip
        try:
            _put(created, folder)
            _docker("start", name)
            admin_password = secrets.token_urlsafe(24)
            passwords = {each.name: secrets.token_urlsafe(24) for each in ACCOUNTS if each.postgres}
            container = docker.from_env().containers.get(name)
            _wait_until_ready(container)
            _make_roles(name, admin_password, passwords)
            server = ScratchServer(_platform(container, passwords, ca_file), container, admin_password)
            server.fresh_database()
            yield server
        finally:
            _docker("rm", "--force", "--volumes", name)


def _docker(*arguments: str, stdin: str | None = None) -> str:
    done = subprocess.run(["docker", *arguments], input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"docker {arguments[0]} failed: {done.stderr.strip()}"
    return done.stdout.strip()


def _put(container: str, folder: Path) -> None:
    """Copy the settings in, owned by the server's user: a key that others may read is refused."""
    import io
    import tarfile

    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path in sorted(folder.iterdir()):
            info = tar.gettarinfo(str(path), arcname=path.name)
            info.uid = info.gid = UID
            info.mode = 0o600
            with path.open("rb") as content:
                tar.addfile(info, content)
    assert docker.from_env().containers.get(container).put_archive(_DIRECTORY, archive.getvalue())


def _wait_until_ready(container: Container) -> None:
    """Asked over the network, without an account: a command in the container costs the starting server more than an answer."""
    asked = f"host=127.0.0.1 port={published(container, 5432)} sslmode=require".encode()
    wait_until(lambda: pq.PGconn.ping(asked) == pq.Ping.OK, container)


def _make_roles(name: str, admin_password: str, passwords: dict[str, str]) -> None:
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
    _docker(
        "exec", "-i", name, "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "postgres",
        stdin="\n".join(statements),
    )  # fmt: skip


def _platform(container: Container, passwords: dict[str, str], ca_file: Path) -> Platform:
    return Platform(
        stack=str(container.name),
        endpoints={"postgres": Endpoint("127.0.0.1", published(container, 5432), "timescaledb", 5432)},
        accounts={name: Credentials(postgres=password) for name, password in passwords.items()},
        ca_file=ca_file,
        containers={"timescaledb": str(container.name)},
        volumes={},
        network="bridge",
        embedding_profile="embedded",
        embedding_key="",
        field_keys=new_ring().as_json(),
    )


def _write_settings(folder: Path, *, durable: bool) -> None:
    settings = _SETTINGS if durable else {**_SETTINGS, **_NOT_DURABLE}
    (folder / "postgresql.conf").write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
    (folder / "pg_hba.conf").write_text("local all postgres peer\nhostssl all all all scram-sha-256\n")
    ca_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "scratch database CA")])

    def builder(subject: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .issuer_name(ca_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + datetime.timedelta(days=1))
        )

    ca = builder("scratch database CA", ca_key).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("timescaledb")])
    server = builder("timescaledb", server_key).add_extension(names, critical=False)
    for name, certificate in (("ca.crt", ca), ("server.crt", server)):
        (folder / name).write_bytes(certificate.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").write_bytes(
        server_key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


if __name__ == "__main__":
    # A server for trying things by hand: prints how to reach it, ends with Ctrl-C.
    with run_scratch_server(durable=True) as scratch:
        print(json.dumps({name: scratch.platform.postgres_url(name) for name in scratch.platform.accounts}), flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            time.sleep(86_400)
