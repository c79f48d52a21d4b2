"""The judgements, as tables: keys, tables, collections, ages."""

from datetime import timedelta

import pytest

from backup.sets.model import Manifest, SetKind
from christmas.blueprint.backup_and_drill_rules import BACKUP_RULES
from christmas.blueprint.relational import MARKET_DATA, USERS
from monitor import redis_settings
from monitor.backups import judge_redundancy
from monitor.keyspace_audit import FIXABLE, Audit, Fault, Finding
from monitor.keyspaces import judge
from monitor.relational import Live, compare
from seed.collection import differences
from tests.support.manifests import NOON, manifest

HOUR = 3_600_000


@pytest.mark.parametrize(
    ("findings", "status", "told"),
    [
        ([], "ok", "7 keys looked at; market_latest 5 in 2.0 kB; session 2 in 900 B"),
        ([Finding("session:x", Fault.NO_EXPIRY, "session")] * 2, "critical", "2 session without an expiry; 7 keys"),
        ([Finding("session:x", Fault.LONG_EXPIRY, "session")], "warning", "1 session with a longer expiry than declared; 7 keys"),
        ([Finding("what", Fault.UNKNOWN)], "warning", "1 'what' of no keyspace; 7 keys"),
    ],
    ids=["sound", "endless", "long", "stray"],
)
def test_keys(findings: list[Finding], status: str, told: str) -> None:
    found = Audit({"session": 2, "market_latest": 5}, {"session": 900, "market_latest": 2048}, findings)
    result = judge(found, 7)
    assert result.status == status
    assert result.message.startswith(told)
    assert ("--fix" in result.next_step) == any(finding.fault in FIXABLE for finding in findings)
    assert "session:x" not in result.message


def test_a_bounded_look_says_how_much_it_saw() -> None:
    assert judge(Audit({"session": 2}, {"session": 900}, complete=False), 40_000).message.startswith("2 of 40000 keys looked at")


@pytest.mark.parametrize(
    ("name", "declared", "live", "same"),
    [
        ("client-query-buffer-limit", "64mb", "67108864", True),
        ("client-query-buffer-limit", "64mb", "1073741824", False),
        ("maxmemory-clients", "10%", "10%", True),
        ("save", "3600 1 300 100", "3600 1 300 100", True),
        ("save", "3600 1 300 100", "", False),
        (
            "client-output-buffer-limit",
            "normal 64mb 16mb 60 pubsub 16mb 4mb 60",
            "normal 67108864 16777216 60 slave 1 1 1 pubsub 16777216 4194304 60",
            True,
        ),
        ("client-output-buffer-limit", "normal 64mb 16mb 60", "normal 0 0 0 slave 1 1 1 pubsub 1 1 1", False),
    ],
)
def test_settings_of_a_server_mean_what_is_declared(name: str, declared: str, live: str, same: bool) -> None:
    assert redis_settings.same(name, declared, live) is same


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
        "replicationConfig": {"factor": 1},
        "vectorIndexConfig": {"distance": "cosine", "efConstruction": 128},
        "properties": [{"name": "path", "dataType": ["string"], "tokenization": "whitespace", "indexFilterable": True}],
    }
    assert differences(DECLARED, stored) == []


def test_what_differs_in_a_collection_is_told() -> None:
    stored = {
        **DECLARED,
        "description": "other words",
        "vectorIndexConfig": {"distance": "dot"},
        "moduleConfig": {},
        "properties": [{"name": "path", "dataType": ["int"]}, {"name": "more", "dataType": ["text"]}],
    }
    assert differences(DECLARED, stored) == [
        "description is other words, declared words",
        "index.distance is dot, declared cosine",
        "module.model is empty, declared m",
        "property.more is type=text tokenization=word vectorized=True, declared missing",
        "property.path is type=int tokenization=None vectorized=False, declared type=text tokenization=whitespace vectorized=True",
    ]
    assert differences(DECLARED, {**DECLARED, "properties": None}) == [
        "property.path is missing, declared type=text tokenization=whitespace vectorized=True"
    ]


def aged(hours: float, kind: SetKind = "full") -> Manifest:
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
