"""What is read out of logs and lists of refusals, and what it comes to."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from christmas.blueprint.refusal_alarms import REFUSAL_ALARMS
from christmas.blueprint.schedule_rules import SCHEDULE_RULES
from monitor.refusals import LoggedRefusals, Refusal, judge, of_embedder, of_postgres, of_redis, of_weaviate
from security.audit import redis_list

NOW = datetime(2026, 11, 29, 15, 0, tzinfo=UTC)
PREFIX = "2026-11-29 15:17:27.810 GMT [270] user={} db=christmas_db client={} FATAL:  "
PLAIN = 'pg_hba.conf rejects connection for host "10.0.0.7", user "x", database "x", no encryption'
NOWHERE, NOBODY = "an unknown address", "an unknown account"
WRONG = 'password authentication failed for user "api"'
HIDDEN = "x db=a client=127.0.0.1 FATAL:  no"


@pytest.mark.parametrize(
    ("user", "client", "said", "found"),
    [
        ("api", "10.0.0.7", WRONG, ("api", "10.0.0.7")),
        ("hunter2", "10.0.0.7", 'password authentication failed for user "hunter2"', (NOBODY, "10.0.0.7")),
        ("api", "10.0.0.7", 'no pg_hba.conf entry for host "10.0.0.7", user "api", database "x", SSL encryption', ("api", "10.0.0.7")),
        ("api", "10.0.0.7", PLAIN, ("api", "10.0.0.7")),
        ("monitor", "10.0.0.1", PLAIN, None),
        ("monitor", "10.0.0.1", 'password authentication failed for user "monitor"', ("monitor", "10.0.0.1")),
        ("postgres", "127.0.0.1", 'pg_hba.conf rejects connection for host "127.0.0.1", user "postgres", database "postgres"', None),
        ("postgres", "[local]", "the database system is starting up", None),
        ("api", "10.0.0.7", 'too many connections for role "api"', None),
        # Whoever logs in chooses a part of the line.
        (HIDDEN, "10.0.0.7", f'password authentication failed for user "{HIDDEN}"', (NOBODY, NOWHERE)),
        ("a b", "10.0.0.7", 'password authentication failed for user "a b"', (NOBODY, NOWHERE)),
    ],
)
def test_refused_logins_of_postgresql(user: str, client: str, said: str, found: tuple[str, str] | None) -> None:
    line = (PREFIX.format(user, client) + said).encode()
    assert of_postgres(line) == (found and Refusal("login", *found))


def test_a_line_that_was_broken_in_two_is_counted_even_so() -> None:
    _, second = (PREFIX.format("a\nb", "10.0.0.7") + 'password authentication failed for user "a').split("\n")
    assert of_postgres(second.encode()) == Refusal("login", NOBODY, NOWHERE)


def test_denials_of_weaviate() -> None:
    denied = {"msg": "authorization denied", "user": "rag", "source_ip": "10.0.0.7", "resource": "[Domain: collections]"}
    assert of_weaviate(json.dumps(denied, separators=(",", ":")).encode()) == Refusal("denial", "rag", "10.0.0.7")
    assert of_weaviate(json.dumps({**denied, "msg": ""}).encode()) is None
    assert of_weaviate(b'{"msg":"authorization denied"') is None
    for perm, resource, counts in (
        ("read_nodes", "[Domain: nodes, Verbosity: minimal]", False),
        ("read_tenants", "[Domain: tenants, Collection: X, Tenant: *]", False),
        ("delete_tenants", "[Domain: tenants, Collection: X, Tenant: *]", True),
        ("read_nodes", "[Domain: nodes, Verbosity: verbose, Collection: X]", True),
    ):
        line = json.dumps({**denied, "perm": perm, "resource": resource}, separators=(",", ":")).encode()
        assert bool(of_weaviate(line)) is counts


@pytest.mark.parametrize(
    ("line", "client"),
    [
        (b"10.0.0.7 POST /v1/embeddings 401 0 ms", "10.0.0.7"),
        (b"fd00::7 GET /x y 200 3 ms 401 1 ms", "fd00::7"),
        (b"10.0.0.7 GET /x 401 3 ms 200 1 ms", None),
        (b"10.0.0.7 POST /v1/embeddings 200 12 ms", None),
        (b"certificate and API keys read again", None),
    ],
)
def test_requests_to_the_embedder_without_its_key(line: bytes, client: str | None) -> None:
    assert of_embedder(line) == (Refusal("login", "a client", client) if client else None)


def test_entries_of_redis() -> None:
    entry = {"count": 25, "reason": "auth", "object": "AUTH", "username": "api", "age-seconds": "12.5"}
    entries = [
        {**entry, "client-info": {"addr": "10.0.0.7:4711"}},
        {**entry, "reason": "command", "count": 15, "client-info": "id=5 addr=[fd00::7]:4711 laddr=10.0.0.2:6379 fd=8 name=x"},
        {**entry, "username": "hunter2"},
        {**entry, "age-seconds": "3601"},
    ]
    assert of_redis(entries, timedelta(hours=1)) == [
        Refusal("login", "api", "10.0.0.7", 25),
        Refusal("denial", "api", "fd00::7", 15),
        Refusal("login", NOBODY, NOWHERE, 25),
    ]


EXPORTER: dict[str, object] = {"count": 240, "reason": "command", "object": "slowlog|get", "username": "monitor", "age-seconds": "3"}
EXPORTER["client-info"] = "id=5 addr=10.0.0.9:4711 laddr=10.0.0.2:6379 fd=8 name=redis_exporter age=0"


@pytest.mark.parametrize(
    ("change", "counted"),
    [
        ({}, 0),
        ({"username": "api"}, 240),
        ({"object": "flushall"}, 240),
        ({"reason": "key"}, 240),
        ({"reason": "auth"}, 240),
        ({"client-info": "id=5 addr=10.0.0.9:4711 name=somebody"}, 240),
    ],
)
def test_what_the_exporter_can_not_leave_is_no_refusal_and_anything_else_is(change: dict[str, str], counted: int) -> None:
    entry = {**EXPORTER, **change, "entry-id": 1, "timestamp-last-updated": 1_795_990_757_534, "context": "toplevel"}
    assert sum(each.count for each in of_redis([entry], timedelta(hours=1))) == counted
    events, seen = redis_list.events_of([entry], {})
    assert sum(event.count for event in events) == counted
    # It is known all the same: what comes later under its number is counted from there.
    assert seen == {"1": 240}


def told(logins: int, denials: int = 0, **more: object) -> LoggedRefusals:
    found = [Refusal("login", "api", "10.0.0.7", logins), Refusal("denial", "rag", "10.0.0.8", denials)]
    return LoggedRefusals([each for each in found if each.count], **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (told(0), "ok"),
        (told(REFUSAL_ALARMS.logins_warn - 1, REFUSAL_ALARMS.denials_warn - 1), "ok"),
        (told(REFUSAL_ALARMS.logins_warn), "warning"),
        (told(0, REFUSAL_ALARMS.denials_warn), "warning"),
        (told(REFUSAL_ALARMS.logins_critical), "critical"),
        (told(0, REFUSAL_ALARMS.denials_critical), "critical"),
        (told(0, lost=1), "critical"),
    ],
)
def test_judgement(found: LoggedRefusals, status: str) -> None:
    result = judge("Redis", found, ("login", "denial"), NOW)
    assert result.status == status
    assert bool(result.next_step) == (status != "ok")


def test_what_is_told() -> None:
    result = judge("Redis", told(25, 15), ("login", "denial"), NOW)
    assert result.message == (
        "25 logins and 15 commands refused in the last 1 h (api from 10.0.0.7: 25 logins; rag from 10.0.0.8: 15 commands)"
    )
    short = judge("PostgreSQL", LoggedRefusals(since=NOW - timedelta(minutes=7)), ("login",), NOW)
    assert short.message == "0 logins refused in the last 7 min"


def test_the_schedule_sees_each_refusal() -> None:
    assert REFUSAL_ALARMS.window > SCHEDULE_RULES.check_every
