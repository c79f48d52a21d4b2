"""The kinds of this provider, by type token; each is imported at first use, so that the start stays fast."""

from __future__ import annotations

import functools
import importlib

from infra.provider.kind import ResourceKind

MODULES = {
    "Password": "passwords",
    "Rotation": "rotation",
    "AuthorityRotation": "rotation",
    "KeptPassword": "kept_passwords",
    "FieldKeys": "field_keys",
    "KeptIdentity": "kept_passwords",
    "CertificateAuthority": "certificates",
    "Certificate": "certificates",
    "PortBlock": "ports",
    "SubnetBlock": "subnets",
    "VolumeOwner": "volume_owner",
    "ConfigFiles": "config_files",
    "Reload": "reloads",
    "PostgresDatabase": "postgres_database",
    "PostgresRole": "postgres_role",
    "PostgresGrants": "postgres_grants",
    "BackupStanza": "backup_stanza",
    "RedisUser": "redis_user",
    "RedisAddresses": "redis_addresses",
    "WeaviateRole": "weaviate_role",
    "WeaviateUser": "weaviate_user",
}


@functools.cache
def kind_named(name: str) -> ResourceKind:
    """The kind with this name.

    Raises KeyError if there is none.
    """
    kind: ResourceKind = getattr(importlib.import_module(f"infra.provider.{MODULES[name]}"), f"{name}Kind")()
    return kind


def kind_of(token: str) -> ResourceKind | None:
    """The kind of a type token such as `christmas:index:Password`, or None."""
    package, _, name = token.partition(":index:")
    return kind_named(name) if package == "christmas" and name in MODULES else None
