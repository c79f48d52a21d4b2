"""The provider's resources as a Pulumi program writes them.

Names and types are the wire's: Python's own spelling everywhere. A property that the program leaves out is filled in by the
provider. Resources inside a server take `server` (its container's id), most of them `container` too (its name): when the container
was replaced, `server` differs, and `up` asserts the resource anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import Input, Output, ResourceOptions


class _Resource(pulumi.CustomResource):
    def __init__(
        self, name: str, inputs: Mapping[str, Any], outputs: Sequence[str], opts: ResourceOptions | None, secrets: Sequence[str] = ()
    ) -> None:
        options = ResourceOptions.merge(opts, ResourceOptions(additional_secret_outputs=list(secrets))) if secrets else opts
        super().__init__(f"christmas:index:{type(self).__name__}", name, {**inputs, **dict.fromkeys(outputs)}, options)


class Password(_Resource):
    """Letters and digits at random, `length` of them. A changed keeper makes a new one, in place."""

    result: Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        length: Input[int] = 32,
        keepers: Input[Mapping[str, Input[str]]] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(resource_name, {"length": length, "keepers": keepers}, ("result",), opts, ("result",))


class KeptPassword(_Resource):
    """A password in `file` of a retained volume, where a stack that is made anew finds it. Made once and never changed."""

    result: Output[str]
    drift: Output[list[str]]

    def __init__(
        self,
        resource_name: str,
        *,
        volume: Input[str],
        image: Input[str],
        file: Input[str],
        length: Input[int] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {"volume": volume, "image": image, "file": file, "length": length}
        super().__init__(resource_name, inputs, ("result", "drift"), opts, ("result",))


class CertificateAuthority(_Resource):
    """A private CA (ECDSA P-256). Renewed with everything that it signed when less than `renew_below` of its life is left."""

    private_key_pem: Output[str]
    certificate_pem: Output[str]
    not_after: Output[str]
    fingerprint: Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        common_name: Input[str],
        lifetime_days: Input[float],
        renew_below: Input[float] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {"common_name": common_name, "lifetime_days": lifetime_days, "renew_below": renew_below}
        super().__init__(
            resource_name, inputs, ("private_key_pem", "certificate_pem", "not_after", "fingerprint"), opts, ("private_key_pem",)
        )


class Certificate(_Resource):
    """A server's certificate. A plain `up` renews it when less than `renew_below` (a third) of its life is left, or it does not fit."""

    private_key_pem: Output[str]
    certificate_pem: Output[str]
    not_after: Output[str]
    fingerprint: Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        ca_private_key_pem: Input[str],
        ca_certificate_pem: Input[str],
        common_name: Input[str],
        dns_names: Input[Sequence[Input[str]]] | None = None,
        ip_addresses: Input[Sequence[Input[str]]] | None = None,
        lifetime_days: Input[float],
        renew_below: Input[float] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "ca_private_key_pem": Output.secret(ca_private_key_pem),
            "ca_certificate_pem": ca_certificate_pem,
            "common_name": common_name,
            "dns_names": dns_names,
            "ip_addresses": ip_addresses,
            "lifetime_days": lifetime_days,
            "renew_below": renew_below,
        }
        super().__init__(
            resource_name, inputs, ("private_key_pem", "certificate_pem", "not_after", "fingerprint"), opts, ("private_key_pem",)
        )


class PortBlock(_Resource):
    """Host ports by name: each the preferred one or the next that is free, chosen once and kept."""

    ports: Output[dict[str, int]]

    def __init__(
        self,
        resource_name: str,
        *,
        preferred: Input[Mapping[str, Input[int]]],
        address: Input[str] = "127.0.0.1",
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(resource_name, {"preferred": preferred, "address": address}, ("ports",), opts)


class SubnetBlock(_Resource):
    """A subnet for the stack's network and its gateway: `preferred`, or a free one, chosen once and kept."""

    subnet: Output[str]
    gateway: Output[str]

    def __init__(self, resource_name: str, *, preferred: Input[str] | None = None, opts: ResourceOptions | None = None) -> None:
        super().__init__(resource_name, {"preferred": preferred}, ("subnet", "gateway"), opts)


class ConfigFiles(_Resource):
    """Exactly these files in a volume, 0400 and the service's own; the volume's root becomes 0700.

    `image` is any image that is there: a container of it is made, and never started, to reach the volume. `fingerprint` changes
    with the declared files and tells nothing of them; `written_at` changes whenever something was written, a repair included.
    A running service takes changes up by a Reload that follows its container in the program.
    """

    fingerprint: Output[str]
    written_at: Output[str]
    drift: Output[list[str]]

    def __init__(
        self,
        resource_name: str,
        *,
        volume: Input[str],
        image: Input[str],
        uid: Input[int],
        gid: Input[int],
        files: Input[Mapping[str, Input[str]]],
        mode: Input[int] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {"volume": volume, "image": image, "uid": uid, "gid": gid, "files": Output.secret(files), "mode": mode}
        outputs = ("fingerprint", "fingerprint_key", "written_at", "drift")
        super().__init__(resource_name, inputs, outputs, opts, ("fingerprint_key",))


class VolumeOwner(_Resource):
    """The owner of a data volume's root directory; nothing else in the volume is touched."""

    def __init__(
        self,
        resource_name: str,
        *,
        volume: Input[str],
        image: Input[str],
        uid: Input[int],
        gid: Input[int],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(resource_name, {"volume": volume, "image": image, "uid": uid, "gid": gid}, (), opts)


class Reload(_Resource):
    """Lets a running service take up files written at `written_at` (an output of ConfigFiles), unless it was started since.

    `action` is `{"signal": "SIGHUP"}`, `{"exec": [argv], "user": …}` or `{"restart": True}`. Declared after the container (through
    `server`), so that a container replaced in the same run is left alone; what failed is tried again by the next `up`.
    """

    taken_up: Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        container: Input[str],
        server: Input[str],
        written_at: Input[str],
        action: Input[Mapping[str, Any]],
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {"container": container, "server": server, "written_at": written_at, "action": action}
        super().__init__(resource_name, inputs, ("taken_up",), opts)


class PostgresDatabase(_Resource):
    """A database with its extensions and settings, owned by `owner` (a role that exists), open to nobody else. Never removed."""

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
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "container": container,
            "server": server,
            "name": name,
            "owner": owner,
            "extensions": extensions,
            "settings": settings,
        }
        super().__init__(resource_name, inputs, ("drift",), opts)


class PostgresRole(_Resource):
    """A login role. Removed, it is locked out, and dropped unless it owns something."""

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
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "container": container,
            "server": server,
            "name": name,
            "password": Output.secret(password),
            "connection_limit": connection_limit,
            "statement_timeout_ms": statement_timeout_ms,
            "member_of": member_of,
            "settings": settings,
        }
        super().__init__(resource_name, inputs, ("drift",), opts)


class PostgresGrants(_Resource):
    """Exactly these privileges of `role` in `database`: CONNECT, USAGE and each grant, `{"table", "privileges", "columns"?}`.

    The schema's `owner` may do everything anyway: for that role only CONNECT is kept.
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
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "container": container,
            "server": server,
            "database": database,
            "role": role,
            "owner": owner,
            "temporary_tables": temporary_tables,
            "grants": grants,
            "schema": schema,
        }
        super().__init__(resource_name, inputs, ("drift",), opts)


class BackupStanza(_Resource):
    """pgBackRest's stanza in the repository that `config_path` (inside the container) names. Never removed."""

    drift: Output[list[str]]

    def __init__(
        self,
        resource_name: str,
        *,
        container: Input[str],
        server: Input[str],
        stanza: Input[str],
        config_path: Input[str],
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {"container": container, "server": server, "stanza": stanza, "config_path": config_path}
        super().__init__(resource_name, inputs, ("drift",), opts)


class RedisUser(_Resource):
    """An ACL user of the running server; `rules` without on/off and password (`redis_acl.redis_rules`). No password means off.

    The others depend on `admin`'s: it is the account that sets them, and its own password may be the one that changes.
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
        admin_password_file: Input[str] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "container": container,
            "server": server,
            "name": name,
            "rules": rules,
            "password": None if password is None else Output.secret(password),
            "admin_password_file": admin_password_file,
        }
        super().__init__(resource_name, inputs, ("effective", "drift"), opts)


class WeaviateRole(_Resource):
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
        inputs = {
            "endpoint": endpoint,
            "ca_certificate_pem": ca_certificate_pem,
            "admin_key": Output.secret(admin_key),
            "server": server,
            "name": name,
            "permissions": permissions,
        }
        super().__init__(resource_name, inputs, ("drift",), opts)


class WeaviateUser(_Resource):
    """A database user with these roles and a key that Weaviate makes. A changed keeper makes a new key, in place."""

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
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "endpoint": endpoint,
            "ca_certificate_pem": ca_certificate_pem,
            "admin_key": Output.secret(admin_key),
            "server": server,
            "name": name,
            "roles": roles,
            "keepers": keepers,
        }
        super().__init__(resource_name, inputs, ("api_key", "drift"), opts, ("api_key",))
