"""The judgements, as tables: keys, tables, collections, ages."""

from datetime import timedelta

import pytest

from backup.model import Kind, Manifest
from blueprint.relational import MARKET_DATA, USERS
from blueprint.rules import BACKUP_RULES
from monitor.backups import judge_redundancy
from monitor.collections import compare as compare_collections
from monitor.keyspaces import judge
from monitor.relational import Live, compare
from tests.support.manifests import NOON, manifest

HOUR = 3_600_000


@pytest.mark.parametrize(
    ("key", "kind", "ttl", "problem"),
    [
        ("session:abc", "hash", 24 * HOUR, None),
        ("session:abc", "hash", -1, "without a TTL"),
        ("session:abc", "hash", 25 * HOUR, "with a longer TTL than declared"),
        ("session:abc", "string", HOUR, "of type string where session has hash"),
        ("session:abc", "none", -2, None),
        ("session:", "hash", HOUR, "of no keyspace"),
        ("rate_limit:::1", "string", 60_000, None),
        ("rate_limit:1.2.3.4", "string", 62_000, "with a longer TTL than declared"),
        ("market:AAPL:latest", "hash", 5_000, None),
        ("market:AAPL", "hash", 5_000, "of no keyspace"),
        ("user:7:preferences", "string", HOUR, None),
        ("something", "string", HOUR, "of no keyspace"),
    ],
)
def test_keys(key: str, kind: str, ttl: int, problem: str | None) -> None:
    assert judge(key, kind, ttl) == problem


assert MARKET_DATA.hypertable
CHUNK = MARKET_DATA.hypertable.chunk_interval


def live(**changes: object) -> Live:
    columns = {(table.name, column.name): (column.type, column.nullable) for table in (USERS, MARKET_DATA) for column in table.columns}
    indexes = {(table.name, index.name): (index.columns, index.unique) for table in (USERS, MARKET_DATA) for index in table.indexes}
    keys = {table.name: table.primary_key for table in (USERS, MARKET_DATA)}
    hypertables: dict[str, tuple[str, object]] = {"market_data": ("timestamp", CHUNK)}
    found = Live(columns, indexes, keys, hypertables)
    for name, change in changes.items():
        getattr(found, name).update(change)
    return found


def test_tables_as_declared_have_no_difference() -> None:
    assert compare(USERS, live()) == []
    assert compare(MARKET_DATA, live()) == []


def test_every_kind_of_difference_in_a_table_is_told() -> None:
    without = live()
    del without.columns["users", "email"]
    del without.indexes["users", "users_email_key"]
    assert compare(USERS, without) == ["users.email is missing", "index users_email_key is missing"]
    assert compare(USERS, live(columns={("users", "email"): ("text", True)})) == ["users.email is text"]
    assert compare(USERS, live(columns={("users", "extra"): ("text", True)})) == ["users.extra is not declared"]
    assert compare(USERS, live(keys={"users": ("email",)})) == ["users's primary key is ('email',)"]
    assert compare(USERS, live(indexes={("users", "users_email_key"): (("username",), True)})) == [
        "index users_email_key is on username (unique)"
    ]
    assert compare(USERS, live(hypertables={"users": ("created_at", timedelta(days=1))})) == ["users is a hypertable"]
    assert compare(MARKET_DATA, live(hypertables={"market_data": ("timestamp", timedelta(hours=1))})) == [
        "market_data is cut by timestamp into chunks of 1:00:00"
    ]
    plain = live()
    plain.hypertables.clear()
    assert compare(MARKET_DATA, plain) == ["hypertable market_data is missing"]
    assert compare(USERS, Live({}, {}, {}, {})) == ["table users is missing"]


DECLARED = {
    "class": "Doc_1",
    "description": "words",
    "vectorizer": "text2vec-openai",
    "moduleConfig": {"text2vec-openai": {"model": "m"}},
    "vectorIndexConfig": {"distance": "cosine"},
    "properties": [{"name": "path", "dataType": ["text"], "tokenization": "whitespace"}],
}


def test_what_weaviate_adds_or_renames_is_no_difference() -> None:
    stored = {
        **DECLARED,
        "class": "Doc_2",
        "description": "other words",
        "replicationConfig": {"factor": 1},
        "vectorIndexConfig": {"distance": "cosine", "efConstruction": 128},
        "properties": [{"name": "path", "dataType": ["string"], "tokenization": "whitespace", "indexFilterable": True}],
    }
    assert compare_collections(DECLARED, stored) == []


def test_what_differs_in_a_collection_is_told() -> None:
    stored = {
        **DECLARED,
        "vectorIndexConfig": {"distance": "dot"},
        "moduleConfig": {},
        "properties": [{"name": "path", "dataType": ["int"], "tokenization": "word"}, {"name": "more", "dataType": ["text"]}],
    }
    assert set(compare_collections(DECLARED, stored)) == {
        "moduleConfig.text2vec-openai is None, not {'model': 'm'}",
        "vectorIndexConfig.distance is 'dot', not 'cosine'",
        "property more is not declared",
        "property path: dataType is ['int'], not ['text']",
        "property path: tokenization is 'word', not 'whitespace'",
    }
    assert compare_collections(DECLARED, {**DECLARED, "properties": None}) == ["property path is missing"]


def aged(hours: float, kind: Kind = "full") -> Manifest:
    return manifest(f"20261123-000000-{kind}-{abs(int(hours)):04d}", kind=kind, started=NOON - timedelta(hours=hours))


def of_a_cluster(born_hours_ago: float) -> Manifest:
    born = NOON - timedelta(hours=born_hours_ago)
    made = aged(1)
    assert made.postgres is not None
    return made.model_copy(update={"postgres": made.postgres.model_copy(update={"system_id": str(int(born.timestamp()) << 32)})})


def test_too_few_fulls_are_told() -> None:
    assert judge_redundancy([aged(1)], BACKUP_RULES, NOON).status == "warning"
    assert judge_redundancy([aged(25), aged(1)], BACKUP_RULES, NOON).status == "ok"
    assert judge_redundancy([aged(25), aged(1, "incremental")], BACKUP_RULES, NOON).value == 1
    assert judge_redundancy([], BACKUP_RULES, NOON).status == "warning"
    # A database of a few hours can't have two daily backups yet; one of a few days should.
    assert judge_redundancy([of_a_cluster(3)], BACKUP_RULES, NOON).status == "ok"
    assert judge_redundancy([of_a_cluster(48)], BACKUP_RULES, NOON).status == "warning"
