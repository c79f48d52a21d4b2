"""A scratch Weaviate server with the bundled embedder beside it, both over TLS, with the blueprint's accounts."""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
import ssl
from collections.abc import Iterator, Mapping

import httpx
import weaviate
from docker.models.containers import Container
from docker.models.networks import Network

from christmas.blueprint.accounts import ACCOUNTS
from core import temporary
from infra import clients
from infra.connections import Credentials, Endpoint, Platform
from infra.provider.weaviate_api import WeaviateApi, permissions
from tests.support import scratch

HTTPS, GRPC, EMBEDDER = 8080, 50051, 8443
ROOT_USER = "root"
_COMMAND = 'set -a; . /run/christmas/weaviate.env; exec /bin/weaviate "$@"'
_ENVIRONMENT = {
    "PERSISTENCE_DATA_PATH": "/var/lib/weaviate",
    "BACKUP_FILESYSTEM_PATH": "/var/lib/weaviate-backups",
    "ENABLE_MODULES": "text2vec-openai,backup-filesystem",
    "API_BASED_MODULES_DISABLED": "true",
    "DEFAULT_VECTORIZER_MODULE": "none",
    "CLUSTER_HOSTNAME": "weaviate",
    "CLUSTER_BIND_ADDR": "127.0.0.1",
    "CLUSTER_ADVERTISE_ADDR": "127.0.0.1",
    "RAFT_JOIN": "weaviate",
    "RAFT_BOOTSTRAP_EXPECT": "1",
    "RAFT_TIMEOUTS_MULTIPLIER": "1",
    "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "false",
    "AUTHENTICATION_APIKEY_ENABLED": "true",
    "AUTHENTICATION_APIKEY_USERS": ROOT_USER,
    "AUTHENTICATION_DB_USERS_ENABLED": "true",
    "AUTHORIZATION_RBAC_ENABLED": "true",
    "AUTHORIZATION_RBAC_ROOT_USERS": ROOT_USER,
    "GRPC_PORT": str(GRPC),
    "GRPC_CERT_FILE": f"{scratch.FOLDER}/tls.crt",
    "GRPC_KEY_FILE": f"{scratch.FOLDER}/tls.key",
    "SSL_CERT_FILE": f"{scratch.FOLDER}/ca.crt",
    "DISABLE_TELEMETRY": "true",
    "GO_PROFILING_DISABLE": "true",
    "TIKTOKEN_CACHE_DIR": "/usr/share/tiktoken",
}


@dataclasses.dataclass(frozen=True, slots=True)
class ScratchWeaviate:
    """The running server: `platform` reaches it and the embedder; account `root` is its administrator."""

    platform: Platform
    container: Container
    network: Network


@contextlib.contextmanager
def run_scratch_weaviate(
    *, embedder: bool = True, memory: str = "2g", environment: Mapping[str, str] | None = None
) -> Iterator[ScratchWeaviate]:
    """Start both, or Weaviate alone, `environment` added to its own; yields them when they answer and all accounts exist."""
    scratch.remove_leftovers()
    authority = scratch.new_authority()
    token = secrets.token_urlsafe(24)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(temporary.folder("tests"))
        ca_file = folder / "ca.crt"
        ca_file.write_bytes(authority.pem)
        network = stack.enter_context(scratch.network())
        endpoints: dict[str, Endpoint] = {}
        if embedder:
            endpoints["embedder"] = stack.enter_context(_embedder(authority, token, network))
        root_key = secrets.token_urlsafe(24)
        running = stack.enter_context(_weaviate(authority, root_key, network, memory, {**_ENVIRONMENT, **(environment or {})}))
        endpoints["weaviate"] = Endpoint("127.0.0.1", scratch.published(running, HTTPS), "weaviate", HTTPS)
        endpoints["weaviate_grpc"] = Endpoint("127.0.0.1", scratch.published(running, GRPC), "weaviate", GRPC)
        platform = Platform(
            stack=str(running.name),
            endpoints=endpoints,
            accounts={ROOT_USER: Credentials(weaviate=root_key)},
            ca_file=ca_file,
            containers={"weaviate": str(running.name)},
            volumes={},
            network=str(network.name),
            embedding_profile="embedded",
            embedding_key=token,
        )
        scratch.wait_until(lambda: _answers(platform), running)
        api = WeaviateApi(platform.weaviate_url(), authority.pem.decode(), root_key)
        with clients.weaviate_client(platform, ROOT_USER) as client:
            accounts = {ROOT_USER: Credentials(weaviate=root_key), **_make_accounts(client, api)}
        yield ScratchWeaviate(dataclasses.replace(platform, accounts=accounts), running, network)


@contextlib.contextmanager
def _embedder(authority: scratch.Authority, token: str, network: Network) -> Iterator[Endpoint]:
    certificate, key = authority.issue("embedder")
    files = {"tls.crt": certificate, "tls.key": key, "ca.crt": authority.pem, "api.key": token.encode()}
    with scratch.container(
        "embedder", files=files, uid=1000, command=[], ports=(EMBEDDER,), inside=network, tmpfs={"/tmp": "size=64m"}
    ) as running:
        port = scratch.published(running, EMBEDDER)
        trusted = ssl.create_default_context(cadata=authority.pem.decode())
        scratch.wait_until(lambda: httpx.get(f"https://localhost:{port}/healthz", verify=trusted).is_success, running)
        yield Endpoint("127.0.0.1", port, "embedder", EMBEDDER)


@contextlib.contextmanager
def _weaviate(
    authority: scratch.Authority, root_key: str, network: Network, memory: str, environment: Mapping[str, str]
) -> Iterator[Container]:
    certificate, key = authority.issue("weaviate")
    files = {
        "tls.crt": certificate,
        "tls.key": key,
        "ca.crt": authority.pem,
        "weaviate.env": f"AUTHENTICATION_APIKEY_ALLOWED_KEYS='{root_key}'\n".encode(),
    }
    arguments = ["--scheme", "https", "--tls-host", "0.0.0.0", "--tls-port", str(HTTPS)]
    arguments += ["--tls-certificate", f"{scratch.FOLDER}/tls.crt", "--tls-key", f"{scratch.FOLDER}/tls.key"]
    with scratch.container(
        "weaviate",
        files=files,
        uid=1000,
        entrypoint=["/bin/sh"],
        command=["-c", _COMMAND, "weaviate", *arguments],
        environment=environment,
        ports=(HTTPS, GRPC),
        inside=network,
        memory=memory,
        extra_hosts={"host.docker.internal": "host-gateway"},
    ) as running:
        yield running


def _answers(platform: Platform) -> bool:
    with clients.weaviate_client(platform, ROOT_USER) as client:
        return bool(client.is_ready())


def _make_accounts(client: weaviate.WeaviateClient, api: WeaviateApi) -> dict[str, Credentials]:
    made: dict[str, Credentials] = {}
    for account in ACCOUNTS:
        if account.weaviate is None:
            continue
        role = account.weaviate.built_in_role
        if role is None:
            role = f"christmas_{account.name}"
            wanted = [each for one in account.weaviate.permissions for each in permissions(one.action, one.collection, one.alias)]
            api.post("authz/roles", {"name": role, "permissions": wanted})
        made[account.name] = Credentials(weaviate=client.users.db.create(user_id=account.name))
        client.users.db.assign_roles(user_id=account.name, role_names=[role])
    return made
