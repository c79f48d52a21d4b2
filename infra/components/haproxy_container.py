"""The container in front of Weaviate: HAProxy, its configuration, and the table of keys.

What clients connect to. It ends TLS, refuses a key that comes from outside its account's networks, and tells Weaviate the client's address.
docs/adr/0025.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256

from christmas.blueprint.model import Limits, Network
from christmas.blueprint.services import EMBEDDER, HAPROXY, WEAVIATE, WEAVIATE_CONNECTIONS, WEAVIATE_CONNECTIONS_OF_AN_ADDRESS
from infra.components.description import Content, ServiceContainer
from infra.components.names import CONFIG_DIRECTORY

KEYS, KEYS_DIRECTORY, KEYS_FILE = "haproxy-keys", "/run/christmas-keys", "keys.map"
"""A volume of its own: Weaviate makes the keys, and is asked for them through this container."""

LOAD = {"signal": "SIGUSR2", "said": "Loading success", "refused": "Loading failure"}
"""Makes it load changed files, in the form of `Reload`."""

# They need no key, and say nothing of what is stored.
_OPEN_PATHS = ("/v1/.well-known/live", "/v1/.well-known/ready", "/v1/.well-known/openid-configuration")
_OPEN_CALLS = "/grpc.health.v1.Health/"
FRONTEND, STATISTICS_PORT = "weaviate", 8404
"""What clients connect to; and the port of its counts, for the container's own loopback alone."""

# Weaviate's own, to the embedder.
_OF_THE_SERVER = 64
# A request is logged by one of these words: its path may be anything that a client sends.
_KINDS = (
    *("schema", "objects", "batch", "graphql", "backups", "users", "authz", "aliases", "nodes", "cluster", "meta", "tasks", "replication"),
    *("Search", "Aggregate", "TenantsGet", "BatchObjects", "BatchReferences", "BatchDelete", "BatchStream"),
)


def describe(limits: Limits, *, configuration: Content) -> ServiceContainer[Content]:
    """HAProxy with a configuration of `haproxy_cfg`."""
    https = HAPROXY.ports["https"]
    verified = ["-CAfile", f"{CONFIG_DIRECTORY}/ca.crt", "-verify_return_error", "-verify_hostname", WEAVIATE.name]
    return ServiceContainer(
        service=HAPROXY.name,
        limits=limits,
        entrypoint=["haproxy"],
        command=["-W", "-f", f"{CONFIG_DIRECTORY}/haproxy.cfg"],
        read_only_volumes={KEYS_DIRECTORY: KEYS},
        files={"haproxy.cfg": configuration},
        # Whether Weaviate answers is its own check's question: this one costs a handshake. Its input is empty, so it ends at once.
        health=["CMD", "openssl", "s_client", "-brief", "-connect", f"localhost:{https}", *verified],
    )


def haproxy_cfg(server: str, *, platform: Sequence[str], host: Sequence[str], embedder: tuple[str, str] | None = None) -> str:
    """HAProxy's configuration. `server` is Weaviate's address, `platform` has the applications' networks, the stack's and other machines'.

    `host` has the addresses that clients on this machine have inside, `embedder` the address at which Weaviate asks for it, and its name.
    """
    https, grpc = WEAVIATE.ports["https"], WEAVIATE.ports["grpc"]
    kinds = " ".join(_KINDS)
    to_server = f"ssl verify required ca-file {CONFIG_DIRECTORY}/inner-ca.crt verifyhost {WEAVIATE.name} sni str({WEAVIATE.name})"
    wrong_place = _answer(
        403, "this key is not taken from this address: the networks of its account are declared in christmas/blueprint/accounts.py"
    )
    unknown = _answer(401, "no account has this key: invoke env --account NAME writes the newest")
    line = '{"address":"%[src]","account":"%[var(txn.account)]","asked":"%[var(txn.asked)]","status":%ST}'
    return f"""\
# Written by the Pulumi program; changes by hand are undone by the next `up`.
global
    log stdout format raw local0
    stats socket ipv4@127.0.0.1:{STATISTICS_PORT} level user
    maxconn {WEAVIATE_CONNECTIONS + WEAVIATE_CONNECTIONS_OF_AN_ADDRESS + _OF_THE_SERVER}
    nbthread 2
    # Requests that run when changed files are loaded come to their end in the former process.
    hard-stop-after 1h
    mworker-max-reloads 4
    ssl-load-extra-del-ext
    ssl-default-bind-options ssl-min-ver TLSv1.2
    ssl-default-bind-ciphers ECDHE+AESGCM:ECDHE+CHACHA20
    ssl-default-server-options ssl-min-ver TLSv1.2

defaults
    mode http
    log global
    log-format '{line}'
    option dontlognull
    # A client that keeps a connection doesn't find it closed at the moment at which it uses it again.
    option idle-close-on-response
    timeout connect 5s
    timeout client-hs 10s
    timeout http-request 15s
    timeout http-keep-alive 1m
    # Streams of batches may be silent for long while Weaviate indexes.
    timeout client 1h
    timeout server 1h

frontend {FRONTEND}
    bind :{https} ssl crt {CONFIG_DIRECTORY}/tls.crt alpn h2,http/1.1
    bind :{grpc} ssl crt {CONFIG_DIRECTORY}/tls.crt alpn h2

    acl from_host src 127.0.0.1 {" ".join(host)}
    acl from_platform src {" ".join(platform)}
    acl open path {" ".join(_OPEN_PATHS)}
    acl open path_beg {_OPEN_CALLS}

    # Before the handshake, so that it costs next to nothing. The host has places of its own: the operator gets in whatever strangers do.
    stick-table type ipv6 size 10k expire 1m store conn_cur
    tcp-request connection track-sc0 src
    tcp-request connection reject if {{ sc0_conn_cur gt {WEAVIATE_CONNECTIONS_OF_AN_ADDRESS} }}
    tcp-request connection reject if !from_host {{ fe_conn gt {WEAVIATE_CONNECTIONS} }}

    http-request set-var(txn.account) str()
    http-request set-var(txn.asked) str(other)
    http-request set-var(txn.asked) path,field(3,/) if {{ path,field(3,/) -m str {kinds} }}
    # The account whose key this is, and its networks: the table has hashes.
    http-request set-var(txn.known) req.fhdr(authorization),sha2(256),hex,lower,map(opt@{KEYS_DIRECTORY}/{KEYS_FILE})
    http-request set-var(txn.account) var(txn.known),field(1,:) if {{ var(txn.known) -m found }}
    http-request set-var(txn.networks) var(txn.known),field(2,:)

    # Weaviate reads the first of several headers.
    http-request deny {wrong_place} if {{ req.fhdr_cnt(authorization) gt 1 }}
    http-request deny {wrong_place} if {{ var(txn.known) -m found }} from_host !{{ var(txn.networks) -m sub {Network.HOST} }}
    http-request deny {wrong_place} if {{ var(txn.known) -m found }} !from_host !from_platform
    http-request deny {wrong_place} if {{ var(txn.known) -m found }} !from_host !{{ var(txn.networks) -m sub {Network.PLATFORM} }}
    # Weaviate takes keys in other forms as well; and one that is new is not in the table yet. Both are for the host alone.
    http-request deny {unknown} if !{{ var(txn.known) -m found }} !from_host !open

    # What is let through, Weaviate writes into its own log, with this address.
    http-request set-log-level silent
    http-request del-header x-forwarded-for
    http-request set-header x-real-ip %[src]
    http-after-response set-log-level err if {{ status 502 503 504 }}

    use_backend grpc if {{ dst_port {grpc} }}
    default_backend https

backend https
    server weaviate {server}:{https} {to_server} alpn http/1.1

backend grpc
    server weaviate {server}:{grpc} {to_server} alpn h2
{_for_embedder(*embedder) if embedder else ""}"""


def _for_embedder(address: str, name: str) -> str:
    """What passes for the embedder in the inner network. It is looked up at each request, as it may have another address by then."""
    port = EMBEDDER.ports["https"]
    return f"""
resolvers docker
    nameserver docker 127.0.0.11:53
    hold valid 1s

frontend embedder
    bind {address}:{port} ssl crt {CONFIG_DIRECTORY}/inner.crt
    http-request set-log-level silent
    http-request do-resolve(txn.embedder,docker,ipv4) str({name})
    http-request set-dst var(txn.embedder)
    default_backend embedder

backend embedder
    server embedder 0.0.0.0:{port} ssl verify required ca-file {CONFIG_DIRECTORY}/ca.crt verifyhost {EMBEDDER.name} sni str({EMBEDDER.name})
"""


def _answer(status: int, words: str) -> str:
    """What a request is refused with, in Weaviate's form."""
    message = json.dumps({"error": [{"message": words}]})
    return f"deny_status {status} content-type application/json string '{message}'"


def key_line(account: str, key: str, networks: Iterable[Network]) -> str:
    """An account's line of the table, by the hash of the header in which clients show its key."""
    return f"{sha256(f'Bearer {key}'.encode()).hexdigest()} {account}:{','.join(networks)}\n"
