"""The services: their ports, names and limits. Sized for a machine with two cores and eight GiB; a stack's settings may raise them."""

from __future__ import annotations

from christmas.blueprint.model import Limits, Service

TIMESCALEDB = Service(
    name="timescaledb",
    comment="PostgreSQL 17 with TimescaleDB",
    user="1000:1000",
    ports={"postgres": 5432},
    published={"postgres": 15432},
    # A session may set its own work_mem: a statement that needs more than a quarter is refused. Otherwise the kernel would kill a
    # process, and PostgreSQL then end all sessions. docs/adr/0011.
    limits=Limits(memory_mib=2048, cpus=2.0, stop_seconds=120, tmpfs_mib=256, process_share=0.25),
)

REDIS = Service(
    name="redis",
    comment="Sessions, rate limits and caches",
    user="999:999",
    ports={"redis": 6379},
    published={"redis": 16379},
    limits=Limits(memory_mib=768, cpus=1.0, stop_seconds=60, tmpfs_mib=16),
)

WEAVIATE = Service(
    name="weaviate",
    comment="Document chunks and their vectors",
    user="1000:1000",
    ports={"https": 8080, "grpc": 50051},
    published={},
    limits=Limits(memory_mib=2048, cpus=2.0, stop_seconds=60, tmpfs_mib=128),
    # Its data port: it always listens on every address.
    neighbours={"cluster": 7947},
    inner=True,
)

EMBEDDER = Service(
    name="embedder",
    comment="Embeddings without a vendor: OpenAI's API, a bundled model",
    user="1000:1000",
    ports={"https": 8443},
    published={"https": 18443},
    limits=Limits(memory_mib=1024, cpus=2.0, stop_seconds=15, tmpfs_mib=64),
)

HAPROXY = Service(
    name="haproxy",
    comment="What stands in front of Weaviate: it ends TLS, and takes each account's key from that account's networks alone",
    user="99:99",
    ports=WEAVIATE.ports,
    published={"https": 18080, "grpc": 15051},
    limits=Limits(memory_mib=192, cpus=1.0, stop_seconds=15, tmpfs_mib=16),
    aliases=(WEAVIATE.name,),
    # Weaviate asks the embedder through it too: Weaviate can't read another certificate of the stack's CA without a restart.
    inner_ports={"embedder": EMBEDDER.ports["https"]},
    inner_aliases=(EMBEDDER.name,),
)
WEAVIATE_CONNECTIONS_OF_AN_ADDRESS = 120
"""Open connections to Weaviate at most, for each client address: a client library's pool has up to 100."""
WEAVIATE_CONNECTIONS = 360
"""At which all of the network's addresses together get no further one. The host has its own beyond them."""

MONITORING = Service(
    name="monitoring",
    comment="Prometheus, Alertmanager and exporters; only where the setting `monitoring` is on",
    user="1001:1001",
    ports={"prometheus": 9090},
    published={"prometheus": 19090},
    limits=Limits(memory_mib=640, cpus=1.0, stop_seconds=30, tmpfs_mib=16),
)

SERVICES: tuple[Service, ...] = (TIMESCALEDB, REDIS, WEAVIATE, HAPROXY, EMBEDDER)
"""The services of every stack."""
OPTIONAL_SERVICES: tuple[Service, ...] = (MONITORING,)
"""Those that a stack's settings turn on."""

LIVE_PAGE_PORT = 19443
"""Where `check.serve` listens on loopback, unless it is told another port. No service of the stack: it runs while somebody wants it."""

POSTGRES_MAX_CONNECTIONS = 150

# A statement without a time range locks every chunk of a hypertable and each of its indexes; creating a chunk locks these
# several times, and its constraints. PostgreSQL has one lock table for all sessions, with a
# size fixed at its start: when it is full, every further lock fails with "out of shared memory". docs/adr/0512.
MOST_CHUNKS = 5_000
"""The allowed number of chunks of a hypertable: at 28 days each, 383 years. A load that needs more is refused."""
LOCKS_TO_MAKE_A_CHUNK = 16
LOCKS_TO_READ_A_CHUNK = 5
READERS_OF_EVERYTHING = 4
"""The number of statements over a whole table that fit at the same time, besides one transaction that makes all chunks: a backup's counts,
the checks, upkeep."""
POSTGRES_MAX_LOCKS = -(-MOST_CHUNKS * (LOCKS_TO_MAKE_A_CHUNK + READERS_OF_EVERYTHING * LOCKS_TO_READ_A_CHUNK) // POSTGRES_MAX_CONNECTIONS)
"""`max_locks_per_transaction`: despite its name, the lock table's size per allowed connection. About 81 MB of memory."""


def service(name: str) -> Service:
    """The service of that name; KeyError if the blueprint has none."""
    for candidate in (*SERVICES, *OPTIONAL_SERVICES):
        if candidate.name == name:
            return candidate
    raise KeyError(f"the blueprint declares no service {name!r}")
