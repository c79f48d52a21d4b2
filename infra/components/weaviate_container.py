"""Weaviate's container and settings: most as environment variables, the secret ones in a file."""

from __future__ import annotations

import shlex

from christmas.blueprint.model import Limits
from christmas.blueprint.services import WEAVIATE
from infra.components.description import Content, ServiceContainer
from infra.components.names import CONFIG_DIRECTORY

DATA_PATH = "/var/lib/weaviate"
BACKUP_PATH = "/var/lib/weaviate-backups"
# A backup restores only onto a node with the same name, so the name is fixed.
NODE = "weaviate"
# Weaviate's initial key; only the provider uses it, to manage the other accounts.
ROOT_USER = "root"
SECRETS_FILE = f"{CONFIG_DIRECTORY}/weaviate.env"
DATA, BACKUPS = "weaviate-data", "weaviate-backups"


def describe(limits: Limits, *, secrets: Content) -> ServiceContainer[Content]:
    """Weaviate with a file of `secrets_file`."""
    return ServiceContainer(
        service=WEAVIATE.name,
        limits=limits,
        entrypoint=["/bin/sh"],
        command=command(),
        environment=environment(limits),
        volumes={DATA_PATH: DATA, BACKUP_PATH: BACKUPS},
        files={"weaviate.env": secrets},
        health=https_probe(WEAVIATE.ports["https"], "/v1/.well-known/ready"),
    )


def environment(limits: Limits) -> dict[str, str]:
    """Settings without secrets, for a server with these limits."""
    return {
        "PERSISTENCE_DATA_PATH": DATA_PATH,
        "BACKUP_FILESYSTEM_PATH": BACKUP_PATH,
        "ENABLE_MODULES": "text2vec-openai,backup-filesystem",
        "API_BASED_MODULES_DISABLED": "true",
        "DEFAULT_VECTORIZER_MODULE": "none",
        "CLUSTER_HOSTNAME": NODE,
        # A single node has no peers for gossip and consensus, so both stay inside the container.
        "CLUSTER_BIND_ADDR": "127.0.0.1",
        "CLUSTER_ADVERTISE_ADDR": "127.0.0.1",
        "CLUSTER_BASIC_AUTH_USERNAME": "cluster",
        "RAFT_JOIN": NODE,
        "RAFT_BOOTSTRAP_EXPECT": "1",
        # The default suits clusters across continents; for one node it only slows the start.
        "RAFT_TIMEOUTS_MULTIPLIER": "1",
        "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "false",
        "AUTHENTICATION_APIKEY_ENABLED": "true",
        "AUTHENTICATION_APIKEY_USERS": ROOT_USER,
        "AUTHENTICATION_DB_USERS_ENABLED": "true",
        "AUTHORIZATION_RBAC_ENABLED": "true",
        "AUTHORIZATION_RBAC_ROOT_USERS": ROOT_USER,
        "GRPC_PORT": str(WEAVIATE.ports["grpc"]),
        "GRPC_CERT_FILE": f"{CONFIG_DIRECTORY}/tls.crt",
        "GRPC_KEY_FILE": f"{CONFIG_DIRECTORY}/tls.key",
        # Go reads it in addition to the public CAs: a vendor's certificate is trusted, and that with which HAProxy passes for the embedder.
        "SSL_CERT_FILE": f"{CONFIG_DIRECTORY}/ca.crt",
        "TIKTOKEN_CACHE_DIR": "/usr/share/tiktoken",
        "DISABLE_TELEMETRY": "true",
        "GO_PROFILING_DISABLE": "true",
        "GOMEMLIMIT": f"{limits.memory_mib * 4 // 5}MiB",
        "GOMAXPROCS": str(max(1, round(limits.cpus))),
        # Authorization decisions are logged at this level.
        "LOG_LEVEL": "info",
        "QUERY_DEFAULTS_LIMIT": "25",
    }


def secrets_file(root_key: str, cluster_password: str) -> str:
    """A shell file that `command` reads: these secrets must not be in the container's environment, which Docker shows."""
    pairs = {"AUTHENTICATION_APIKEY_ALLOWED_KEYS": root_key, "CLUSTER_BASIC_AUTH_PASSWORD": cluster_password}
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in pairs.items())


def command() -> list[str]:
    """Arguments for `/bin/sh`: read the secrets, then start the server."""
    return [
        "-c",
        f'set -a; . {SECRETS_FILE}; exec /bin/weaviate "$@"',
        "weaviate",
        "--scheme",
        "https",
        "--tls-host",
        "0.0.0.0",  # noqa: S104 - inside the container; the host publishes what it wants
        "--tls-port",
        str(WEAVIATE.ports["https"]),
        "--tls-certificate",
        f"{CONFIG_DIRECTORY}/tls.crt",
        "--tls-key",
        f"{CONFIG_DIRECTORY}/tls.key",
    ]


def https_probe(port: int, path: str) -> list[str]:
    """A health check that verifies the certificate, with tools that our and upstream images have: sh and openssl."""
    request = rf"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    verify = f"-CAfile {CONFIG_DIRECTORY}/ca.crt -verify_return_error -verify_hostname localhost"
    return [
        "CMD-SHELL",
        f"printf '{request}' | openssl s_client -quiet -connect localhost:{port} {verify} 2>/dev/null | grep -q '^HTTP/1.1 200'",
    ]
