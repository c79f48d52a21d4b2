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
from christmas.blueprint.model import Limits
from christmas.blueprint.services import EMBEDDER, WEAVIATE
from core import temporary
from infra import clients
from infra.components import embedder_container, weaviate_container
from infra.components.weaviate_container import ROOT_USER
from infra.connections import Credentials, Endpoint, Platform
from infra.provider.weaviate_api import WeaviateApi, permissions
from tests.support import scratch

HTTPS, GRPC, EMBEDDER_PORT = WEAVIATE.ports["https"], WEAVIATE.ports["grpc"], EMBEDDER.ports["https"]


@dataclasses.dataclass(frozen=True, slots=True)
class ScratchWeaviate:
    """The running server: `platform` reaches it and the embedder; account `root` is its administrator."""

    platform: Platform
    container: Container
    network: Network
    authority: scratch.Authority


@contextlib.contextmanager
def run_scratch_weaviate(
    *, embedder: bool = True, limits: Limits = WEAVIATE.limits, environment: Mapping[str, str] | None = None
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
        running = stack.enter_context(_weaviate(authority, root_key, network, limits, environment))
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
        yield ScratchWeaviate(dataclasses.replace(platform, accounts=accounts), running, network, authority)


@contextlib.contextmanager
def _embedder(authority: scratch.Authority, token: str, network: Network) -> Iterator[Endpoint]:
    with scratch.container(embedder_container.describe(EMBEDDER.limits, tokens=token), authority, inside=network) as running:
        port = scratch.published(running, EMBEDDER_PORT)
        trusted = ssl.create_default_context(cadata=authority.pem.decode())
        scratch.wait_until(lambda: httpx.get(f"https://localhost:{port}/healthz", verify=trusted).is_success, running)
        yield Endpoint("127.0.0.1", port, EMBEDDER.name, EMBEDDER_PORT)


@contextlib.contextmanager
def _weaviate(
    authority: scratch.Authority, root_key: str, network: Network, limits: Limits, environment: Mapping[str, str] | None
) -> Iterator[Container]:
    described = weaviate_container.describe(limits, secrets=weaviate_container.secrets_file(root_key, secrets.token_urlsafe(16)))
    hosts = {"host.docker.internal": "host-gateway"}
    with scratch.container(described, authority, inside=network, environment=environment, extra_hosts=hosts) as running:
        yield running


def _answers(platform: Platform) -> bool:
    with clients.weaviate_client(platform, ROOT_USER) as client:
        return bool(client.is_ready())


def _make_accounts(client: weaviate.WeaviateClient, api: WeaviateApi) -> dict[str, Credentials]:
    credentialses: dict[str, Credentials] = {}
    for account in ACCOUNTS:
        if account.weaviate is None:
            continue
        role = account.weaviate.built_in_role
        if role is None:
            role = f"christmas_{account.name}"
            wanted = [
                permission for one in account.weaviate.permissions for permission in permissions(one.action, one.collection, one.alias)
            ]
            api.post("authz/roles", {"name": role, "permissions": wanted})
        credentialses[account.name] = Credentials(weaviate=client.users.db.create(user_id=account.name))
        client.users.db.assign_roles(user_id=account.name, role_names=[role])
    return credentialses
