"""The services with just enough settings to run over TLS."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from christmas.blueprint import services
from infra.components import haproxy_container, weaviate_container
from tests.integration.images.hardened import Service, files_for
from tests.support import scratch

PGDATA = "/home/postgres/pgdata"
_POSTGRES_TMPFS = "rw,noexec,nosuid,nodev,size=16m,uid=1000,gid=1000,mode=0750"
_POSTGRES_CONFIG = b"""
listen_addresses = '*'
shared_preload_libraries = 'timescaledb,pgaudit'
timescaledb.telemetry_level = off
ssl = on
ssl_cert_file = '/run/christmas/tls.crt'
ssl_key_file = '/run/christmas/tls.key'
"""
_POSTGRES_HBA = b"local all postgres peer\nhostssl all all all scram-sha-256\n"

TIMESCALEDB = Service(
    name="timescaledb",
    uid=1000,
    port=5432,
    command=["postgres", "-c", "config_file=/run/christmas/postgresql.conf", "-c", "hba_file=/run/christmas/pg_hba.conf"],
    data=[PGDATA, "/var/lib/pgbackrest"],
    tmpfs=dict.fromkeys(("/var/run/postgresql", "/var/spool/pgbackrest", "/var/log/pgbackrest"), _POSTGRES_TMPFS),
)
REDIS = Service(name="redis", uid=999, port=6379, command=["redis-server", "/run/christmas/redis.conf"], data=["/data"])
WEAVIATE = Service(
    name="weaviate",
    uid=1000,
    port=8080,
    entrypoint=["/bin/sh"],
    command=weaviate_container.command(),
    data=["/var/lib/weaviate", "/var/lib/weaviate-backups"],
    environment=weaviate_container.environment(services.WEAVIATE.limits),
)
_HAPROXY = haproxy_container.describe(
    services.HAPROXY.limits, configuration=haproxy_container.haproxy_cfg("127.0.0.1", platform=["192.0.2.0/24"], host=[])
)
HAPROXY = Service(name="haproxy", uid=99, port=8080, entrypoint=_HAPROXY.entrypoint, command=_HAPROXY.command)
EMBEDDER = Service(name="embedder", uid=1000, port=8443)

SERVICES = {service.name: service for service in (TIMESCALEDB, REDIS, WEAVIATE, HAPROXY, EMBEDDER)}


def secret_files(service: Service, authority: scratch.Authority) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return the service's settings files, and the secrets among them by what they are for."""
    files = files_for(service, authority)
    made = {name: secrets.token_hex(16) for name in ("password", "cluster")}
    own: Mapping[str, Mapping[str, bytes]] = {
        "timescaledb": {"postgresql.conf": _POSTGRES_CONFIG, "pg_hba.conf": _POSTGRES_HBA, "superuser": made["password"].encode()},
        "redis": {
            "redis.conf": b"dir /data\nport 0\ntls-port 6379\ntls-cert-file /run/christmas/tls.crt\ntls-key-file /run/christmas/tls.key\n"
            b"tls-ca-cert-file /run/christmas/ca.crt\ntls-auth-clients no\nappendonly yes\naclfile /run/christmas/users.acl\n",
            "users.acl": f"user default off\nuser admin on >{made['password']} ~* &* +@all\n".encode(),
        },
        "weaviate": {
            "weaviate.env": _assignments(AUTHENTICATION_APIKEY_ALLOWED_KEYS=made["password"], CLUSTER_BASIC_AUTH_PASSWORD=made["cluster"])
        },
        "haproxy": {"inner-ca.crt": authority.pem, **{name: text.encode() for name, text in _HAPROXY.files.items()}},
        "embedder": {"api.key": made["password"].encode()},
    }
    return {**files, **own[service.name]}, made


def _assignments(**values: str) -> bytes:
    return "".join(f"{name}='{value}'\n" for name, value in values.items()).encode()
