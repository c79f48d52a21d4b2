"""The declared matrix has a cell for everything, says what the blueprint says, and is shown whole."""

from __future__ import annotations

import html.parser
import io
import json

import psycopg
import pytest
import redis

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.keyspaces_and_ttls import KEYSPACES
from christmas.blueprint.model import BlueprintError, KeyAccess, RedisUser
from christmas.blueprint.relational import ROLLUPS, TABLES
from security.matrix import declared, declared_redis, page, postgres, redis_store, show, weaviate
from security.matrix.cell import Answer, Cell, How, Learned, Proven
from security.matrix.redis_commands import ON_KEYS, ON_THE_SERVER, Touch, key_of

MATRIX = declared.matrix()


def allowed(account: str, store: str, kind: str, name: str = "") -> set[str]:
    found = {
        cell.action: may for cell, may in MATRIX.items() if (cell.account, cell.store, cell.kind, cell.name) == (account, store, kind, name)
    }
    assert found
    return {action for action, may in found.items() if may}


def test_every_account_has_a_cell_for_everything() -> None:
    things: dict[str, set[tuple[str, str, str, str]]] = {}
    for cell in MATRIX:
        things.setdefault(f"{cell.store} {cell.account}", set()).add((cell.store, cell.kind, cell.name, cell.action))
    for store in ("postgres", "redis", "weaviate"):
        mine = {name: each for name, each in things.items() if name.startswith(store)}
        assert {name.split()[1] for name in mine} == {account.name for account in ACCOUNTS if getattr(account, store)}
        (first, *others) = mine.values()
        assert others
        assert all(other == first for other in others)
        assert len(first) > 30
    tables = {cell.name for cell in MATRIX if cell.kind == "table"}
    assert tables == {table.name for table in TABLES} | {rollup.name for rollup in ROLLUPS}
    assert {cell.name for cell in MATRIX if cell.kind == "keyspace"} > {keyspace.name for keyspace in KEYSPACES}


def test_it_says_what_the_blueprint_says() -> None:
    assert allowed("analyst", "postgres", "table", "users") == set()
    assert allowed("analyst", "postgres", "column", "users.username") == {"select"}
    assert allowed("analyst", "postgres", "column", "users.email") == set()
    assert allowed("api", "postgres", "table", "orders") == {"select", "insert", "update"}
    assert allowed("api", "postgres", "table", "users") == {"select", "insert", "update", "delete"}
    assert allowed("migrator", "postgres", "table", "candles_1d") == {
        "select", "insert", "update", "delete", "truncate", "references", "trigger", "change",
    }  # fmt: skip
    assert allowed("backup", "postgres", "tables", "that are declared nowhere") == {"select"}
    assert allowed("api", "postgres", "numbers of", "orders") == {"draw"}
    assert allowed("monitor", "postgres", "function", "watch.sessions") == {"run"}
    assert allowed("monitor", "redis", "keyspace", "session") == {"ask its type", "ask its length", "ask its memory", "read its expiry"}
    assert "write with an expiry" in allowed("api", "redis", "keyspace", "rate_limit")
    assert "take its expiry away" not in allowed("api", "redis", "keyspace", "rate_limit")
    assert "write fields with an expiry" not in allowed("api", "redis", "keyspace", "market_latest")
    assert "eval" not in allowed("admin", "redis", "server")
    assert allowed("indexer", "weaviate", "collection", "of a name alike") == set()
    assert "create objects" in allowed("indexer", "weaviate", "collection", "the loader's")
    assert allowed("rag", "weaviate", "server") == {"ask by GraphQL", "read every schema"}


def test_one_pattern_has_to_give_all_that_a_command_needs() -> None:
    user = RedisUser(every_key=KeyAccess.READ, keyspaces=(("session", KeyAccess.WRITE),), commands=("hget", "hset", "hincrby", "type"))
    both = frozenset({Touch.READ, Touch.WRITE})
    assert declared_redis.may(user, "hget", frozenset({Touch.READ}), "session")
    assert declared_redis.may(user, "hset", frozenset({Touch.WRITE}), "session")
    assert not declared_redis.may(user, "hincrby", both, "session")
    assert not declared_redis.may(user, "hset", frozenset({Touch.WRITE}), "rate_limit")
    assert declared_redis.may(user, "type", frozenset(), "rate_limit")


def test_a_category_that_the_matrix_can_not_read_is_refused() -> None:
    with pytest.raises(BlueprintError, match="@read"):
        list(declared_redis.rights(RedisUser(every_key=KeyAccess.READ, commands=("@read",))))


def test_keys_of_the_trial_are_of_their_keyspace() -> None:
    assert all(keyspace.covers(key_of(keyspace.name)) for keyspace in KEYSPACES)
    assert len({key_of(keyspace.name) for keyspace in KEYSPACES}) == len(KEYSPACES)
    assert len({(key.action, key.kinds) for key in ON_KEYS}) == len(ON_KEYS)
    assert len({each.action for each in ON_THE_SERVER}) == len(ON_THE_SERVER)


def test_it_is_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    show.show(MATRIX, stream)
    lines = [line.split("\t") for line in stream.getvalue().splitlines()]
    assert len(lines) > 100
    assert all(len(line) == 5 for line in lines)
    names = sum(len([each for each in part.split(", ") if each]) for line in lines for part in line[3:])
    assert names == len(MATRIX)
    cells = json.loads(show.as_json(MATRIX))
    assert len(cells) == len(MATRIX)
    assert {tuple(cell) for cell in cells} == {("account", "store", "kind", "name", "action", "allowed")}


def test_from_where_accounts_log_in_is_shown_too() -> None:
    logins = declared.logins()
    assert {(cell.account, cell.store) for cell in logins} == {(cell.account, cell.store) for cell in MATRIX}
    rows = {(account, store): (may, may_not) for account, store, _, may, may_not in show.rows(logins)}
    inside, host = "the stack's network and clientNetworks", "the host"
    assert rows["api", "postgres"] == rows["api", "redis"] == (f"{inside}, {host}", "")
    assert rows["admin", "redis"] == rows["backup", "postgres"] == (host, inside)
    assert read(page.page({**logins, **MATRIX})).marks["y"] == sum(MATRIX.values()) + sum(logins.values())


class Reader(html.parser.HTMLParser):
    """Counts marks, and what would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.marks: dict[str, int] = {}
        self.fetched: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.fetched += [
            str(value) for name, value in attrs if name in ("src", "srcset", "data") or (name == "href" and not str(value).startswith("#"))
        ]
        if tag == "td" and given.get("class"):
            self.marks[str(given["class"])] = self.marks.get(str(given["class"]), 0) + 1
        if tag in ("script", "link", "iframe", "img"):
            self.fetched.append(tag)
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    return reader


def test_the_page_has_every_cell_and_fetches_nothing() -> None:
    text = page.page(MATRIX)
    reader = read(text)
    assert reader.fetched == []
    assert "@import" not in text
    assert "url(" not in text
    assert sum(reader.marks.values()) == len(MATRIX)
    assert reader.marks["y"] == sum(MATRIX.values())
    assert "color-scheme: light dark" in text
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text


def test_the_page_shows_what_differs_and_hides_no_markup_in_it() -> None:
    cells = dict(list(MATRIX.items())[:3])
    one, two, three = cells
    proven = [
        Proven(one, cells[one], Learned(Answer.DENIED if cells[one] else Answer.ALLOWED, said="<script>alert(1)</script>")),
        Proven(two, cells[two], Learned(Answer.UNKNOWN)),
        Proven(three, cells[three], Learned(Answer.ALLOWED if cells[three] else Answer.DENIED)),
    ]
    reader = read(page.page(cells, proven, ["1 <b>differs</b>"]))
    assert reader.marks["x"] == 1
    assert reader.marks["u"] == 1
    assert reader.fetched == []
    assert "b" not in reader.open


@pytest.mark.parametrize(
    ("declared_", "answer", "differs", "unknown"),
    [
        (True, Answer.ALLOWED, False, False),
        (True, Answer.DENIED, True, False),
        (False, Answer.ALLOWED, True, False),
        (False, Answer.DENIED, False, False),
        (True, Answer.MIXED, True, False),
        (False, Answer.MIXED, True, False),
        (True, Answer.UNKNOWN, False, True),
        (False, Answer.ABSENT, False, False),
    ],
)
def test_what_differs(declared_: bool, answer: Answer, differs: bool, unknown: bool) -> None:
    found = Proven(next(iter(MATRIX)), declared_, Learned(answer))
    assert (found.differs, found.is_unknown) == (differs, unknown)


def test_what_the_servers_words_mean() -> None:
    assert postgres.refused("42501", "x").answer is Answer.DENIED
    assert {postgres.refused(state, "x").answer for state in ("55P03", "57014", "42P01", "57P01", None)} == {Answer.UNKNOWN}
    assert redis_store.refused(redis.exceptions.NoPermissionError("User x has no permissions")).answer is Answer.DENIED
    assert redis_store.refused(redis.exceptions.ResponseError("WRONGTYPE")).answer is Answer.ALLOWED
    assert redis_store.refused(redis.exceptions.ResponseError("unknown command 'X'")).answer is Answer.ABSENT
    assert redis_store.refused(redis.exceptions.ConnectionError("reset")).answer is Answer.UNKNOWN
    assert {weaviate.judge(status, "") for status in (200, 204, 404, 409, 422)} == {Answer.ALLOWED}
    assert weaviate.judge(403, "") is Answer.DENIED
    assert {weaviate.judge(status, "") for status in (401, 429, 500, 503)} == {Answer.UNKNOWN}
    assert psycopg.errors.InsufficientPrivilege.sqlstate == "42501"


def test_denials_that_acl_log_lacks_are_told() -> None:
    cell, other = Cell("api", "redis", "server", "", "keys"), Cell("api", "redis", "server", "", "save")
    denials = redis_store.Denials([(cell, "keys"), (other, "save")])
    entries = [
        {"object": "keys", "username": "api", "age-seconds": "1.5"},
        {"object": "save", "username": "monitor", "age-seconds": "0.1"},
        {"object": "save", "username": "api", "age-seconds": "400"},
    ]
    assert redis_store.unlogged(entries, "api", denials, 5) == [other]


def test_a_group_is_mixed_where_some_are_allowed() -> None:
    yes, no, listed = Learned(Answer.ALLOWED), Learned(Answer.DENIED), Learned(Answer.DENIED, How.LISTED)
    assert postgres._together([("a", no), ("b", listed)]).answer is Answer.DENIED
    mixed = postgres._together([("a", no), ("b", yes), ("c", no)])
    assert (mixed.answer, mixed.names) == (Answer.MIXED, ("b",))
    assert postgres._together([("a", no), ("b", Learned(Answer.UNKNOWN, said="why"))]).answer is Answer.UNKNOWN
    assert postgres._together([]).answer is Answer.ABSENT
