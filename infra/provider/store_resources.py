"""Resources inside the stores for Pulumi programs: databases, roles, grants, ACL users, backup stanzas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi import Input, Output, ResourceOptions

from infra.provider.resources import Resource


class PostgresDatabase(Resource):
    """A database with its extensions and settings, owned by `owner` (an existing role), closed to PUBLIC. Never removed."""

    drift: Output[list[str]]

    def __init__(
        self,
        resource_name: str,
        *,
        container: Input[str],
        server: Input[str],
        name: Input[str],
        owner: Input[str],
        extensions: Input[Sequence[Input[str]]] | None = None,
        settings: Input[Mapping[str, Input[str]]] | None = None,
        open_functions: Input[Sequence[Input[str]]] | None = None,
        closed_functions: Input[Sequence[Input[str]]] | None = None,
        watch: Input[str] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(resource_name, locals(), opts)


class PostgresRole(Resource):
    """A login role; nobody logs in as it while its password is empty.

    When removed, it is locked out, and dropped unless it owns something.
    """

    drift: Output[list[str]]

    def __init__(
        self,
        resource_name: str,
        *,
        container: Input[str],
        server: Input[str],
        name: Input[str],
        password: Input[str],
        connection_limit: Input[int] | None = None,
        statement_timeout_ms: Input[int] | None = None,
        member_of: Input[Sequence[Input[str]]] | None = None,
        settings: Input[Mapping[str, Input[str]]] | None = None,
        bypass_rls: Input[bool] | None = None,
        temporary_files_mib: Input[int] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(resource_name, locals(), opts)


class PostgresGrants(Resource):
    """Exactly these privileges of `role` in `database`: CONNECT, USAGE and each grant, `{"table", "privileges", "columns"?}`.

    The schema's `owner` has all rights implicitly: for that role only CONNECT and `functions` are managed. `reads_every_table` adds
    SELECT on all present and future tables; `functions` are names of functions that are closed to others.
    """

    drift: Output[list[str]]

    def __init__(
        self,
        resource_name: str,
        *,
        container: Input[str],
        server: Input[str],
        database: Input[str],
        role: Input[str],
        owner: Input[str],
        temporary_tables: Input[bool] = False,
        grants: Input[Sequence[Input[Mapping[str, Any]]]] | None = None,
        schema: Input[str] | None = None,
        reads_every_table: Input[bool] | None = None,
        functions: Input[Sequence[Input[str]]] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(resource_name, locals(), opts)


class BackupStanza(Resource):
    """pgBackRest's stanza in the repository of `config_path` (inside the container). Never removed.

    `repository` is that place in words: a changed one gets its own stanza. With `recovering`, another cluster's backups
    in it are no failure: they are about to be restored.
    """

    drift: Output[list[str]]

    def __init__(
        self,
        resource_name: str,
        *,
        container: Input[str],
        server: Input[str],
        stanza: Input[str],
        config_path: Input[str],
        repository: Input[str] | None = None,
        recovering: Input[bool] = False,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(resource_name, locals(), opts)


class RedisUser(Resource):
    """An ACL user of the running server; `rules` without on/off and password (`redis_acl.redis_rules`). Without a password it is off.

    `former_password`, unless it is empty, is taken too.

    The others depend on `admin`'s: that account sets them, and its own password may be the changed one.
    """

    effective: Output[str]
    drift: Output[list[str]]

    def __init__(
        self,
        resource_name: str,
        *,
        container: Input[str],
        server: Input[str],
        name: Input[str],
        rules: Input[Sequence[Input[str]]],
        password: Input[str] | None = None,
        former_password: Output[Any] | None = None,
        admin_password_file: Input[str] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(resource_name, locals(), opts)


class WeaviateRole(Resource):
    """Exactly these permissions, each `{"action", "collection"}`. `endpoint` is `https://HOST:PORT`, `admin_key` the root user's."""

    drift: Output[list[str]]

    def __init__(
        self,
        resource_name: str,
        *,
        endpoint: Input[str],
        ca_certificate_pem: Input[str],
        admin_key: Input[str],
        server: Input[str],
        name: Input[str],
        permissions: Input[Sequence[Input[Mapping[str, Input[str]]]]],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(resource_name, locals(), opts)


class WeaviateUser(Resource):
    """A database user with these roles and a key made by Weaviate. A changed keeper makes a new key, in place.

    Where `present` is false there is no such user, and the key is empty.
    """

    api_key: Output[str]
    drift: Output[list[str]]

    def __init__(
        self,
        resource_name: str,
        *,
        endpoint: Input[str],
        ca_certificate_pem: Input[str],
        admin_key: Input[str],
        server: Input[str],
        name: Input[str],
        roles: Input[Sequence[Input[str]]],
        keepers: Input[Mapping[str, Input[str]]] | None = None,
        present: Input[bool | None] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(resource_name, locals(), opts)
