"""A small application, written against the specification: its tables, keys, collection and settings, with common libraries.

Run as a program with the environment of account `app` and nothing else; it imports nothing of this project. Prints what it did as JSON.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import secrets
import ssl
import sys
import urllib.parse
import urllib.request
from decimal import Decimal
from typing import Any

import psycopg
import redis
import sqlalchemy as sa
import weaviate
from sqlalchemy import orm
from weaviate.classes.init import AdditionalConfig, Auth
from weaviate.classes.query import MetadataQuery

DATABASE_URL = os.environ["DATABASE_URL"]
REDIS_URL = os.environ["REDIS_URL"]
WEAVIATE_URL = os.environ["WEAVIATE_URL"]
OPENAI_API_KEY = os.environ["OPENAI_API_KEY"]

QUESTION = "자동 매매 시스템 특징"
HASH = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQxMjM0$aGFzaGhhc2hoYXNoaGFzaA"


class Base(orm.DeclarativeBase):
    """The specification's tables, as its DDL declares them."""


class User(Base):
    """2.1.1"""

    __tablename__ = "users"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    username: orm.Mapped[str] = orm.mapped_column(sa.String(100), unique=True)
    email: orm.Mapped[str] = orm.mapped_column(sa.String(255), unique=True)
    password_hash: orm.Mapped[str] = orm.mapped_column(sa.String(255))
    is_active: orm.Mapped[bool] = orm.mapped_column(server_default=sa.true())
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(server_default=sa.func.now())


class Candle(Base):
    """2.2.1"""

    __tablename__ = "market_data"
    id: orm.Mapped[int] = orm.mapped_column(sa.BigInteger, primary_key=True)
    symbol: orm.Mapped[str] = orm.mapped_column(sa.String(20))
    timestamp: orm.Mapped[datetime.datetime]
    open: orm.Mapped[Decimal | None] = orm.mapped_column(sa.Numeric(19, 4))
    close: orm.Mapped[Decimal | None] = orm.mapped_column(sa.Numeric(19, 4))
    volume: orm.Mapped[Decimal | None] = orm.mapped_column(sa.Numeric(19, 4))


class Order(Base):
    """2.3.1"""

    __tablename__ = "orders"
    # As an ORM does that fetches numbers itself.
    id: orm.Mapped[int] = orm.mapped_column(sa.Sequence("orders_id_seq"), primary_key=True)
    user_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("users.id"))
    symbol: orm.Mapped[str] = orm.mapped_column(sa.String(20))
    order_type: orm.Mapped[str] = orm.mapped_column(sa.String(20))
    side: orm.Mapped[str] = orm.mapped_column(sa.String(10))
    quantity: orm.Mapped[Decimal] = orm.mapped_column(sa.Numeric(19, 4))
    price: orm.Mapped[Decimal | None] = orm.mapped_column(sa.Numeric(19, 4))
    status: orm.Mapped[str] = orm.mapped_column(sa.String(20))


class Trade(Base):
    """2.3.2"""

    __tablename__ = "trades"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    order_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("orders.id"))
    user_id: orm.Mapped[int]
    symbol: orm.Mapped[str] = orm.mapped_column(sa.String(20))
    side: orm.Mapped[str] = orm.mapped_column(sa.String(10))
    quantity: orm.Mapped[Decimal] = orm.mapped_column(sa.Numeric(19, 4))
    price: orm.Mapped[Decimal] = orm.mapped_column(sa.Numeric(19, 4))
    timestamp: orm.Mapped[datetime.datetime]
    fee: orm.Mapped[Decimal | None] = orm.mapped_column(sa.Numeric(19, 4))


def trade() -> dict[str, Any]:
    """A user orders and gets a fill, through SQLAlchemy; the numbers come back."""
    engine = sa.create_engine(DATABASE_URL)
    now = datetime.datetime.now(datetime.UTC)
    with orm.Session(engine) as session, session.begin():
        user = User(username="minji", email="minji@example.org", password_hash=HASH)
        session.add(user)
        session.flush()
        session.add(Candle(symbol="AAPL", timestamp=now, open=Decimal(10), close=Decimal(11), volume=Decimal(100)))
        order = Order(
            user_id=user.id, symbol="AAPL", order_type="limit", side="buy", quantity=Decimal(5), price=Decimal(11), status="filled"
        )
        session.add(order)
        session.flush()
        filled = {"user_id": user.id, "symbol": "AAPL", "side": "buy", "quantity": Decimal(5), "price": Decimal(11)}
        session.add(Trade(order_id=order.id, timestamp=now, fee=Decimal("0.1"), **filled))
        session.flush()
        total = session.scalar(sa.select(sa.func.sum(Trade.quantity * Trade.price)).where(Trade.user_id == user.id))
        newest = session.scalar(sa.select(Candle).where(Candle.symbol == "AAPL").order_by(Candle.timestamp.desc()).limit(1))
        return {"user": user.id, "order": order.id, "total": str(total), "close": str(newest and newest.close)}


def remember(user_id: int) -> dict[str, Any]:
    """The four keyspaces of section 3, as redis-py's users write them."""
    client = redis.Redis.from_url(REDIS_URL, decode_responses=True)
    now = datetime.datetime.now(datetime.UTC)
    token = secrets.token_urlsafe(32)  # in the client's cookie; the key has its hash
    session = f"session:{hashlib.sha256(token.encode()).hexdigest()}"
    fields: dict[Any, Any] = {"user_id": user_id, "username": "minji", "roles": "[]", "created_at": now.isoformat()}
    with client.pipeline() as pipe:
        pipe.hset(session, mapping={**fields, "expires_at": (now + datetime.timedelta(hours=24)).isoformat()})
        pipe.expire(session, 86_400)
        pipe.incr("rate_limit:192.0.2.7")
        pipe.expire("rate_limit:192.0.2.7", 60)
        candle: dict[Any, Any] = {"timestamp": now.isoformat(), "open": "10", "high": "12", "low": "9", "close": "11", "volume": "100"}
        pipe.hset("market:AAPL:latest", mapping=candle)
        pipe.expire("market:AAPL:latest", 5)
        pipe.setex(f"user:{user_id}:preferences", 3600, json.dumps({"theme": "dark"}))
        pipe.execute()
    client.hincrby(session, "seen", 1)
    client.expireat(session, now + datetime.timedelta(hours=23))
    return {
        "session": client.hgetall(session)["username"],
        "requests": client.get("rate_limit:192.0.2.7"),
        "preferences": json.loads(str(client.getex(f"user:{user_id}:preferences", ex=3600))),
        "lives": client.ttl(session),
    }


def ask() -> dict[str, Any]:
    """The specification's question, by client library, GraphQL and REST; and a passage of the application's own."""
    address = urllib.parse.urlsplit(WEAVIATE_URL)
    certainty = float(os.environ["CHRISTMAS_SEARCH_CERTAINTY"])
    with weaviate.connect_to_custom(
        http_host=str(address.hostname),
        http_port=int(address.port or 443),
        http_secure=True,
        grpc_host=os.environ["WEAVIATE_GRPC_HOST"],
        grpc_port=int(os.environ["WEAVIATE_GRPC_PORT"]),
        grpc_secure=True,
        auth_credentials=Auth.api_key(os.environ["WEAVIATE_API_KEY"]),
        headers={"X-OpenAI-Api-Key": OPENAI_API_KEY},
        additional_config=AdditionalConfig(trust_env=True),
    ) as client:
        store = client.collections.use("ChristmasDocument")
        own: dict[str, Any] = {
            "content": "바나나 빵은 잘 익은 바나나, 밀가루, 달걀, 설탕으로 굽습니다.",
            "file_path": "recipes/bread.md",
            "section": "빵",
            "chunk_id": 1,
            "metadata": json.dumps({"timestamp": "2025-05-11T00:00:00Z", "tokens": 75}),
        }
        found = store.query.near_text(QUESTION, certainty=certainty, limit=5, return_metadata=MetadataQuery(certainty=True)).objects
        nothing = store.query.near_text("How do I bake banana bread?", certainty=certainty, limit=5).objects
        made = store.data.insert(own)
        answer = store.query.fetch_object_by_id(made)
        store.data.update(made, properties={"chunk_id": 2})
        store.data.delete_by_id(made)
    near = f'nearText: {{ concepts: ["{QUESTION}"], certainty: {certainty} }}'
    query = f"{{ Get {{ ChristmasDocument({near} limit: 5) {{ content file_path section _additional {{ certainty id }} }} }} }}"
    graph = _rest("POST", "/v1/graphql", {"query": query})["data"]["Get"]["ChristmasDocument"]
    return {
        "sections": [each.properties["section"] for each in found],
        "foreign": len(nothing),
        "graphql": [each["_additional"]["id"] for each in graph] == [str(each.uuid) for each in found],
        "own": bool(answer and answer.properties["section"] == "빵"),
        "class": _rest("GET", "/v1/schema/ChristmasDocument")["vectorIndexConfig"]["efConstruction"],
    }


def _rest(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    headers = {
        "Authorization": f"Bearer {os.environ['WEAVIATE_API_KEY']}",
        "Content-Type": "application/json",
        "X-OpenAI-Api-Key": OPENAI_API_KEY,
    }
    request = urllib.request.Request(WEAVIATE_URL + path, None if body is None else json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request, context=ssl.create_default_context()) as response:
        return json.load(response)


def main() -> None:
    """Everything once, then away with what may go."""
    done = trade()
    with psycopg.connect(DATABASE_URL) as connection:
        numbers = connection.execute("select nextval('users_id_seq'), currval('users_id_seq'), lastval()").fetchone()
        with connection.cursor().copy("copy market_data (symbol, timestamp, close) from stdin") as copy:
            copy.write_row(("IBM", datetime.datetime.now(datetime.UTC), Decimal(7)))
        copied = connection.execute("select count(*) from market_data where symbol = 'IBM'").fetchone()
    told = {**done, "numbers": numbers and len(set(numbers)), "copied": copied and copied[0], **remember(done["user"]), **ask()}
    json.dump(told, sys.stdout, ensure_ascii=False)


if __name__ == "__main__":
    main()
