"""The specification's statements one by one, as account `app`: each works, or gives the refusal that docs/applications.md tells of."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

import psycopg
import pytest
import redis
import sqlalchemy as sa

from christmas.blueprint.keyspaces_and_ttls import KEYSPACES, keyspace_of
from christmas.blueprint.relational import TABLES
from infra.connections import ROOT, Platform
from tests.unit.seed_documents.specification import SPECIFIED

pytestmark = pytest.mark.exhaustive
PAGE = (ROOT / "docs" / "applications.md").read_text("utf-8")
HASH = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQxMjM0$aGFzaGhhc2hoYXNoaGFzaA"
SESSION, COUNTER, CANDLE, PREFERENCES = "session:0123", "rate_limit:192.0.2.9", "market:TSLA:latest", "user:9:preferences"


def documented(said: str) -> None:
    """The page names it, so that whoever is refused finds what to write instead."""
    assert f"`{said}`" in PAGE, f"docs/applications.md says nothing of {said}"


def user(database: psycopg.Connection, name: str = "jiu") -> int:
    row = database.execute(
        "insert into users (username, email, password_hash) values (%s, %s, %s) returning id", (name, f"{name}@example.org", HASH)
    ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("table", [each.name for each in TABLES])
def test_every_table_of_the_specification_is_there_with_its_columns(database: psycopg.Connection, table: str) -> None:
    columns = [column.name for column in next(each for each in TABLES if each.name == table).columns]
    answer = database.execute(f"select {', '.join(columns)} from {table} limit 1".encode())
    assert [column.name for column in answer.description or ()] == columns


@pytest.mark.parametrize(
    "statement",
    [
        "insert into market_data (symbol, timestamp, open, high, low, close, volume) values ('A', now(), 1, 2, 1, 2, 10)",
        "insert into technical_indicators (symbol, timestamp, indicator_type, value, parameters) values ('A', now(), 'rsi', 50, '{}')",
        (
            "insert into backtest_runs (user_id, strategy_name, start_date, end_date, symbols, status) "
            "select id, 's', now() - interval '1 day', now(), '{A}', 'queued' from users limit 1"
        ),
        "select nextval('users_id_seq'), currval('users_id_seq'), lastval()",
        "select nextval('market_data_id_seq'), nextval('orders_id_seq'), nextval('trades_id_seq'), nextval('backtest_runs_id_seq')",
        "select nextval(pg_get_serial_sequence('orders', 'id'))",
        "select * from market_data where symbol = 'A' order by timestamp desc limit 5",
        "select time_bucket('1 day', timestamp), max(high) from market_data group by 1",
        "select * from user_profiles where user_id = 1",
        "select first_name, last_name, phone, address from user_profiles where first_name is null",
        "update users set is_active = false where username = 'nobody'",
        "delete from users where username = 'nobody'",
    ],
)
def test_statements_on_its_tables_work(database: psycopg.Connection, statement: str) -> None:
    user(database)
    database.execute(statement.encode())


_SEALED = "names, phone and address are sealed"
SQL: list[tuple[str, str, str]] = [
    ("create table", "create table users (id serial primary key)", "permission denied for schema public"),
    ("create index", "create index on orders (symbol)", "must be owner of table orders"),
    ("create_hypertable", "select create_hypertable('market_data', 'timestamp')", "permission denied for function create_hypertable"),
    ("setval", "select setval('users_id_seq', 1)", "permission denied for sequence users_id_seq"),
    ("alter table", "alter table users add column nickname text", "must be owner of table users"),
    ("create view", "create view busy as select 1", "permission denied for schema public"),
    ("create type", "create type mood as enum ('good')", "permission denied for schema public"),
    ("create function", "create function one() returns int language sql as 'select 1'", "permission denied for schema public"),
    ("create sequence", "create sequence numbers", "permission denied for schema public"),
    ("create schema", "create schema mine", "permission denied for database"),
    ("create extension", "create extension pgcrypto", "permission denied to create extension"),
    ("comment on", "comment on table users is 'people'", "must be owner of table users"),
    ("drop table", "drop table orders", "must be owner of table orders"),
    ("select … from alembic_version", "select * from alembic_version", "permission denied for table alembic_version"),
    ("truncate", "truncate orders", "permission denied for table orders"),
    ("add_retention_policy", "select add_retention_policy('market_data', interval '1 year')", "permission denied for function"),
    ("drop_chunks", "select drop_chunks('market_data', interval '1 year')", "permission denied for function drop_chunks"),
    ("compress_chunk", "select compress_chunk(c) from show_chunks('market_data') c", "permission denied for function compress_chunk"),
    (
        "time_bucket_gapfill",
        # Of a table without rows it would not be called.
        "select time_bucket_gapfill('1 day', t, now() - interval '3 day', now()) as day from (select now() as t) group by day",
        'not supported under the current "apache" license',
    ),
    ("pg_cancel_backend", "select pg_cancel_backend(1)", "permission denied for function pg_cancel_backend"),
    ("pg_terminate_backend", "select pg_terminate_backend(1)", "permission denied for function pg_terminate_backend"),
    ("crypt", "select crypt('x', 'y')", "function crypt.* does not exist"),
    ("digest", "select digest('x', 'sha256')", "function digest.* does not exist"),
    ("delete from technical_indicators", "delete from technical_indicators", "permission denied for table technical_indicators"),
    ("delete from orders", "delete from orders", "permission denied for table orders"),
    ("delete from trades", "delete from trades", "permission denied for table trades"),
    ("delete from market_data", "delete from market_data", "permission denied for table market_data"),
    ("insert … first_name", "insert into user_profiles (user_id, first_name) values (%(user)s, '민지')", "ck_user_profiles_first_name"),
    ("insert … password_hash", "insert into users (username, email, password_hash) values ('x', 'x@y', 'x')", "ck_users_password_hash"),
    *(
        ("where first_name = '민지'", f"select 1 from user_profiles where {condition}", _SEALED)
        for condition in (
            "first_name = '민지'", "first_name in ('민지', '지우')", "last_name <> 'Kim'", "phone like '010%%'", "'민지' = first_name",
            "first_name between 'a' and 'b'",
             "first_name is distinct from '민지'", "address > 'a'", "case first_name when '민지' then true end",
        )
    ),
    *(
        ("where first_name = '민지'", f"select 1 from user_profiles where {condition}", "not exist: sealed|sealed. does not exist")
        for condition in ("first_name = 'x'::text", "first_name = any(array['x'])", "lower(first_name) = 'x'", "first_name ilike 'x%%'")
    ),
]  # fmt: skip


@pytest.mark.parametrize(("said", "statement", "told"), SQL, ids=[each[1] for each in SQL])
def test_what_sql_is_refused_says_why_and_the_page_what_to_write(
    database: psycopg.Connection, platform: Platform, said: str, statement: str, told: str
) -> None:
    from christmas.profiles import Profile, Profiles
    from christmas.sealed import ring
    from christmas.sealed.cipher import FieldCipher

    number = user(database)
    if "insert" not in statement:
        Profiles(FieldCipher(ring.from_json(platform.field_keys))).write(database, Profile(user_id=number, first_name="민지", phone="010"))
    with pytest.raises(psycopg.Error, match=told):
        database.execute(statement.encode(), {"user": number})
    documented(said)


ORDER = "insert into orders (user_id, symbol, order_type, side, quantity, price, status) values (%(user)s, 'AAPL', {})"
VALUES: list[tuple[str, str]] = [
    ("ck_orders_side", ORDER.format("'limit', 'BUY', 1, 2, 'pending'")),
    ("ck_orders_order_type", ORDER.format("'LIMIT', 'buy', 1, 2, 'pending'")),
    ("ck_orders_status", ORDER.format("'limit', 'buy', 1, 2, 'NEW'")),
    ("ck_orders_price_present", ORDER.format("'limit', 'buy', 1, null, 'pending'")),
    (
        "ck_technical_indicators_indicator_type",
        "insert into technical_indicators (symbol, timestamp, indicator_type, value) values ('A', now(), 'RSI', 50)",
    ),
    ("ck_user_profiles_preferences", "insert into user_profiles (user_id, preferences) values (%(user)s, 'null')"),
    (
        "ck_backtest_runs_status",
        (
            "insert into backtest_runs (user_id, strategy_name, start_date, end_date, symbols, status) "
            "values (%(user)s, 's', '2020-01-01', '2021-01-01', '{A}', 'COMPLETED')"
        ),
    ),
]


@pytest.mark.parametrize(("rule", "statement"), VALUES, ids=[rule for rule, _ in VALUES])
def test_a_value_that_the_specification_leaves_open_is_refused_by_a_rule_that_the_page_names(
    database: psycopg.Connection, rule: str, statement: str
) -> None:
    number = user(database)
    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        database.execute(statement.encode(), {"user": number})
    assert refused.value.diag.constraint_name == rule
    documented(rule)


def test_what_is_taken_and_means_something_else(database: psycopg.Connection, platform: Platform) -> None:
    from christmas.profiles import Profile, Profiles
    from christmas.sealed import ring
    from christmas.sealed.cipher import FieldCipher

    number = user(database)
    Profiles(FieldCipher(ring.from_json(platform.field_keys))).write(database, Profile(user_id=number, first_name="민지"))
    row = database.execute("select first_name from user_profiles where user_id = %s", (number,)).fetchone()
    assert row is not None
    assert row[0].startswith(b"\xc1\x01")
    documented("select first_name")
    change = "update users set updated_at = '2001-01-01', is_active = false where id = %s returning updated_at = now()"
    assert database.execute(change, (number,)).fetchone() == (True,)
    documented("update … set updated_at = …")


@pytest.mark.parametrize("parameter", ["민지", "민지".encode()])
def test_a_bound_parameter_is_refused_as_well(database: psycopg.Connection, platform: Platform, parameter: str | bytes) -> None:
    from christmas.profiles import Profile, Profiles
    from christmas.sealed import ring
    from christmas.sealed.cipher import FieldCipher

    profiles = Profiles(FieldCipher(ring.from_json(platform.field_keys)))
    number = user(database)
    profiles.write(database, Profile(user_id=number, first_name="민지", phone="+82 10 1234"))
    # What to write instead.
    assert [each.first_name for each in profiles.find_by_phone(database, "+82-10-1234")] == ["민지"]
    with pytest.raises(psycopg.errors.FeatureNotSupported) as refused:
        database.execute("select 1 from user_profiles where first_name = %s", (parameter,))
    assert "find_by_phone" in str(refused.value.diag.message_hint)


def test_sqlalchemy_is_refused_too(settings: Mapping[str, str]) -> None:
    profiles = sa.table("user_profiles", sa.column("user_id", sa.Integer), sa.column("first_name", sa.String(100)))
    engine = sa.create_engine(settings["DATABASE_URL"], poolclass=sa.NullPool)
    with engine.connect() as connection:
        for query in (
            sa.select(profiles).where(profiles.c.first_name == "민지"),
            sa.select(profiles).where(profiles.c.first_name.in_(["민지", "지우"])),
            sa.insert(profiles).values(user_id=1, first_name="민지"),
        ):
            with pytest.raises(sa.exc.ProgrammingError, match="sealed"):
                connection.execute(query)
            connection.rollback()


WRITES: dict[str, list[tuple[str, ...]]] = {
    SESSION: [
        ("HSET", SESSION, "user_id", "1"), ("HMSET", SESSION, "username", "minji", "roles", "[]"), ("HINCRBY", SESSION, "seen", "1"),
        ("HSETEX", SESSION, "EX", "60", "FIELDS", "1", "seen", "2"), ("HGETALL", SESSION), ("HKEYS", SESSION), ("HSCAN", SESSION, "0"),
        ("EXPIREAT", SESSION, "4000000000"), ("EXPIRETIME", SESSION), ("EXPIRE", SESSION, "86400"),
    ],
    COUNTER: [
        ("SET", COUNTER, "1", "EX", "60", "NX"), ("GETDEL", COUNTER), ("PSETEX", COUNTER, "60000", "1"), ("INCR", COUNTER),
        ("DECRBY", COUNTER, "1"), ("SETEX", COUNTER, "60", "1"), ("GETEX", COUNTER, "EX", "60"), ("WATCH", COUNTER), ("SCAN", "0"),
    ],
    PREFERENCES: [
        ("SET", PREFERENCES, "{}", "EX", "60"), ("UNLINK", PREFERENCES), ("SETEX", PREFERENCES, "3600", '{"theme":"dark"}'),
        ("GET", PREFERENCES), ("STRLEN", PREFERENCES), ("GETEX", PREFERENCES, "EX", "3600"),
    ],
    CANDLE: [
        ("HSET", CANDLE, "close", "1"), ("HMSET", CANDLE, "open", "1", "high", "2"), ("HGET", CANDLE, "open"), ("PEXPIRE", CANDLE, "5000"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("key", WRITES)
def test_commands_on_its_keys_work_and_leave_a_key_that_expires(cache: redis.Redis, key: str) -> None:
    for command in WRITES[key]:
        cache.execute_command(*command)
    keyspace = keyspace_of(key)
    assert keyspace
    assert 0 < int(str(cache.pttl(key))) <= keyspace.ttl.total_seconds() * 1000
    cache.delete(key)


REDIS: list[tuple[str, ...]] = [
    ("PERSIST", SESSION), ("GETSET", COUNTER, "1"), ("SETNX", COUNTER, "1"), ("MSET", COUNTER, "1"), ("APPEND", PREFERENCES, "x"),
    ("RENAME", SESSION, "session:x"), ("COPY", SESSION, "session:x"), ("INCRBYFLOAT", COUNTER, "1"), ("HINCRBYFLOAT", SESSION, "seen", "1"),
    ("SET", SESSION, "x"), ("GET", SESSION), ("GET", CANDLE), ("SETEX", CANDLE, "5", "{}"),
    ("HSET", PREFERENCES, "theme", "dark"), ("HINCRBY", CANDLE, "volume", "1"),
    ("LPUSH", "session:list", "1"), ("SADD", "session:set", "1"), ("PUBLISH", "news", "x"), ("SET", "other:1", "x"),
    ("KEYS", "*"), ("FLUSHDB",), ("EVAL", "return 1", "0"), ("CONFIG", "GET", "*"),
]  # fmt: skip


@pytest.mark.parametrize("command", REDIS, ids=" ".join)
def test_what_redis_refuses_is_in_the_page(cache: redis.Redis, command: tuple[str, ...]) -> None:
    with pytest.raises(redis.exceptions.NoPermissionError):
        cache.execute_command(*command)
    keyspace = keyspace_of(command[1]) if len(command) > 1 else None
    by_type = command[0] in {"GET", "SET", "SETEX", "HSET", "HINCRBY"} and keyspace in KEYSPACES
    documented(f"{command[0]} {keyspace.pattern}" if by_type and keyspace else command[0])


@pytest.mark.parametrize(
    ("said", "command", "told"),
    [
        ("JSON.SET", ("JSON.SET", PREFERENCES, "$", "{}"), "unknown command"),
        ("JSON.GET", ("JSON.GET", PREFERENCES), "unknown command"),
        ("SELECT 1", ("SELECT", "1"), "out of range"),
    ],
)
def test_what_the_server_has_not_is_in_the_page(cache: redis.Redis, said: str, command: tuple[str, ...], told: str) -> None:
    with pytest.raises(redis.exceptions.ResponseError, match=told):
        cache.execute_command(*command)
    documented(said)


def test_the_stores_speak_tls_alone(settings: Mapping[str, str]) -> None:
    plain = settings["REDIS_URL"].replace("rediss://", "redis://").partition("?")[0]
    with pytest.raises(redis.exceptions.ConnectionError):
        redis.Redis.from_url(plain).ping()
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(settings["WEAVIATE_URL"].replace("https://", "http://") + "/v1/meta")
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        psycopg.connect(settings["DATABASE_URL"].partition("?")[0] + "?sslmode=disable")
    for each in ("redis://redis:6379/0", "http://weaviate:8080", "postgresql://username:password@timescaledb:5432/christmas_db"):
        documented(each)


def _rest(settings: Mapping[str, str], method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {settings['WEAVIATE_API_KEY']}", "Content-Type": "application/json"}
    headers["X-OpenAI-Api-Key"] = settings["OPENAI_API_KEY"]
    text = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(settings["WEAVIATE_URL"] + path, text, headers, method=method)
    with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=settings["SSL_CERT_FILE"])) as response:
        content = response.read()
        return json.loads(content) if content else None


EXAMPLE = {
    "class": "ChristmasDocument",
    "id": "36ddd591-2dee-4e7e-8c94-a8a3a950fb71",
    "properties": {
        "content": "Christmas 프로젝트는 Docker 기반의 초단타 자동 매매 플랫폼입니다.",
        "file_path": "docs/01. Christmas_plan.md",
        "section": "프로젝트 개요",
        "chunk_id": 1,
        "metadata": '{"timestamp": "2025-05-11T00:00:00Z", "tokens": 75}',
    },
}


def test_the_example_object_is_kept_and_found(settings: Mapping[str, str]) -> None:
    _rest(settings, "POST", "/v1/objects", EXAMPLE)
    path = f"/v1/objects/ChristmasDocument/{EXAMPLE['id']}"
    assert _rest(settings, "GET", path)["properties"] == EXAMPLE["properties"]
    _rest(settings, "DELETE", path)


WEAVIATE: list[tuple[str, str, str, Any, int, str]] = [
    ("POST /v1/schema", "POST", "/v1/schema", SPECIFIED, 403, "create_collections"),
    ("DELETE /v1/schema/ChristmasDocument", "DELETE", "/v1/schema/ChristmasDocument", None, 403, "delete_collections"),
    ("vector", "POST", "/v1/objects", {**EXAMPLE, "vector": [0.1] * 1536}, 500, "vector lengths don't match|length"),
    ("GET /v1/objects/{id}", "GET", f"/v1/objects/{EXAMPLE['id']}", None, 403, "read_data"),
    ("DELETE /v1/objects/{id}", "DELETE", f"/v1/objects/{EXAMPLE['id']}", None, 403, "delete_data"),
    ("GET /v1/objects", "GET", "/v1/objects", None, 403, "read_data"),
]


@pytest.mark.parametrize(("said", "method", "path", "body", "status", "told"), WEAVIATE, ids=[each[0] for each in WEAVIATE])
def test_what_weaviate_refuses_says_why(
    settings: Mapping[str, str], said: str, method: str, path: str, body: Any, status: int, told: str
) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        _rest(settings, method, path, body)
    assert refused.value.code == status
    text = refused.value.read().decode()
    assert any(part in text for part in told.split("|")), text
    documented(said)


def test_the_specifications_question_by_graphql(settings: Mapping[str, str]) -> None:
    query = """{ Get { ChristmasDocument(nearText: { concepts: ["%s"], certainty: %s } limit: 5)
                 { content file_path section _additional { certainty id } } } }"""

    def ask(question: str, certainty: str) -> list[dict[str, Any]]:
        answer = _rest(settings, "POST", "/v1/graphql", {"query": query % (question, certainty)})
        assert "errors" not in answer, answer
        found: list[dict[str, Any]] = answer["data"]["Get"]["ChristmasDocument"]
        return found

    measured = settings["CHRISTMAS_SEARCH_CERTAINTY"]
    assert ask("자동 매매 시스템 특징", "0.7")[0]["section"].endswith("자동 매매 시스템의 특징")
    assert ask("자동 매매 시스템 특징", measured)[0]["section"].endswith("자동 매매 시스템의 특징")
    # With the bundled model, 0.7 keeps out nothing.
    assert ask("banana bread", "0.7")
    assert ask("banana bread", measured) == []
    documented("certainty: 0.7")


def test_graphql_filters_want_the_collections_own_name(settings: Mapping[str, str]) -> None:
    query = (
        """{ Get { %s(where: { path: ["file_path"], operator: Equal, valueText: "docs/guide/ko/overview.md" } limit: 5) { section } } }"""
    )
    refused = _rest(settings, "POST", "/v1/graphql", {"query": query % "ChristmasDocument"})
    assert "does not exist" in refused["errors"][0]["message"]
    own = _rest(settings, "GET", "/v1/schema/ChristmasDocument")["class"]
    assert own != "ChristmasDocument"
    answer = _rest(settings, "POST", "/v1/graphql", {"query": query % own})
    assert "errors" not in answer
    assert len(answer["data"]["Get"][own]) == 5
    documented("where:")
    documented('"class": "ChristmasDocument"')


@pytest.mark.parametrize(
    "field", ['Explore(nearText: {concepts: ["x"]}) { className }', 'Get { ChristmasDocument(ask: {question: "x"}) { section } }']
)
def test_graphql_has_no_answers_in_words(settings: Mapping[str, str], field: str) -> None:
    assert _rest(settings, "POST", "/v1/graphql", {"query": f"{{ {field} }}"})["errors"]
    documented("Explore")
    documented("ask")


def test_the_vendors_model_is_not_the_bundled_one(settings: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    import openai

    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, settings[name])
    with openai.OpenAI() as client:
        with pytest.raises(openai.NotFoundError, match="multilingual-e5-small"):
            client.embeddings.create(model="text-embedding-ada-002", input="x")
        assert len(client.embeddings.create(model="multilingual-e5-small", input="x").data[0].embedding) == 384
    documented('model="text-embedding-ada-002"')
