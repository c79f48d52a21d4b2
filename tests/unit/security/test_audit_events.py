"""Log lines as the servers write them, and the events in them. Nobody's choice of a name passes for another part of a line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from security.audit import postgresql, redis_list, weaviate_log
from security.audit.events import Event, Outcome, counted

TIME = "2026-11-29T19:17:00.123456789Z"
PREFIX = "2026-11-29 19:17:00.979 GMT [383] user={user} db={db} client={client} "


def of_postgresql(said: str, *, user: str = "api", db: str = "christmas_db", client: str = "10.0.0.9") -> Event | None:
    return postgresql.event_of(TIME, (PREFIX.format(user=user, db=db, client=client) + said).encode())


LINES = {
    "LOG:  connection authorized: user=api database=christmas_db application_name=x SSL enabled": ("login", "database", "done"),
    "LOG:  disconnection: session time: 0:00:00.209 user=api database=christmas_db host=10.0.0.9": ("logout", "database", "done"),
    'FATAL:  password authentication failed for user "api"': ("login", "database", "denied"),
    'FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "api", database "x", SSL encryption': ("login", "database", "denied"),
    "LOG:  AUDIT: SESSION,1,1,WRITE,UPDATE,TABLE,public.users,<not logged>,<not logged>": ("write: update", "table public.users", "done"),
    "LOG:  AUDIT: OBJECT,1,1,READ,SELECT,TABLE,public.users,<not logged>,<not logged>": ("read: select", "table public.users", "done"),
    "LOG:  AUDIT: OBJECT,1,1,WRITE,DELETE,TABLE,public.users,<not logged>,<not logged>": ("read: delete", "table public.users", "done"),
    "LOG:  AUDIT: SESSION,4,1,DDL,DROP TABLE,TABLE,public.orders,<not logged>,<not logged>": (
        "ddl: drop table",
        "table public.orders",
        "done",
    ),
    "LOG:  AUDIT: SESSION,2,1,ROLE,ALTER ROLE,,,<not logged>,<not logged>": ("role: alter role", "role", "done"),
    'LOG:  AUDIT: SESSION,2,1,DDL,CREATE TABLE,TABLE,"public.""주문"", x",<not logged>,<not logged>': (
        "ddl: create table",
        'table public.""주문"", x',
        "done",
    ),
}


REPEATED = {
    "SESSION,7,1,WRITE,UPDATE,TABLE,public.users,<not logged>,<not logged>,REPEATED,57": ("write: update", "table public.users", 57),
    "OBJECT,7,1,READ,SELECT,TABLE,public.users,<not logged>,<not logged>,REPEATED,1": ("read: select", "table public.users", 1),
    # Names of tables: the number stands behind what is not logged, and a name can't.
    'SESSION,7,1,WRITE,INSERT,TABLE,"public.""x,REPEATED,9"" y",<not logged>,<not logged>': (
        "write: insert",
        'table public.""x,REPEATED,9"" y',
        1,
    ),
    'SESSION,7,1,WRITE,INSERT,TABLE,"public.""x,<not logged>,<not logged>,REPEATED,9"" y",<not logged>,<not logged>,REPEATED,2': (
        "write: insert",
        'table public.""x,<not logged>,<not logged>,REPEATED,9"" y',
        2,
    ),
}


@pytest.mark.parametrize("said", REPEATED)
def test_a_line_that_tells_how_often_is_so_many_events(said: str) -> None:
    action, thing, count = REPEATED[said]
    assert of_postgresql(f"LOG:  AUDIT: {said}") == Event(TIME, "postgresql", "api", "10.0.0.9", action, thing, "done", "383", count)


@pytest.mark.parametrize("said", LINES)
def test_a_line_of_postgresql_is_an_event(said: str) -> None:
    assert of_postgresql(said) == Event(TIME, "postgresql", "api", "10.0.0.9", *LINES[said][:2], LINES[said][2], "383")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "said",
    [
        "LOG:  checkpoint starting: time",
        "LOG:  connection received: host=10.0.0.9 port=1",
        "ERROR:  duplicate key value violates unique constraint",
        "FATAL:  the database system is starting up",
    ],
)
def test_other_lines_are_none(said: str) -> None:
    assert of_postgresql(said) is None


def test_what_is_asked_to_be_refused_is_no_event() -> None:
    assert of_postgresql('FATAL:  pg_hba.conf rejects connection for host "127.0.0.1", no encryption', client="127.0.0.1") is None
    assert of_postgresql('FATAL:  pg_hba.conf rejects connection for host "10.0.0.1", no encryption', user="monitor") is None
    assert of_postgresql('FATAL:  pg_hba.conf rejects connection for host "10.0.0.1", no encryption', user="api") is not None


def test_a_name_that_a_client_chose_hides_nothing() -> None:
    refused = 'FATAL:  password authentication failed for user "x"'
    for name in ("user", "db"):
        odd = of_postgresql(refused, **{name: "two words"})
        assert odd is not None
        assert (odd.account, odd.outcome) == ("an unknown account", "denied")
        forged = of_postgresql(refused, **{name: "x client=127.0.0.1 LOG:  connection authorized: user=api"})
        assert forged is not None
        assert (forged.account, forged.address, forged.outcome) == ("an unknown account", "an unknown address", "denied")
    secret = of_postgresql('FATAL:  password authentication failed for user "hunter2"', user="hunter2")
    assert secret is not None
    assert "hunter2" not in str(secret)


def of_weaviate(**changes: Any) -> Event | None:
    line = {
        "action": "authorize",
        "component": "RBAC",
        "level": "info",
        "msg": "",
        "permissions": [{"resource": "[Domain: data, Collection: Docs, Tenant: *, Object: 0af1]", "results": "success"}],
        "request_action": "R",
        "source_ip": "10.0.0.4",
        "user": "rag",
    }
    return weaviate_log.event_of(TIME, json.dumps(line | changes).encode())


def test_decisions_of_weaviate_are_events() -> None:
    assert of_weaviate() == Event(TIME, "weaviate", "rag", "10.0.0.4", "read", "domain data, collection Docs", "done")
    refused = of_weaviate(
        msg="authorization denied", permissions=[{"resource": "[Domain: roles, Role: x]", "results": "failed"}], request_action="C"
    )
    assert refused is not None
    assert (refused.action, refused.object, refused.outcome) == ("create", "domain roles, role x", "denied")
    unknown = of_weaviate(user="hunter2")
    assert unknown is not None
    assert unknown.account == "an unknown account"
    assert weaviate_log.event_of(TIME, b'{"msg":"authorize"') is None
    assert weaviate_log.event_of(TIME, b"authorize") is None


def entry(number: int, count: int, reason: str = "command", thing: str = "flushall", user: str = "api") -> dict[str, Any]:
    return {
        "entry-id": number,
        "count": count,
        "reason": reason,
        "context": "toplevel",
        "object": thing,
        "username": user,
        "timestamp-last-updated": 1795979820123,
        "client-info": {"id": 7, "addr": "10.0.0.9:4711", "cmd": "get"},
    }


def test_refusals_of_redis_are_counted_once() -> None:
    first, seen = redis_list.events_of([entry(2, 3), entry(1, 1, "auth", "AUTH", "hunter2")], {})
    assert [(each.action, each.account, each.count) for each in first] == [
        ("command: flushall", "api", 3),
        ("login", "an unknown account", 1),
    ]
    again, seen = redis_list.events_of([entry(3, 1, "key", "session:secret-key"), entry(2, 5), entry(1, 1, "auth", "AUTH", "x")], seen)
    assert [(each.action, each.count) for each in again] == [("key: get", 1), ("command: flushall", 2)]
    assert "secret-key" not in str(again)
    assert redis_list.events_of([entry(3, 1, "key"), entry(2, 5)], seen)[0] == []
    assert again[0].time == "2026-11-29T19:17:00.123000000Z"


def test_a_client_is_told_apart_whatever_the_protocol() -> None:
    """A client's own name has no blank in it: Redis refuses one."""
    resp3 = entry(1, 1) | {"client-info": "id=7 addr=[fd00::9]:4711 laddr=10.0.0.2:6379 name=a=b cmd=get user=api"}
    (told,), _ = redis_list.events_of([resp3], {})
    assert (told.address, told.session) == ("fd00::9", "7")
    (told,), _ = redis_list.events_of([entry(1, 1) | {"client-info": ""}], {})
    assert (told.address, told.session) == ("an unknown address", "")


def test_equal_events_of_a_collection_are_one() -> None:
    one = Event("2026-11-29T12:00:01.000000000Z", "weaviate", "rag", "10.0.0.4", "read", "domain data", "done")
    later = Event("2026-11-29T12:00:02.000000000Z", "weaviate", "rag", "10.0.0.4", "read", "domain data", "done", count=2)
    other = Event("2026-11-29T12:00:00.000000000Z", "weaviate", "rag", "10.0.0.5", "read", "domain data", "done")
    assert counted([one, later, other]) == [other, Event(**{**one.as_dict(), "count": 3})]


def test_logins_of_the_account_that_watches_are_one_whatever_their_session() -> None:
    def event(account: str, second: int, action: str = "login", outcome: Outcome = "done", address: str = "10.0.0.9") -> Event:
        return Event(f"2026-11-29T12:00:{second:02}.000000000Z", "postgresql", account, address, action, "database", outcome, str(second))

    (login, logout) = counted([event("monitor", second, action) for second in (1, 16, 31) for action in ("login", "logout")])
    assert (login.action, login.count, login.session, login.time) == ("login", 3, "", "2026-11-29T12:00:01.000000000Z")
    assert (logout.action, logout.count) == ("logout", 3)
    # Another account, another address, a refusal and anything else stay by themselves.
    others = [event("api", 1), event("api", 2), event("monitor", 3, address="10.0.0.4"), event("monitor", 4, outcome="denied")]
    others += [event("monitor", 5, outcome="denied"), event("monitor", 6, "ddl: create"), event("monitor", 7, "ddl: create")]
    assert len(counted(others)) == len(others)
    assert [each.session for each in counted(others) if each.action == "ddl: create"] == ["6", "7"]
