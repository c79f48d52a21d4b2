"""A scratch Redis server over TLS with the blueprint's accounts."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator

import redis
from docker.models.containers import Container

from christmas.blueprint.accounts import ACCOUNTS
from core import temporary
from infra.connections import Credentials, Endpoint, Platform
from infra.provider.redis_acl import password_sha256, redis_acl_line
from tests.support import scratch

PORT = 6379


@contextlib.contextmanager
def run_scratch_redis(*settings: str, memory: str = "512m") -> Iterator[tuple[Platform, Container]]:
    """Start it with further lines of configuration; yields a Platform with its accounts, and the container."""
    scratch.remove_leftovers()
    authority = scratch.new_authority()
    certificate, key = authority.issue("redis")
    passwords = {each.name: secrets.token_urlsafe(24) for each in ACCOUNTS if each.redis}
    configuration = [
        "port 0", f"tls-port {PORT}", "tls-auth-clients no", "dir /data", "save ''",
        f"tls-cert-file {scratch.FOLDER}/tls.crt", f"tls-key-file {scratch.FOLDER}/tls.key",
        f"tls-ca-cert-file {scratch.FOLDER}/ca.crt", f"aclfile {scratch.FOLDER}/users.acl", *settings,
    ]  # fmt: skip
    users = [
        "user default off",
        *(redis_acl_line(each.name, each.redis, password_sha256(passwords[each.name])) for each in ACCOUNTS if each.redis),
    ]
    files = {
        "tls.crt": certificate,
        "tls.key": key,
        "ca.crt": authority.pem,
        "redis.conf": "\n".join(configuration).encode() + b"\n",
        "users.acl": "\n".join(users).encode() + b"\n",
    }
    with (
        temporary.folder("tests") as folder,
        scratch.container(
            "redis", files=files, uid=999, command=["redis-server", f"{scratch.FOLDER}/redis.conf"], ports=(PORT,), memory=memory
        ) as running,
    ):
        ca_file = folder / "ca.crt"
        ca_file.write_bytes(authority.pem)
        platform = Platform(
            stack=str(running.name),
            endpoints={"redis": Endpoint("127.0.0.1", scratch.published(running, PORT), "redis", PORT)},
            accounts={name: Credentials(redis=password) for name, password in passwords.items()},
            ca_file=ca_file,
            containers={"redis": str(running.name)},
            volumes={},
            network="bridge",
            embedding_profile="embedded",
            embedding_key="",
        )
        scratch.wait_until(lambda: _answers(platform), running)
        yield platform, running


def _answers(platform: Platform) -> bool:
    with contextlib.closing(redis.Redis.from_url(platform.redis_url("api"))) as client:
        return bool(client.ping())
